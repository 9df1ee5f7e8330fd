// The verbs of ecg-coordinator about its database: backup (also while it serves), check and restore (while it
// does not).
#ifndef ECGTRAIN_SERVER_DATABASE_VERBS_H_
#define ECGTRAIN_SERVER_DATABASE_VERBS_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"

namespace ecgtrain {

// Thread-compatible. Must outlive the app's parsing.
class DatabaseVerbs {
 public:
  // Adds the subcommands.
  explicit DatabaseVerbs(CLI::App& app);

  // Whether one of them was asked for.
  bool Chosen() const { return *backup_ || *check_ || *restore_ || *salvage_; }
  // Does what was asked for and prints the result. Errors as in server/store/sqlite/{backup,salvage}.h.
  absl::Status Run(Clock& clock);

 private:
  absl::Status Check();
  absl::Status Salvage(absl::Time now);

  CLI::App* const backup_;
  CLI::App* const check_;
  CLI::App* const restore_;
  CLI::App* const salvage_;
  std::string state_dir_;
  std::string file_;
  size_t keep_ = 7;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_DATABASE_VERBS_H_
