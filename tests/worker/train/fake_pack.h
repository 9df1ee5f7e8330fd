// A small pack and events in memory, for the training tests.
#ifndef ECGTRAIN_TESTS_WORKER_TRAIN_FAKE_PACK_H_
#define ECGTRAIN_TESTS_WORKER_TRAIN_FAKE_PACK_H_

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/temporary_folder.h"
#include "worker/data/pack.h"
#include "worker/model/counter_random.h"
#include "worker/train/events.h"

namespace ecgtrain {

// Two records for each patient, folds in turn, a label task "all" with classes A and B. Every seventh record
// has no labels. Samples are a function of the record's number.
class FakePack final : public Pack {
 public:
  FakePack(size_t records, uint32_t length) : FakePack(std::vector<uint32_t>(records, length)) {}
  explicit FakePack(std::vector<uint32_t> lengths) : lengths_(std::move(lengths)) {
    info_.dataset = "fake";
    info_.digest = "fake-digest";
    info_.rate = 100;
    info_.millivolts_per_unit = 0.001f;
    info_.tasks = {{"all", {"A", "B"}}};
    for (size_t i = 0; i < lengths_.size(); ++i) {
      const RandomStream stream(1, RandomPurpose::kMask, i);
      samples_.emplace_back();
      for (size_t k = 0; k < size_t{lengths_[i]} * kLeads; ++k) {
        samples_[i].push_back(static_cast<int16_t>(stream.Below(k, 2001)) - 1000);
      }
    }
  }

  const PackInfo& info() const override { return info_; }
  size_t size() const override { return lengths_.size(); }
  PackRecord record(size_t index) const override {
    return {.id = absl::StrCat("r", index),
            .patient = absl::StrCat("p", index / 2),
            .fold = static_cast<uint32_t>(index / 2 % 10 + 1),
            .length = lengths_[index],
            .samples = samples_[index]};
  }
  std::vector<bool> labels(size_t index, size_t) const override {
    if (index % 7 == 6) return {};
    return {index % 2 == 0, index % 3 == 0};
  }
  absl::Status Verify() const override { return absl::OkStatus(); }

 private:
  PackInfo info_;
  std::vector<uint32_t> lengths_;
  std::vector<std::vector<int16_t>> samples_;
};

// Keeps events in memory.
class FakeEvents final : public EventSink {
 public:
  absl::Status Append(absl::string_view type, nlohmann::json members) override {
    members["type"] = type;
    events.push_back(std::move(members));
    return absl::OkStatus();
  }
  std::vector<nlohmann::json> OfType(const std::string& type) const {
    std::vector<nlohmann::json> result;
    for (const auto& event : events) {
      if (event["type"] == type) result.push_back(event);
    }
    return result;
  }

  std::vector<nlohmann::json> events;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_TRAIN_FAKE_PACK_H_
