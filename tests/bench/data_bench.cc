// Rounds of reading a data set, and of making batches from a pack, for tests/bench/data.py: one round for
// each line on standard input, one JSON object a line on standard output.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/json.h"
#include "worker/data/data_set.h"
#include "worker/data/pack.h"
#include "worker/train/batch.h"
#include "worker/train/device.h"
#include "worker/train/record_set.h"

namespace ecgtrain {
namespace {

struct Options {
  DataSetOptions source{.rate = 100};
  std::string pack;
  uint32_t samples = 1024;
  size_t batch = 64;
  bool bfloat16 = false;
  AugmentSettings augment;
};

// Calls `round`, which returns how many records it went through.
template <typename Round>
int Follow(const Round& round) {
  std::cout << nlohmann::json{{"ready", true}} << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    const size_t records = round();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    std::cout << nlohmann::json{{"per_s", static_cast<double>(records) / time.count()}} << std::endl;
  }
  return 0;
}

int Fail(const absl::Status& status) {
  std::cerr << "data_bench: " << status.message() << std::endl;
  return 1;
}

int Read(const Options& options) {
  const auto set = OpenDataSet(options.source);
  if (!set.ok()) return Fail(set.status());
  return Follow([&] {
    size_t values = 0;
    for (size_t i = 0; i < (*set)->size(); ++i) values += (*set)->Read(i)->millivolts.size();
    return values == 0 ? 0 : (*set)->size();
  });
}

// What one thread feeds a pretraining: signals, augmented or not, masked and whole.
int Feed(const Options& options) {
  const auto pack = Pack::Open(options.pack);
  if (!pack.ok()) return Fail(pack.status());
  const auto device = PrepareDevice(
      {.threads = 1}, options.bfloat16 ? Precision::kBf16 : Precision::kFp32);  // as a trainer does
  if (!device.ok()) return Fail(device.status());
  const BatchMaker maker(**pack, {.samples = options.samples}, *device);
  RecordSet records((*pack)->size());
  for (size_t i = 0; i < records.size(); ++i) records[i] = i;
  Masking masking{{.cell = (*pack)->info().rate * 4 / 25}, 1};
  return Follow([&] {
    const RecordSet order = EpochOrder(records, 1, ++masking.epoch);
    size_t fed = 0;
    for (size_t first = 0; first < order.size(); first += options.batch) {
      const auto batch_records = absl::MakeConstSpan(order).subspan(first, options.batch);
      const Augmentation augmentation{options.augment, 1, masking.epoch};
      const std::vector<Window> windows = maker.Windows(batch_records, augmentation);
      fed += static_cast<size_t>(maker.MaskedSignals(windows, augmentation, masking).x.size(0));
    }
    return fed;
  });
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  ecgtrain::Options options;
  CLI::App app("Throughput of reading and of the input path", "data_bench");
  app.require_subcommand(1);
  CLI::App* read = app.add_subcommand("read", "Records of a data set");
  read->add_option("--type", options.source.type)->required();
  read->add_option("--path", options.source.path)->required();
  read->add_option("--rate", options.source.rate);
  CLI::App* feed = app.add_subcommand("feed", "Batches from a pack");
  feed->add_option("--pack", options.pack)->required();
  feed->add_option("--samples", options.samples, "of one input");
  feed->add_option("--batch", options.batch)->check(CLI::Range(1, 4096));
  feed->add_flag("--bfloat16", options.bfloat16);
  feed->add_flag("--crop", options.augment.crop);
  feed->add_option("--gain", options.augment.gain);
  feed->add_option("--noise", options.augment.noise);
  feed->add_option("--wander", options.augment.wander);
  feed->add_option("--lead-drop", options.augment.lead_drop);
  CLI11_PARSE(app, argc, argv);
  return *read ? ecgtrain::Read(options) : ecgtrain::Feed(options);
}
