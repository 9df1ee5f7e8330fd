#include "worker/train/checkpoint_keeper.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

absl::StatusOr<std::vector<CheckpointFile>> WriteCatching(const std::filesystem::path& folder,
                                                          const Checkpoint& checkpoint) {
  try {
    return WriteCheckpoint(folder, checkpoint);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("writing a checkpoint: ", error.what()));
  }
}

}  // namespace

bool LargerIsBetter(absl::string_view metric) { return metric != "validation/loss"; }

std::optional<double> ManifestMetric(const Json& manifest, const std::string& metric) {
  const auto metrics = manifest.find("metrics");
  if (metrics == manifest.end() || !metrics->is_object()) return std::nullopt;
  const auto value = metrics->find(metric);
  if (value == metrics->end() || !value->is_number()) return std::nullopt;
  return value->get<double>();
}

CheckpointKeeper::CheckpointKeeper(std::filesystem::path folder, RetentionConfig config, EventSink& events)
    : folder_(std::move(folder)), config_(std::move(config)), events_(events) {
  for (const uint64_t step : ListCheckpoints(folder_)) {
    const auto manifest = ReadManifest(folder_ / run_directory::CheckpointName(step));
    // A damaged one is nobody's last or best; it stays for a person to look at.
    if (manifest.ok()) kept_.push_back({step, ManifestMetric(*manifest, config_.metric)});
  }
  std::reverse(kept_.begin(), kept_.end());
}

CheckpointKeeper::~CheckpointKeeper() {
  if (writing_.valid()) writing_.wait();
}

absl::Status CheckpointKeeper::Save(Checkpoint checkpoint, bool best, SaveMode mode) {
  RETURN_IF_ERROR(Collect(mode != SaveMode::kSkipIfBusy));
  if (busy()) return absl::OkStatus();
  current_ = checkpoint.manifest;
  current_best_ = best;
  writing_ = std::async(std::launch::async, [folder = folder_, content = std::move(checkpoint)] {
    return WriteCatching(folder, content);
  });
  return mode == SaveMode::kDurable ? Finish() : absl::OkStatus();
}

absl::Status CheckpointKeeper::Finish() {
  RETURN_IF_ERROR(Collect(true));
  if (full_disk_count_ == 0) return absl::OkStatus();
  return Failure(run_directory::ExitReason::kDiskFull,
                 "the disk is full: the last checkpoint could not be saved");
}

absl::Status CheckpointKeeper::Poll() { return Collect(false); }

absl::Status CheckpointKeeper::Collect(bool wait) {
  if (!writing_.valid()) return absl::OkStatus();
  if (!wait && writing_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return absl::OkStatus();
  const Written files = writing_.get();
  if (files.ok()) {
    full_disk_count_ = 0;
    RETURN_IF_ERROR(Announce(*files));
    return ApplyRetention();
  }
  if (files.status().code() != absl::StatusCode::kResourceExhausted) return files.status();
  ++full_disk_count_;
  if (full_disk_count_ >= kFullDiskLimit) {
    return Failure(run_directory::ExitReason::kDiskFull,
                   absl::StrCat("no checkpoint could be saved ", full_disk_count_,
                                " times in a row: ", files.status().message()));
  }
  return events_.Append("warning",
                        {{"code", "DISK_FULL"},
                         {"message", absl::StrCat("checkpoint of step ", current_["step"].get<uint64_t>(),
                                                  " left out: ", files.status().message())}});
}

absl::Status CheckpointKeeper::Announce(const std::vector<CheckpointFile>& files) {
  const auto step = current_["step"].get<uint64_t>();
  const std::optional<double> metric = ManifestMetric(current_, config_.metric);
  Json list = Json::array();
  for (const CheckpointFile& file : files) {
    list.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  Json event = {{"name", run_directory::CheckpointName(step)},
                {"step", step},
                {"epoch", current_["epoch"]},
                {"best", current_best_},
                {"files", list}};
  if (metric.has_value()) event["metric"] = {{"name", config_.metric}, {"value", *metric}};
  std::erase_if(kept_, [step](const Kept& kept) { return kept.step == step; });
  kept_.push_back({step, metric});
  std::sort(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.step < b.step; });
  return events_.Append("checkpoint", event);
}

absl::Status CheckpointKeeper::ApplyRetention() {
  std::set<uint64_t> wanted;
  for (size_t i = kept_.size() - std::min<size_t>(config_.keep_last, kept_.size()); i < kept_.size(); ++i) {
    wanted.insert(kept_[i].step);
  }
  std::vector<Kept> ranking;
  std::copy_if(kept_.begin(), kept_.end(), std::back_inserter(ranking),
               [](const Kept& kept) { return kept.metric.has_value(); });
  std::stable_sort(ranking.begin(), ranking.end(), [this](const Kept& a, const Kept& b) {
    return LargerIsBetter(config_.metric) ? *a.metric > *b.metric : *a.metric < *b.metric;
  });
  for (size_t i = 0; i < ranking.size() && i < config_.keep_best; ++i) wanted.insert(ranking[i].step);
  for (const Kept& kept : std::vector<Kept>(kept_)) {
    if (wanted.contains(kept.step)) continue;
    RETURN_IF_ERROR(RemoveCheckpoint(folder_, kept.step));
    std::erase_if(kept_, [&kept](const Kept& other) { return other.step == kept.step; });
    RETURN_IF_ERROR(
        events_.Append("checkpoint_removed", {{"name", run_directory::CheckpointName(kept.step)}}));
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
