#include <google/protobuf/util/message_differencer.h>

#include <deque>

#include "common/status_macros.h"
#include "server/api/follow_sources.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/job_query.h"

namespace ecgtrain {
namespace {

constexpr int kEventsAtOnce = 100;
constexpr absl::Duration kSnapshotEvery = absl::Seconds(1);

class WatchSource final : public FollowSource<v1::WatchJobResponse> {
 public:
  WatchSource(Coordinator& coordinator, int64_t job_id, int64_t after, bool until_ended)
      : coordinator_(coordinator), job_id_(job_id), last_event_(after), until_ended_(until_ended) {}

  absl::StatusOr<FollowStep> Next(v1::WatchJobResponse& response) override {
    if (events_.empty()) RETURN_IF_ERROR(Read());
    if (!events_.empty()) return SendEvent(response);
    const bool changed = !google::protobuf::util::MessageDifferencer::Equals(job_, sent_);
    const absl::Duration since = coordinator_.clock().Monotonic() - sent_at_;
    if (snapshot_due_ || (changed && since >= kSnapshotEvery)) return SendSnapshot(response);
    if (until_ended_ && IsEnded(job_.state())) return FollowStep{.kind = FollowStep::kEnd};
    FollowStep step;
    if (changed) step.wait = kSnapshotEvery - since;
    return step;
  }

  void FillQuiet(v1::WatchJobResponse& response) override { response.set_last_event(last_event_); }
  int64_t job_id() const override { return job_id_; }

 private:
  absl::Status Read() {
    return coordinator_.store().Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(job_, reader.GetJob(job_id_));
      job_.clear_spec();
      ASSIGN_OR_RETURN(const auto events, reader.Events(job_id_, last_event_, kEventsAtOnce));
      events_.assign(events.begin(), events.end());
      return absl::OkStatus();
    });
  }

  FollowStep SendEvent(v1::WatchJobResponse& response) {
    last_event_ = events_.front().seq();
    *response.mutable_event() = std::move(events_.front());
    response.set_last_event(last_event_);
    events_.pop_front();
    snapshot_due_ = true;
    return {.kind = FollowStep::kSend};
  }

  FollowStep SendSnapshot(v1::WatchJobResponse& response) {
    *response.mutable_snapshot() = job_;
    response.set_last_event(last_event_);
    sent_ = job_;
    sent_at_ = coordinator_.clock().Monotonic();
    snapshot_due_ = false;
    return {.kind = FollowStep::kSend};
  }

  Coordinator& coordinator_;
  const int64_t job_id_;
  int64_t last_event_;
  const bool until_ended_;
  std::deque<v1::JobEvent> events_;  // read, not sent yet
  v1::Job job_;                      // as of the last read
  v1::Job sent_;
  absl::Duration sent_at_;
  bool snapshot_due_ = true;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FollowSource<v1::WatchJobResponse>>> MakeWatchSource(
    Coordinator& coordinator, const std::string& user, const v1::WatchJobRequest& request) {
  int64_t id = 0;
  RETURN_IF_ERROR(coordinator.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(id, FindJob(reader, request.job(), user));
    return reader.GetJob(id).status();
  }));
  return std::make_unique<WatchSource>(coordinator, id, request.after_event(), request.until_ended());
}

}  // namespace ecgtrain
