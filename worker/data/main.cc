// ecg-data: packs data sets for training, inspects packs, verifies and shows what is in them.
//
// Exit codes: 0 done, 2 usage, 3 data missing, 4 data corrupt, 8 disk full, 10 a bug or the system.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/json.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/check_data_set.h"
#include "worker/data/data_set.h"
#include "worker/data/pack.h"
#include "worker/data/pack_data_set.h"
#include "worker/data/pack_report.h"
#include "worker/data/quality.h"
#include "worker/data/show_command.h"

namespace ecgtrain {
namespace {

constexpr int kUsage = 2;

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:  // what may not be read is missing for this user
      return 3;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kFailedPrecondition:
      return 4;
    case absl::StatusCode::kResourceExhausted:
      return 8;
    default:
      return 10;
  }
}

std::filesystem::path DefaultCache() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (!variable("ECGTRAIN_CACHE").empty()) return std::filesystem::path(variable("ECGTRAIN_CACHE")) / "packs";
  if (!variable("XDG_CACHE_HOME").empty()) {
    return std::filesystem::path(variable("XDG_CACHE_HOME")) / "ecgtrain" / "packs";
  }
  return std::filesystem::path(variable("HOME")) / ".cache" / "ecgtrain" / "packs";
}

// One line that is rewritten on a terminal; elsewhere a line for every tenth.
class ProgressLine {
 public:
  absl::Status operator()(const PackedSoFar& so_far) {
    const bool taking_over = so_far.done > 0 && so_far.done == so_far.taken_over;
    if (taking_over) start_ = absl::Now();
    const size_t tenth = so_far.total == 0 ? 10 : so_far.done * 10 / so_far.total;
    if (!terminal_ && !taking_over && tenth == last_tenth_) return absl::OkStatus();
    last_tenth_ = tenth;
    std::cerr << (terminal_ ? "\r\x1b[K" : "") << (taking_over ? "took over " : "packed ") << so_far.done
              << " of " << so_far.total << " records"
              << (taking_over ? " from a packing that was cut short" : TimeLeft(so_far));
    if (!terminal_ || so_far.done == so_far.total) std::cerr << "\n";
    std::cerr << std::flush;
    return absl::OkStatus();
  }

 private:
  // ", 12s left": at the mean pace so far.
  std::string TimeLeft(const PackedSoFar& so_far) const {
    const size_t packed = so_far.done - so_far.taken_over;
    if (packed == 0 || so_far.done == so_far.total) return "";
    const absl::Duration left = (absl::Now() - start_) * (static_cast<double>(so_far.total - so_far.done) /
                                                          static_cast<double>(packed));
    return absl::StrCat(", ", absl::FormatDuration(absl::Ceil(left, absl::Seconds(1))), " left");
  }

  absl::Time start_ = absl::Now();
  const bool terminal_ = isatty(STDERR_FILENO) == 1;
  size_t last_tenth_ = 11;
};

absl::Status RunPack(const PackOptions& options, bool json) {
  ProgressLine progress;
  ASSIGN_OR_RETURN(const std::filesystem::path path, PackDataSet(options, std::ref(progress)));
  ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, Pack::Open(path));
  const PackInfo& info = pack->info();
  for (const std::string& note : info.notes) std::cerr << "ecg-data: note: " << note << "\n";
  for (const auto& [reason, count] : info.skipped) {
    std::cerr << "ecg-data: left out " << count << " records: " << reason << "\n";
  }
  for (const auto& [flaw, count] : info.flagged) {
    std::cerr << "ecg-data: flagged " << count << " records: " << flaw << "\n";
  }
  if (!json) {
    std::cout << path.string() << "\n";
    return absl::OkStatus();
  }
  nlohmann::json report = PackReportJson(*pack, DescribePack(*pack));
  report["path"] = path.string();
  std::error_code error;
  report["bytes"] = std::filesystem::file_size(path, error);
  std::cout << DumpJson(report) << "\n";
  return absl::OkStatus();
}

absl::Status RunInspect(const std::filesystem::path& path, bool json) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, Pack::Open(path));
  const PackReport report = DescribePack(*pack);
  std::cout << (json ? DumpJson(PackReportJson(*pack, report)) + "\n" : PackReportText(*pack, report));
  return absl::OkStatus();
}

// One line a recording that is damaged; DATA_LOSS when there is one.
absl::Status VerifyDataSet(DataSetOptions source) {
  const std::filesystem::path& path = source.path;
  size_t damaged = 0;
  uint32_t last_rate = ~0u;
  for (const uint32_t rate : {100u, 400u}) {  // of a PTB-XL records100, then records500 where it is complete
    source.rate = rate;
    ASSIGN_OR_RETURN(const std::unique_ptr<DataSet> set, OpenDataSet(source));
    const uint32_t source_rate = set->info().source_rate;
    if (std::exchange(last_rate, source_rate) == source_rate || (rate > 100 && source.type != "ptbxl")) break;
    const DataSetCheck check = CheckDataSet(*set, {.rate = rate}, 0);
    for (const absl::Status& status : check.damaged) std::cerr << "ecg-data: " << status.message() << "\n";
    std::cout << path.string();
    if (source_rate > 0) std::cout << " at " << source_rate << " samples a second";
    std::cout << ": " << check.records << " records, " << check.damaged.size() << " damaged";
    for (const auto& [reason, count] : check.left_out) std::cout << ", " << count << " " << reason;
    for (const auto& [flaw, count] : check.flagged) std::cout << ", " << count << " " << flaw;
    std::cout << "\n";
    damaged += check.damaged.size();
  }
  if (damaged == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(damaged, " damaged recordings in ", path.string()));
}

