#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/api/follow_sources.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/job_query.h"

namespace ecgtrain {
namespace {

constexpr size_t kBytesAtOnce = 256 << 10;

class LogSource final : public FollowSource<v1::ReadLogsResponse> {
 public:
  LogSource(Coordinator& coordinator, int64_t job_id, const v1::ReadLogsRequest& request)
      : coordinator_(coordinator),
        job_id_(job_id),
        request_(request),
        attempt_(request.attempt()),
        offset_(request.offset()) {}

  absl::StatusOr<FollowStep> Next(v1::ReadLogsResponse& response) override {
    if (ended_) return FollowStep{.kind = FollowStep::kEnd};
    RETURN_IF_ERROR(coordinator_.store().Read([&](StoreReader& reader) { return Read(reader, response); }));
    response.set_attempt(attempt_);
    if (!response.data().empty()) {
      response.set_offset(offset_);
      offset_ += response.data().size();
      return FollowStep{.kind = FollowStep::kSend};
    }
    if (request_.follow() && writing_) return FollowStep{};
    ended_ = true;
    response.set_offset(offset_);
    response.mutable_end()->set_final_offset(final_offset_);
    response.mutable_end()->set_job_state(state_);
    return FollowStep{.kind = FollowStep::kSend};
  }

  void FillQuiet(v1::ReadLogsResponse& response) override {
    response.set_attempt(attempt_);
    response.set_offset(offset_);
  }
  int64_t job_id() const override { return job_id_; }

 private:
  absl::Status Read(StoreReader& reader, v1::ReadLogsResponse& response) {
    ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(job_id_));
    state_ = job.state();
    if (attempt_ == 0) attempt_ = job.attempts();
    writing_ = !IsEnded(state_);
    if (attempt_ == 0) return absl::OkStatus();  // not leased yet
    ASSIGN_OR_RETURN(const v1::Attempt attempt, reader.GetAttempt(job_id_, attempt_));
    writing_ = attempt.state() != v1::ENDED;
    final_offset_ = attempt.acknowledged_log_offset();
    if (request_.tail_bytes() > 0 && !tail_found_)
      offset_ = final_offset_ - std::min(final_offset_, request_.tail_bytes());
    tail_found_ = true;
    if (offset_ > final_offset_) {
      return absl::OutOfRangeError(absl::StrCat("the log of attempt ", job_id_, ".", attempt_, " has ",
                                                final_offset_, " bytes; none at ", offset_));
    }
    ASSIGN_OR_RETURN(*response.mutable_data(), reader.Log(job_id_, attempt_, offset_, kBytesAtOnce));
    return absl::OkStatus();
  }

  Coordinator& coordinator_;
  const int64_t job_id_;
  const v1::ReadLogsRequest request_;
  uint32_t attempt_;
  uint64_t offset_;
  uint64_t final_offset_ = 0;
  v1::JobState state_ = v1::JOB_STATE_UNSPECIFIED;
  bool writing_ = true;  // more bytes may come
  bool tail_found_ = false;
  bool ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FollowSource<v1::ReadLogsResponse>>> MakeLogSource(
    Coordinator& coordinator, const std::string& user, const v1::ReadLogsRequest& request) {
  int64_t id = 0;
  RETURN_IF_ERROR(coordinator.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(id, FindJob(reader, request.job(), user));
    RETURN_IF_ERROR(reader.GetJob(id).status());
    return request.attempt() == 0 ? absl::OkStatus() : reader.GetAttempt(id, request.attempt()).status();
  }));
  return std::make_unique<LogSource>(coordinator, id, request);
}

}  // namespace ecgtrain
