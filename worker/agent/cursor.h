// cursor.json: what the worker must remember about an attempt across a restart of its own.
#ifndef ECGTRAIN_WORKER_AGENT_CURSOR_H_
#define ECGTRAIN_WORKER_AGENT_CURSOR_H_

#include <cstdint>
#include <filesystem>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/mutex.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

struct CursorRecord {
  // Acknowledged by the coordinator; its own numbers win over these.
  uint64_t seq = 0;
  uint64_t log_offset = 0;
  // Why the trainer was asked to stop: its end is explained by this even when a successor of the worker sees
  // it.
  v1::StopRequest stop = v1::STOP_NONE;
  // When the coordinator acknowledged the end; the directory is kept for a while after.
  std::optional<absl::Time> finished;
};

// Thread-safe.
class Cursor {
 public:
  // Reads the file; a missing or broken one counts as empty, because the coordinator knows better.
  explicit Cursor(std::filesystem::path path);

  CursorRecord Get();
  // Changes the record in memory and writes it durably. Errors as in durable_file.h.
  absl::Status Update(absl::FunctionRef<void(CursorRecord&)> change);

 private:
  const std::filesystem::path path_;
  Mutex mutex_;
  CursorRecord record_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_CURSOR_H_
