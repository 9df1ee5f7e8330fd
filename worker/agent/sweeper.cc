#include "worker/agent/sweeper.h"

#include <sys/stat.h>

#include <optional>
#include <system_error>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/log.h"
#include "worker/agent/cursor.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

void RemoveWhere(const std::filesystem::path& folder,
                 absl::FunctionRef<bool(const std::filesystem::path&)> is_over) {
  std::error_code error;
  std::vector<std::filesystem::path> over;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (is_over(entry.path())) over.push_back(entry.path());
  }
  for (const std::filesystem::path& path : over) {
    std::filesystem::remove_all(path, error);
    if (error) {
      LogWarning("run directory not deleted", {{"path", path.string()}, {"error", error.message()}});
    } else {
      LogInfo("run directory deleted", {{"path", path.string()}});
    }
  }
}

}  // namespace

void SweepRunDirectories(const std::filesystem::path& attempts, absl::Duration keep_finished,
                         const std::filesystem::path& orphans, absl::Duration keep_orphans, absl::Time now) {
  RemoveWhere(attempts, [&](const std::filesystem::path& path) {
    const std::optional<absl::Time> finished = Cursor(path / run_directory::kCursorFile).Get().finished;
    return finished.has_value() && *finished + keep_finished <= now;
  });
  RemoveWhere(orphans, [&](const std::filesystem::path& path) {
    struct stat info;
    return stat(path.c_str(), &info) == 0 && absl::TimeFromTimespec(info.st_mtim) + keep_orphans <= now;
  });
}

}  // namespace ecgtrain
