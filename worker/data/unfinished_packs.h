// Packs that are being made, or whose making was cut short: DIGEST.pack.tmp and DIGEST.pack.journal in a
// cache folder, each under a lock of its own (docs/pack-format.md, "Unfinished packs").
#ifndef ECGTRAIN_WORKER_DATA_UNFINISHED_PACKS_H_
#define ECGTRAIN_WORKER_DATA_UNFINISHED_PACKS_H_

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace ecgtrain {

// What a packing is and which program's bytes it makes: who goes on with it must be the same.
std::string JournalIdentity(absl::string_view digest);

// `pack` is the path it will have.
std::filesystem::path JournalPath(const std::filesystem::path& pack);

// Waits until no other process makes the pack of this digest. The lock is held until the descriptor is
// closed, by the kernel if need be. Errors are those of common/durable_file.h.
absl::StatusOr<UniqueFd> LockPack(const std::filesystem::path& cache, absl::string_view digest);

// Removes what writers that were killed left behind and nobody will go on with: whose journal is of another
// program or of none, and what was last written a week ago. A writer that lives holds the lock of its digest.
// Best effort: what cannot be removed is only in the way of other files.
void SweepUnfinishedPacks(const std::filesystem::path& cache);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_UNFINISHED_PACKS_H_
