#include "worker/agent/memory_kills.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/durable_file.h"

namespace ecgtrain {
namespace {

// Both files have lines of a name and a number.
std::optional<uint64_t> ReadCount(const std::filesystem::path& file) {
  const absl::StatusOr<std::string> content = ReadFile(file);
  if (!content.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*content, '\n')) {
    uint64_t count = 0;
    if (absl::ConsumePrefix(&line, "oom_kill ") && absl::SimpleAtoi(line, &count)) return count;
  }
  return std::nullopt;
}

// "" outside a cgroup of version 2.
std::filesystem::path EventsFile(const std::filesystem::path& root) {
  const absl::StatusOr<std::string> groups = ReadFile(root / "proc/self/cgroup");
  if (!groups.ok()) return {};
  for (absl::string_view line : absl::StrSplit(*groups, '\n')) {
    if (absl::ConsumePrefix(&line, "0::/"))
      return root / "sys/fs/cgroup" / std::string(line) / "memory.events";
  }
  return {};
}

}  // namespace

MemoryKills::MemoryKills(const std::filesystem::path& root) : file_(EventsFile(root)) {
  before_ = ReadCount(file_);
  if (before_.has_value()) return;
  file_ = root / "proc/vmstat";
  before_ = ReadCount(file_);
}

bool MemoryKills::Happened() const {
  const std::optional<uint64_t> now = ReadCount(file_);
  return before_.has_value() && now.has_value() && *now > *before_;
}

}  // namespace ecgtrain
