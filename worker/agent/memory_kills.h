// Whether the kernel has killed for lack of memory where this program and its trainers live.
#ifndef ECGTRAIN_WORKER_AGENT_MEMORY_KILLS_H_
#define ECGTRAIN_WORKER_AGENT_MEMORY_KILLS_H_

#include <cstdint>
#include <filesystem>
#include <optional>

namespace ecgtrain {

// Counts from its making on: `oom_kill` of the cgroup (v2) of this process in memory.events, or of the whole
// host in /proc/vmstat where there is no such file. Immutable.
class MemoryKills {
 public:
  // `root`: of the file system, for tests.
  explicit MemoryKills(const std::filesystem::path& root = "/");

  bool Happened() const;

 private:
  std::filesystem::path file_;
  std::optional<uint64_t> before_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_MEMORY_KILLS_H_
