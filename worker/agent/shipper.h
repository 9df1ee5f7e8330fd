// Ships what one trainer writes, events and log, to the coordinator, and hands the files that its events name
// to the uploader.
#ifndef ECGTRAIN_WORKER_AGENT_SHIPPER_H_
#define ECGTRAIN_WORKER_AGENT_SHIPPER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/retry_policy.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/cursor.h"
#include "worker/agent/event_reader.h"
#include "worker/agent/log_reader.h"
#include "worker/agent/uploader.h"

namespace ecgtrain {

struct ShipperOptions {
  absl::Duration poll = absl::Milliseconds(100);
  // For the uploads that are left when trainer and events are done.
  absl::Duration upload_time = absl::Minutes(15);  // and for log bytes that the coordinator does not take
  RetryPolicy retry;
  LogLimits log;
};

// The files are the queue: nothing is kept in memory but one batch, and what the coordinator has acknowledged
// decides where to go on, not what we remember. Run belongs to one thread; the other methods may be called
// from any.
class Shipper {
 public:
  enum class Outcome {
    kShipped,  // all acknowledged, all uploads stored or given up
    kStale,    // the attempt is somebody else's by now
    kUnknown,  // the coordinator does not know the attempt
    kLeft,     // Leave was called
  };

  Shipper(const AttemptDirectory& directory, Cursor& cursor, CoordinatorLink& link, Uploader& uploader,
          Clock& clock, const ShipperOptions& options);

  // Returns after TrainerGone when there is no more to ship, or with one of the other outcomes.
  Outcome Run();

  // Nothing is written to the directory any more.
  void TrainerGone();
  void Leave();

  // The last step that an event has named.
  uint64_t step() const { return step_; }

 private:
  enum class Next { kSend, kWait, kDone };

  absl::Status FindPosition();
  absl::StatusOr<Next> Fill();
  absl::Status FillEvents();
  absl::Status FillLog(bool complete);
  bool LogIsGivenUp(bool gone) const;
  absl::Status Send();
  absl::Status Settle(const v1::ReportEventsResponse& response);
  absl::Status AfterRefusal(const absl::Status& refusal);
  void Rewind(uint64_t acknowledged);
  void TakeNote(const v1::TrainerEvent& event);
  void AddUpload(const v1::TrainerEvent& event, const v1::ArtifactFile& file,
                 const std::filesystem::path& path);
  void ReleaseUploads();
  bool UploadsAreOver();
  void SaveCursor(bool now);
  // False when it is time to leave.
  bool WaitFor(absl::Duration duration);
  std::optional<Outcome> OutcomeOf(const absl::Status& status);

  const AttemptDirectory& directory_;
  Cursor& cursor_;
  CoordinatorLink& link_;
  Uploader& uploader_;
  Clock& clock_;
  const ShipperOptions options_;

  // Of the thread in Run.
  EventReader reader_;
  LogReader log_;
  v1::ReportEventsRequest batch_;
  bool positioned_ = false;
  uint64_t acknowledged_ = 0;
  uint64_t log_offset_ = 0;
  uint64_t noted_ = 0;         // events up to this one have been looked at for uploads
  uint64_t single_until_ = 0;  // after a refusal events go one by one up to this one
  std::deque<std::pair<uint64_t, UploadJob>> unnamed_uploads_;  // until their event is acknowledged
  absl::Duration cursor_saved_;
  bool log_waits_ = false;                           // the coordinator has not taken all that it was sent
  std::optional<absl::Duration> log_refused_since_;  // it has taken nothing of it since then
  std::optional<absl::Duration> give_up_uploads_at_;
  std::atomic<uint64_t> step_ = 0;

  Mutex mutex_;
  CondVar changed_;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;
  int uploads_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_SHIPPER_H_
