// Writes events.jsonl (docs/run-directory.md): what the trainer tells the worker.
#ifndef ECGTRAIN_WORKER_TRAIN_EVENTS_H_
#define ECGTRAIN_WORKER_TRAIN_EVENTS_H_

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock.h"
#include "common/unique_fd.h"

namespace ecgtrain {

// Where the training reports to. Bound to one thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // `members` is an object without `seq`, `time` and `type`. Errors are those of the file; the training
  // cannot go on.
  virtual absl::Status Append(absl::string_view type, nlohmann::json members) = 0;
};

// A number as events hold it: "nan", "inf" and "-inf" are strings.
nlohmann::json EventNumber(double value);

// On a full disk events are kept in memory and written when there is space again; a line is never left half
// written.
class EventFile final : public EventSink {
 public:
  // Opens `folder`/events.jsonl, cuts an unfinished last line and goes on after the last number. DATA_LOSS
  // where a whole line is not an event; errors of common/durable_file.h.
  static absl::StatusOr<std::unique_ptr<EventFile>> Open(const std::filesystem::path& folder, Clock& clock);

  // RESOURCE_EXHAUSTED when the disk has been full for kMaxWaiting events; INVALID_ARGUMENT for an event over
  // the size limit.
  absl::Status Append(absl::string_view type, nlohmann::json members) override;

  // Writes what waits for space; call it last. RESOURCE_EXHAUSTED where there is still none.
  absl::Status Flush() { return WriteWaiting(); }

  static constexpr size_t kMaxWaiting = 1000;

 private:
  EventFile(std::filesystem::path path, UniqueFd fd, Clock& clock);
  absl::Status WriteWaiting();

  std::filesystem::path path_;
  UniqueFd fd_;
  Clock& clock_;
  uint64_t size_ = 0;
  uint64_t next_seq_ = 1;
  std::deque<std::string> waiting_;  // lines, oldest first
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_EVENTS_H_
