// The worker's half of a run directory (docs/run-directory.md): what it writes for the trainer and for its
// own successor, and what it reads of the trainer's last words.
#ifndef ECGTRAIN_WORKER_AGENT_ATTEMPT_DIRECTORY_H_
#define ECGTRAIN_WORKER_AGENT_ATTEMPT_DIRECTORY_H_

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ecgtrain/v1/spec.pb.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {

// "42.1"
std::string AttemptName(const v1::AttemptRef& attempt);
bool SameAttempt(const v1::AttemptRef& a, const v1::AttemptRef& b);  // token included

// True for a name that is safe as one component of a path: letters, digits, '.', '_' and '-', no leading dot.
bool IsPlainFileName(absl::string_view name);

// What a trainer is given to run on.
struct TrainerDevice {
  std::string kind;                // "cpu" or "gpu"
  std::vector<std::string> uuids;  // of GPUs
  uint32_t threads = 1;
};

struct TrainerSpec {
  v1::JobSpec spec;
  std::filesystem::path pack;
  std::string source_digest;  // that the pack is to have; "": any
  bool parent = false;        // inputs/parent is there
  bool resume = false;        // inputs/resume is there
  TrainerDevice device;
};

// process.json. The start time (clock ticks after boot, field 22 of /proc/PID/stat) tells a process from a
// later one with the same number.
struct ProcessRecord {
  pid_t pid = 0;
  uint64_t start_time = 0;
  int64_t token = 0;
  std::vector<std::string> devices;
};

// exit.json
struct ExitRecord {
  run_directory::ExitReason reason = run_directory::ExitReason::kInternal;
  std::string message;
  uint64_t step = 0;
};

// Paths and files of one attempt. Immutable: thread-safe as far as callers touch different files.
class AttemptDirectory {
 public:
  // `attempts` is the folder of all run directories.
  AttemptDirectory(const std::filesystem::path& attempts, const v1::AttemptRef& attempt)
      : path_(attempts / AttemptName(attempt)), attempt_(attempt) {}

  // One that an earlier process of this worker has prepared. NOT_FOUND without a spec.json, DATA_LOSS for one
  // that is not readable or belongs elsewhere.
  static absl::StatusOr<AttemptDirectory> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path File(absl::string_view name) const { return path_ / std::string(name); }
  const v1::AttemptRef& attempt() const { return attempt_; }

  // The folders, without the leftovers of an earlier try to prepare the attempt.
  absl::Status Create() const;
  // Create and WriteSpec wait for no disk: a loss of power before Sync ends the trainer too, and what is
  // missing then was never reported.
  absl::Status WriteSpec(const TrainerSpec& spec) const;
  absl::Status Sync() const;
  absl::Status WriteProcess(const ProcessRecord& record) const;
  // NOT_FOUND, or DATA_LOSS for a broken or foreign record.
  absl::StatusOr<ProcessRecord> ReadProcess() const;
  absl::StatusOr<ExitRecord> ReadExit() const;

 private:
  std::filesystem::path path_;
  v1::AttemptRef attempt_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_ATTEMPT_DIRECTORY_H_
