// Follows events.jsonl while the trainer writes it.
#ifndef ECGTRAIN_WORKER_AGENT_EVENT_READER_H_
#define ECGTRAIN_WORKER_AGENT_EVENT_READER_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/unique_fd.h"
#include "ecgtrain/v1/worker_service.pb.h"

namespace ecgtrain {

// Events get the number of their line, which for a sound trainer is its own "seq": so the numbers have no
// gaps whatever the file holds, and are the same each time it is read. A line that is no event, or that
// repeats an earlier number, becomes a warning in its place. A line without its newline is not there yet.
// Thread-compatible.
class EventReader {
 public:
  explicit EventReader(std::filesystem::path path) : path_(std::move(path)) {}

  // The next event; nullopt when there is none yet. Errors as in durable_file.h.
  absl::StatusOr<std::optional<v1::TrainerEvent>> Next();

  // Starts anew with the first line.
  void Rewind();

 private:
  absl::StatusOr<bool> ReadMore();
  v1::TrainerEvent ToEvent(absl::string_view line);
  v1::TrainerEvent Replacement(const absl::Status& problem) const;

  const std::filesystem::path path_;
  UniqueFd file_;
  uint64_t offset_ = 0;    // of the file: bytes read so far
  std::string buffer_;     // read, not returned
  size_t used_ = 0;        // bytes of buffer_ that have been returned
  bool too_long_ = false;  // the line under way has lost its middle
  uint64_t line_number_ = 0;
  uint64_t last_seq_ = 0;  // as the trainer counts
  double last_time_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_EVENT_READER_H_
