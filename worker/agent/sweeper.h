// Deletes run directories whose time is over.
#ifndef ECGTRAIN_WORKER_AGENT_SWEEPER_H_
#define ECGTRAIN_WORKER_AGENT_SWEEPER_H_

#include <filesystem>

#include "absl/time/time.h"

namespace ecgtrain {

// Those under `attempts` whose end the coordinator acknowledged `keep_finished` before `now`, and those under
// `orphans` that have been there for `keep_orphans`. What cannot be deleted is logged and tried again the
// next time.
void SweepRunDirectories(const std::filesystem::path& attempts, absl::Duration keep_finished,
                         const std::filesystem::path& orphans, absl::Duration keep_orphans, absl::Time now);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_SWEEPER_H_
