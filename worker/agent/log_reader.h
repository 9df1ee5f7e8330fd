// trainer.log as the coordinator gets it: whole, or head and tail when it is longer than is kept.
#ifndef ECGTRAIN_WORKER_AGENT_LOG_READER_H_
#define ECGTRAIN_WORKER_AGENT_LOG_READER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace ecgtrain {

struct LogLimits {
  // Together with the marker below what the coordinator takes of one attempt, 2 GiB.
  uint64_t head = (uint64_t{2} << 30) - (8 << 20);
  uint64_t tail = 4 << 20;
};

// Up to `head` bytes the shipped log is the file. Of a longer one follow, once the trainer is gone, a line
// that says how much is left out, and the last `tail` bytes: a function of the finished file, the same each
// time it is read. Thread-compatible.
class LogReader {
 public:
  LogReader(std::filesystem::path path, const LogLimits& limits) : path_(std::move(path)), limits_(limits) {}

  // At most `size` bytes of the shipped log from `offset` on; "" when there are none yet. `complete`: nothing
  // is written to the file any more. Errors as in durable_file.h.
  absl::StatusOr<std::string> Read(uint64_t offset, size_t size, bool complete);

 private:
  absl::StatusOr<std::string> ReadFileAt(uint64_t offset, size_t size);
  absl::StatusOr<std::string> ReadPastHead(uint64_t offset, size_t size);

  const std::filesystem::path path_;
  const LogLimits limits_;
  UniqueFd file_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_LOG_READER_H_
