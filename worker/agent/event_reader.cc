#include "worker/agent/event_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "worker/agent/event_parser.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {

absl::StatusOr<std::optional<v1::TrainerEvent>> EventReader::Next() {
  while (true) {
    const size_t end = buffer_.find('\n', used_);
    if (end != std::string::npos) {
      v1::TrainerEvent event = ToEvent(absl::string_view(buffer_).substr(used_, end - used_));
      used_ = end + 1;
      too_long_ = false;
      return event;
    }
    buffer_.erase(0, used_);
    used_ = 0;
    if (buffer_.size() > run_directory::kMaxEventBytes) {
      // The line is refused when its end comes; until then only this much is kept.
      too_long_ = true;
      buffer_.clear();
    }
    ASSIGN_OR_RETURN(const bool more, ReadMore());
    if (!more) return std::nullopt;
  }
}

void EventReader::Rewind() {
  offset_ = 0;
  buffer_.clear();
  used_ = 0;
  too_long_ = false;
  line_number_ = 0;
  last_seq_ = 0;
  last_time_ = 0;
}

absl::StatusOr<bool> EventReader::ReadMore() {
  if (!file_.valid()) {
    file_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file_.valid() && errno == ENOENT) return false;
    if (!file_.valid()) return FileError(errno, "open", path_);
  }
  char chunk[64 << 10];
  const ssize_t got = pread(file_.get(), chunk, sizeof chunk, static_cast<off_t>(offset_));
  if (got < 0) return FileError(errno, "read", path_);
  buffer_.append(chunk, static_cast<size_t>(got));
  offset_ += static_cast<uint64_t>(got);
  return got > 0;
}

v1::TrainerEvent EventReader::Replacement(const absl::Status& problem) const {
  v1::TrainerEvent event = BadEvent(line_number_, problem);
  event.set_time(last_time_);
  return event;
}

v1::TrainerEvent EventReader::ToEvent(absl::string_view line) {
  ++line_number_;
  if (too_long_) return Replacement(absl::InvalidArgumentError("too long"));
  absl::StatusOr<v1::TrainerEvent> event = ParseEventLine(line);
  if (!event.ok()) return Replacement(event.status());
  if (event->seq() <= last_seq_) {
    return Replacement(
        absl::InvalidArgumentError(absl::StrCat("seq ", event->seq(), " follows seq ", last_seq_)));
  }
  last_seq_ = event->seq();
  last_time_ = event->time();
  event->set_seq(line_number_);
  return *std::move(event);
}

}  // namespace ecgtrain
