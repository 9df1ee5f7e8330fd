// One attempt that an agent holds: AttemptRunner and Shipper (worker/agent) as events instead of threads.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_HELD_RUN_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_HELD_RUN_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/fault/simulation/worker_process.h"
#include "worker/agent/end_reason.h"

namespace ecgtrain::simulation {

// Bound to one thread.
class HeldRun {
 public:
  // A new one, or with `adopt` one that an earlier agent has prepared. `over` is called when there is nothing
  // left to do; it may destroy the object.
  HeldRun(const WorkerContext& context, const Host::Key& key, bool adopt, std::function<void()> over);
  ~HeldRun() { *alive_ = false; }

  v1::HeldAttempt Held() const;
  const v1::AttemptRef& attempt() const { return attempt_; }
  bool done() const { return done_; }
  void Stop(v1::StopRequest why, bool now);
  void Abandon(bool now);
  void NoteExit(const ProcessEnd& end);

 private:
  using State = v1::HeldAttempt;

  RunDirectory& directory() const { return context_.host.directories.at(key_); }
  void After(absl::Duration delay, std::function<void()> event);
  template <typename Response>
  void Call(std::function<void(Coordinator&, Done<Response>)> handler, Done<Response> done);

  void FetchInputs();
  void AwaitDevices();
  void FailStart(const absl::Status& status);
  void AskToEnd(absl::Duration grace);

  void Ship();
  void FindPosition();
  void Send();
  void NoteRefusal(const absl::Status& status);
  void ReleaseUploads();
  void Upload(const v1::ArtifactFile& file);
  void SendChunks(const v1::ArtifactFile& file, const std::string& content,
                  const v1::QueryUploadResponse& place);
  void UploadOver() { --uploads_; }
  void RetryUpload(const absl::Status& status, const v1::ArtifactFile& file);
  bool AllShipped();
  void Finish();
  void MoveToOrphans();

  const WorkerContext context_;
  const Host::Key key_;
  const v1::AttemptRef attempt_;
  const std::function<void()> over_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with what is scheduled
  State::State state_ = State::PREPARING;
  v1::StopRequest stop_ = v1::STOP_NONE;
  std::optional<absl::Duration> kill_at_;
  bool abandoned_ = false;
  std::optional<ProcessEnd> end_;
  std::optional<absl::Status> failed_start_;
  bool finishing_ = false;
  bool done_ = false;

  bool positioned_ = false;
  uint64_t acknowledged_ = 0;
  uint64_t log_offset_ = 0;
  uint64_t noted_ = 0;
  std::deque<std::pair<uint64_t, v1::ArtifactFile>> unnamed_uploads_;
  int uploads_ = 0;
  std::optional<absl::Duration> give_up_uploads_at_;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_HELD_RUN_H_
