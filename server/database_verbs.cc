#include "server/database_verbs.h"

#include <cstdio>

#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "server/state_directory.h"
#include "server/store/sqlite/backup.h"
#include "server/store/sqlite/salvage.h"

namespace ecgtrain {

DatabaseVerbs::DatabaseVerbs(CLI::App& app)
    : backup_(app.add_subcommand("backup",
                                 "Copy the database, also while the coordinator serves; prints the copy")),
      check_(app.add_subcommand("check",
                                "Read the whole database, or another one, and say whether it is sound")),
      restore_(
          app.add_subcommand("restore", "Put a backup in the place of the database, which is kept aside")),
      salvage_(app.add_subcommand("salvage", "Copy what can be read of a damaged database into a new one")) {
  backup_->add_option("--state-dir", state_dir_, "Where everything is kept")->required();
  backup_->add_option("--keep", keep_, "Backups to keep")->capture_default_str()->check(CLI::PositiveNumber);
  CLI::Option* const file =
      check_->add_option("FILE", file_, "A database: a backup, or one that was salvaged");
  check_->add_option("--state-dir", state_dir_, "Check the coordinator's database")->excludes(file);
  restore_->add_option("BACKUP", file_, "The backup")->required();
  restore_->add_option("--state-dir", state_dir_, "Where everything is kept")->required();
  salvage_->add_option("NEW", file_, "The new database")->required();
  salvage_->add_option("--state-dir", state_dir_, "Where everything is kept")->required();
}

absl::Status DatabaseVerbs::Run(Clock& clock) {
  const StatePaths paths(state_dir_);
  if (*check_) return Check();
  if (*salvage_) return Salvage(clock.Now());
  if (*restore_) {
    RETURN_IF_ERROR(RestoreDatabase(file_, paths.database.string(), clock.Now()));
    std::printf("restored %s from %s\n", paths.database.c_str(), file_.c_str());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string backup,
                   BackUpDatabase(paths.database.string(), paths.backups.string(), clock.Now(), keep_));
  std::printf("%s\n", backup.c_str());
  return absl::OkStatus();
}

absl::Status DatabaseVerbs::Check() {
  if (file_.empty() && state_dir_.empty())
    return absl::InvalidArgumentError("say which database: a FILE or --state-dir DIR");
  const std::string path = file_.empty() ? StatePaths(state_dir_).database.string() : file_;
  RETURN_IF_ERROR(CheckDatabase(path));
  std::printf("%s is sound\n", path.c_str());
  return absl::OkStatus();
}

absl::Status DatabaseVerbs::Salvage(absl::Time now) {
  ASSIGN_OR_RETURN(const SalvageResult result,
                   SalvageDatabase(StatePaths(state_dir_).database.string(), file_, now));
  std::printf("salvaged %lld rows into %s; tables with losses: %s\n", static_cast<long long>(result.rows),
              file_.c_str(),
              result.damaged_tables.empty() ? "none" : absl::StrJoin(result.damaged_tables, ", ").c_str());
  return absl::OkStatus();
}

}  // namespace ecgtrain