absl::StatusOr<std::vector<std::filesystem::path>> PacksIn(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> packs;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".pack") packs.push_back(entry->path());
  }
  if (error)
    return absl::InternalError(absl::StrCat("cannot read folder ", folder.string(), ": ", error.message()));
  if (packs.empty())
    return absl::NotFoundError(absl::StrCat("neither a pack nor a data set in ", folder.string()));
  std::sort(packs.begin(), packs.end());
  return packs;
}

absl::Status RunVerify(const std::filesystem::path& path, DataSetOptions source) {
  std::error_code error;
  source.path = path;
  if (source.type.empty() && std::filesystem::exists(path / "ptbxl_database.csv", error))
    source.type = "ptbxl";
  if (!source.type.empty()) return VerifyDataSet(std::move(source));
  std::vector<std::filesystem::path> packs = {path};
  if (std::filesystem::is_directory(path, error)) {
    ASSIGN_OR_RETURN(packs, PacksIn(path));
  }
  absl::Status first;
  for (const std::filesystem::path& each : packs) {
    const absl::StatusOr<std::unique_ptr<Pack>> pack = Pack::Open(each);
    const absl::Status status = pack.ok() ? (*pack)->Verify() : pack.status();
    if (!absl::IsNotFound(status)) std::cout << each.string() << ": " << (status.ok() ? "ok" : "BAD") << "\n";
    if (!status.ok() && !first.ok()) std::cerr << "ecg-data: " << status.message() << "\n";
    first.Update(status);
  }
  return first;
}

std::string KnownFlaws() {
  return absl::StrCat("a list with commas of ", absl::StrJoin(NamesOf(~Flaws{0}), ", "), "; or all or none");
}

// Adds the commands to `app`; the one that is chosen leaves its outcome in `status`.
struct CommandLine {
  PackOptions pack;
  bool no_highpass = false;
  bool no_derived_leads = false;
  std::string quarantine = "missing";
  ShowCommand show;
  bool json = false;
  std::string path;
  absl::Status status;

  absl::Status Pack() {
    ASSIGN_OR_RETURN(pack.quarantine, ParseFlaws(quarantine),
                     absl::InvalidArgumentError(absl::StrCat("--quarantine: ", _.message())));
    pack.highpass = !no_highpass;
    pack.derive_leads = !no_derived_leads;
    return RunPack(pack, json);
  }

  void AddTo(CLI::App& app) {
    app.require_subcommand(1);
    CLI::App* packing = app.add_subcommand("pack",
                                           "Make a data set's pack, unless the cache holds it; prints its "
                                           "path. One that was killed is gone on with");
    const std::string types = absl::StrJoin(DataSetTypes(), ", ");
    packing->add_option("--type", pack.source.type, types)->required();
    packing->add_option("--path", pack.source.path, "Folder of the data set; of type own its description");
    packing
        ->add_option("--gain", pack.source.gain,
                     "Factor that makes the numbers of HDF5 files millivolts; 0: the type's own")
        ->capture_default_str();
    packing->add_option("--rate", pack.source.rate, "Samples a second: 100 or 400")->capture_default_str();
    packing->add_option("--cache", pack.cache, "Folder for packs")->default_val(DefaultCache().string());
    packing->add_option("--records", pack.source.records, "Records of a synthetic set")
        ->capture_default_str();
    packing->add_option("--seed", pack.source.seed, "Seed of a synthetic set")->capture_default_str();
    packing->add_option("--threads", pack.threads, "0: one a core")->capture_default_str();
    packing->add_flag("--no-highpass", no_highpass, "Keep what is slower than 0.8 Hz");
    packing->add_flag("--no-derived-leads", no_derived_leads,
                      "Do not compute III, aVR, aVL and aVF from I and II where they are absent");
    packing
        ->add_option("--quarantine", quarantine,
                     "Leave out records with these flaws, flag the others: " + KnownFlaws())
        ->capture_default_str();
    packing->add_flag("--any-amplitude", pack.any_amplitude,
                      "Pack even where the amplitudes say that unit or gain are wrong");
    packing->add_flag("--json", json, "Print one JSON object");
    packing->callback([this] { status = Pack(); });
    CLI::App* inspecting = app.add_subcommand("inspect", "Describe a pack: preparation, folds, labels");
    inspecting->add_option("pack", path, "A pack file")->required();
    inspecting->add_flag("--json", json, "Print one JSON object");
    inspecting->callback([this] { status = RunInspect(path, json); });
    show.AddTo(app, &status);
    CLI::App* verifying =
        app.add_subcommand("verify", "Read packs or a data set whole and compare checksums");
    verifying
        ->add_option("path", path,
                     "A pack file, a folder of them, the folder of a PTB-XL or, with --type, any set")
        ->required();
    verifying->add_option("--type", pack.source.type, "Type of the data set: " + types);
    verifying->add_option("--gain", pack.source.gain, "As in pack");
    verifying->callback([this] { status = RunVerify(path, pack.source); });
  }
};

int Main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  CLI::App app("Packs ECG data sets for training, inspects packs and verifies them", "ecg-data");
  app.set_version_flag("--version", "ecg-data " ECGTRAIN_VERSION);
  CommandLine command_line;
  command_line.AddTo(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::cerr << "ecg-data: " << error.what() << "; see ecg-data --help\n";
    return kUsage;
  }
  if (!command_line.status.ok()) {
    const std::string line = absl::StrReplaceAll(command_line.status.message(), {{"\n", " "}});
    std::cerr << "ecg-data: " << EscapeControl(line) << "\n";
  }
  std::cout.flush();
  if (command_line.status.ok() && !std::cout) {
    std::cerr << "ecg-data: cannot write to standard output\n";
    return 10;
  }
  return ExitCode(command_line.status);
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) { return ecgtrain::Main(argc, argv); }
