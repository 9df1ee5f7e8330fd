// Uploads files of attempts, a few at once, on the link's own channel for transfers, so that heartbeats and
// reports never wait behind a checkpoint.
#ifndef ECGTRAIN_WORKER_AGENT_UPLOADER_H_
#define ECGTRAIN_WORKER_AGENT_UPLOADER_H_

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/retry_policy.h"
#include "common/clock.h"
#include "common/mutex.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/agent/coordinator_link.h"

namespace ecgtrain {

struct UploadJob {
  v1::AttemptRef attempt;
  v1::ArtifactFile file;
  std::filesystem::path path;
  // Called once, on a thread of the uploader: OK when the file is stored, else why it never will be. Not
  // called after Cancel or the end of the uploader.
  std::function<void(const absl::Status&)> done;
};

// A cut transfer goes on at the durable size that the coordinator tells; one that is refused for good (a file
// that is gone or has changed, a third wrong digest, a stale token) is given up. Thread-safe.
class Uploader {
 public:
  Uploader(CoordinatorLink& link, Clock& clock, RetryPolicy retry, int parallel = 4);
  // Shut the link down first: it ends what is under way.
  ~Uploader();

  void Add(UploadJob job);
  // Drops what waits and waits for what runs: after the return no `done` of the attempt is called.
  void Cancel(const v1::AttemptRef& attempt);

 private:
  struct Entry {
    uint64_t id;
    UploadJob job;
    Backoff backoff;
    absl::Duration not_before;
    int wrong_digests = 0;
    bool running = false;
    bool cancelled = false;
  };

  void Work();
  Entry* Next(absl::Duration now, absl::Duration& wake) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Upload(const UploadJob& job, const std::function<bool()>& cancelled);
  // True when the entry is to be tried again.
  static bool IsWorthAnotherTry(const absl::Status& status, Entry& entry);
  void Remove(const Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  CoordinatorLink& link_;
  Clock& clock_;
  const RetryPolicy retry_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::unique_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_UPLOADER_H_
