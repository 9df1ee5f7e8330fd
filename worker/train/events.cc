#include "worker/train/events.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kMaxEventFileBytes = uint64_t{4} << 30;

struct Tail {
  uint64_t size = 0;  // of the whole lines
  uint64_t last_seq = 0;
};

absl::StatusOr<Tail> FindTail(const std::string& content, const std::filesystem::path& path) {
  const size_t last_newline = content.rfind('\n');
  if (last_newline == std::string::npos) return Tail{};
  const size_t before = last_newline == 0 ? std::string::npos : content.rfind('\n', last_newline - 1);
  const size_t start = before == std::string::npos ? 0 : before + 1;
  ASSIGN_OR_RETURN(const nlohmann::json event,
                   ParseJson(absl::string_view(content).substr(start, last_newline - start), "last line"),
                   absl::DataLossError(absl::StrCat(path.string(), ": ", _.message())));
  if (!event.is_object() || !event.contains("seq") || !event["seq"].is_number_unsigned()) {
    return absl::DataLossError(absl::StrCat(path.string(), ": the last line is not an event"));
  }
  return Tail{last_newline + 1, event["seq"].get<uint64_t>()};
}

}  // namespace

nlohmann::json EventNumber(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

EventFile::EventFile(std::filesystem::path path, UniqueFd fd, Clock& clock)
    : path_(std::move(path)), fd_(std::move(fd)), clock_(clock) {}

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Open(const std::filesystem::path& folder,
                                                           Clock& clock) {
  const std::filesystem::path path = folder / run_directory::kEventsFile;
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return FileError(errno, "open", path);
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxEventFileBytes));
  ASSIGN_OR_RETURN(const Tail tail, FindTail(content, path));
  if (tail.size < content.size() && ftruncate(fd.get(), tail.size) != 0)
    return FileError(errno, "truncate", path);
  if (lseek(fd.get(), tail.size, SEEK_SET) < 0) return FileError(errno, "seek in", path);
  std::unique_ptr<EventFile> events(new EventFile(path, std::move(fd), clock));
  events->size_ = tail.size;
  events->next_seq_ = tail.last_seq + 1;
  return events;
}

absl::Status EventFile::Append(absl::string_view type, nlohmann::json members) {
  members["seq"] = next_seq_;
  members["time"] = absl::ToDoubleSeconds(clock_.Now() - absl::UnixEpoch());
  members["type"] = type;
  std::string line = absl::StrCat(DumpJson(members), "\n");
  if (line.size() > run_directory::kMaxEventBytes) {
    return absl::InvalidArgumentError(absl::StrCat("event ", type, " has ", line.size(), " bytes; at most ",
                                                   run_directory::kMaxEventBytes, " are allowed"));
  }
  ++next_seq_;
  waiting_.push_back(std::move(line));
  absl::Status status = WriteWaiting();
  if (status.code() == absl::StatusCode::kResourceExhausted && waiting_.size() < kMaxWaiting)
    return absl::OkStatus();
  return status;
}

absl::Status EventFile::WriteWaiting() {
  while (!waiting_.empty()) {
    const absl::Status status = WriteFully(fd_.get(), waiting_.front(), path_);
    if (!status.ok()) {
      // Takes back what a full disk left of the line; where even that fails, the next reader cuts it.
      if (ftruncate(fd_.get(), size_) != 0 || lseek(fd_.get(), size_, SEEK_SET) < 0)
        return FileError(errno, "cut", path_);
      return status;
    }
    size_ += waiting_.front().size();
    waiting_.pop_front();
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
