#include "worker/data/unfinished_packs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/durable_file.h"
#include "worker/data/pack_journal.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kKeepUnfinished = absl::Hours(7 * 24);

std::filesystem::path LockPath(const std::filesystem::path& cache, absl::string_view digest) {
  return cache / absl::StrCat(".", digest, ".lock");
}

// Whether the unfinished pack is worth going on with.
bool IsUsable(const std::filesystem::path& pack, absl::string_view digest) {
  const absl::StatusOr<PackJournalReader> journal =
      PackJournalReader::Open(JournalPath(pack), JournalIdentity(digest));
  std::error_code error;
  const auto written = std::filesystem::last_write_time(pack.string() + ".tmp", error);
  return !error && journal.ok() && journal->good() > 0 &&
         std::filesystem::file_time_type::clock::now() - written < absl::ToChronoHours(kKeepUnfinished);
}

}  // namespace

std::string JournalIdentity(absl::string_view digest) {
  return absl::StrCat(digest, " ecgtrain " ECGTRAIN_VERSION);
}

std::filesystem::path JournalPath(const std::filesystem::path& pack) { return pack.string() + ".journal"; }

absl::StatusOr<UniqueFd> LockPack(const std::filesystem::path& cache, absl::string_view digest) {
  const std::filesystem::path path = LockPath(cache, digest);
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return FileError(errno, "create", path);
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return FileError(errno, "lock", path);
  }
  return fd;
}

void SweepUnfinishedPacks(const std::filesystem::path& cache) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(cache, error), end; !error && entry != end;
       entry.increment(error)) {
    std::filesystem::path pack = entry->path();
    if (pack.extension() != ".tmp" && pack.extension() != ".journal") continue;
    pack.replace_extension();
    if (pack.extension() != ".pack") continue;
    const std::string digest = pack.stem().string();
    const UniqueFd fd(open(LockPath(cache, digest).c_str(), O_RDWR | O_CLOEXEC));
    if (!fd.valid() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || IsUsable(pack, digest)) continue;
    unlink(entry->path().c_str());
  }
}

}  // namespace ecgtrain
