#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/api/follow_sources.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/job_query.h"

namespace ecgtrain {
namespace {

constexpr size_t kLongestPattern = 1024;
constexpr int64_t kPatternMemory = 1 << 20;

// Points that a later attempt made again: those behind the step that it went on from. An attempt that never
// reached its training has replaced nothing.
bool IsSuperseded(const v1::MetricPoint& point, const std::vector<v1::Attempt>& attempts) {
  for (const v1::Attempt& later : attempts) {
    if (later.number() > point.attempt() && !later.environment().empty() &&
        point.step() > later.resumed_step()) {
      return true;
    }
  }
  return false;
}

class MetricsSource final : public FollowSource<v1::ReadMetricsResponse> {
 public:
  MetricsSource(Coordinator& coordinator, int64_t job_id, const v1::ReadMetricsRequest& request,
                std::unique_ptr<RE2> names)
      : coordinator_(coordinator),
        job_id_(job_id),
        request_(request),
        cursor_(request.after()),
        names_(std::move(names)) {}

  absl::StatusOr<FollowStep> Next(v1::ReadMetricsResponse& response) override {
    if (ended_) return FollowStep{.kind = FollowStep::kEnd};
    while (true) {
      ASSIGN_OR_RETURN(const bool more, Read(response));
      if (response.points_size() > 0) return FollowStep{.kind = FollowStep::kSend};
      if (!more) break;
    }
    if (request_.follow() && !IsEnded(state_)) return FollowStep{};
    ended_ = true;
    response.set_final_state(state_);
    *response.mutable_cursor() = cursor_;
    return FollowStep{.kind = FollowStep::kSend};
  }

  void FillQuiet(v1::ReadMetricsResponse& response) override { *response.mutable_cursor() = cursor_; }
  int64_t job_id() const override { return job_id_; }

 private:
  // Takes the rows behind the cursor; false when there are none.
  absl::StatusOr<bool> Read(v1::ReadMetricsResponse& response) {
    std::vector<MetricRow> rows;
    std::vector<v1::Attempt> attempts;
    RETURN_IF_ERROR(coordinator_.store().Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(job_id_));
      state_ = job.state();
      ASSIGN_OR_RETURN(attempts, reader.ListAttempts(job_id_));
      ASSIGN_OR_RETURN(rows, reader.Metrics({.job_id = job_id_, .after = cursor_}));
      return absl::OkStatus();
    }));
    for (MetricRow& row : rows) {
      cursor_.set_attempt(row.point.attempt());
      cursor_.set_seq(row.seq);
      if (names_ != nullptr && !RE2::FullMatch(row.point.name(), *names_)) continue;
      if (!request_.all_attempts() && IsSuperseded(row.point, attempts)) continue;
      *response.add_points() = std::move(row.point);
    }
    *response.mutable_cursor() = cursor_;
    return !rows.empty();
  }

  Coordinator& coordinator_;
  const int64_t job_id_;
  const v1::ReadMetricsRequest request_;
  v1::MetricCursor cursor_;
  const std::unique_ptr<RE2> names_;  // null: all
  v1::JobState state_ = v1::JOB_STATE_UNSPECIFIED;
  bool ended_ = false;
};

absl::StatusOr<std::unique_ptr<RE2>> CompileNames(const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  if (pattern.size() > kLongestPattern) {
    return absl::InvalidArgumentError(absl::StrCat("names is over ", kLongestPattern, " bytes"));
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemory);
  auto compiled = std::make_unique<RE2>(pattern, options);
  if (compiled->ok()) return compiled;
  return absl::InvalidArgumentError(absl::StrCat("names is no regular expression: ", compiled->error()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FollowSource<v1::ReadMetricsResponse>>> MakeMetricsSource(
    Coordinator& coordinator, const std::string& user, const v1::ReadMetricsRequest& request) {
  ASSIGN_OR_RETURN(std::unique_ptr<RE2> names, CompileNames(request.names()));
  int64_t id = 0;
  RETURN_IF_ERROR(coordinator.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(id, FindJob(reader, request.job(), user));
    return reader.GetJob(id).status();
  }));
  return std::make_unique<MetricsSource>(coordinator, id, request, std::move(names));
}

}  // namespace ecgtrain
