#include "worker/data/pack_data_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "worker/data/pack_format.h"
#include "worker/data/pack_writer.h"
#include "worker/data/parallel.h"
#include "worker/data/preparation.h"
#include "worker/data/record_fault.h"
#include "worker/data/signal.h"

namespace ecgtrain {
namespace {

// Millivolts that the median of all records' peak-to-peak amplitudes lies between, whatever the set: 2.3
// to 4.7 in PTB-XL, CPSC 2018 and CODE-15 %. A unit or a gain wrong by a factor of ten leaves this range.
constexpr double kLeastAmplitude = 0.7;
constexpr double kMostAmplitude = 20;

constexpr size_t kReportEvery = 256;      // records
constexpr size_t kKeptSamples = 1 << 20;  // of a slot's buffer, for the next record

struct Slot {
  absl::Status status;
  Recording recording;  // its millivolts are gone
  PreparedRecording prepared;
};

absl::Status CheckOptions(const PackOptions& options) {
  const uint32_t rate = options.source.rate;
  if (options.highpass && !HasHighPass(rate)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rate: expected 100 or 400 with the high-pass, found ", rate));
  }
  if (rate < 50 || rate > 1000)
    return absl::InvalidArgumentError(absl::StrCat("rate: expected 50 to 1000, found ", rate));
  if (options.threads < 0) return absl::InvalidArgumentError("threads: expected 0 (one a core) or more");
  if (options.cache.empty()) return absl::InvalidArgumentError("the cache folder is not given");
  return absl::OkStatus();
}

void ReadAndPrepare(const DataSet& set, size_t index, Preparer& preparer, Slot& slot) {
  absl::StatusOr<Recording> recording = set.Read(index);
  slot.status = recording.status();
  if (!recording.ok()) return;
  slot.recording = *std::move(recording);
  slot.status = preparer.Prepare(slot.recording, slot.prepared);
  slot.recording.millivolts = {};
}

class Packer {
 public:
  Packer(const DataSet& set, const PackOptions& options, const PackProgress& progress)
      : set_(set),
        progress_(progress),
        any_amplitude_(options.any_amplitude),
        threads_(ThreadCount(options.threads)),
        preparers_(threads_, Preparer(PreparationOptions{.rate = options.source.rate,
                                                         .highpass = options.highpass,
                                                         .derive_leads = options.derive_leads,
                                                         .quarantine = options.quarantine})),
        slots_(SlotCount(threads_)) {}

  absl::Status Run(PackWriter& writer, PackInfo& info) {
    RETURN_IF_ERROR(Report(0));
    RETURN_IF_ERROR(RunInOrder(
        set_.size(), threads_,
        [&](size_t index, size_t thread, size_t slot) {
          ReadAndPrepare(set_, index, preparers_[thread], slots_[slot]);
        },
        [&](size_t index, size_t slot) -> absl::Status {
          RETURN_IF_ERROR(Take(slots_[slot], writer, info));
          const size_t done = index + 1;
          return done % kReportEvery == 0 || done == set_.size() ? Report(done) : absl::OkStatus();
        }));
    return CheckAmplitudes(info);
  }

 private:
  absl::Status Report(size_t done) const {
    return progress_ ? progress_(done, set_.size()) : absl::OkStatus();
  }

  absl::Status Take(Slot& slot, PackWriter& writer, PackInfo& info) {
    const std::string fault = FaultReason(slot.status);
    if (!fault.empty()) {
      Quarantine(fault, slot.status.message(), info);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(slot.status);
    const Recording& recording = slot.recording;
    PreparedRecording& prepared = slot.prepared;
    if (!prepared.skip_reason.empty()) {
      Quarantine(prepared.skip_reason, absl::StrCat("record ", recording.id), info);
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(writer.Add({recording.id, recording.patient, recording.fold, prepared.samples,
                                recording.labels, prepared.flaws}));
    info.clipped_samples += prepared.clipped_samples;
    for (const std::string& name : NamesOf(prepared.flaws)) ++info.flagged[name];
    amplitudes_.push_back(static_cast<float>(prepared.amplitude));
    if (prepared.samples.capacity() > kKeptSamples) prepared.samples = {};
    return absl::OkStatus();
  }

  // Counts every record that is left out and names the first of each kind.
  static void Quarantine(const std::string& reason, absl::string_view what, PackInfo& info) {
    if (++info.skipped[reason] == 1)
      info.notes.push_back(absl::StrCat("first record left out as ", reason, ": ", what));
  }

  absl::Status CheckAmplitudes(PackInfo& info) {
    if (amplitudes_.empty())
      return absl::DataLossError(
          absl::StrCat("none of the ", set_.size(), " records of ", info.dataset, " is usable"));
    const auto middle = amplitudes_.begin() + static_cast<ptrdiff_t>(amplitudes_.size() / 2);
    std::nth_element(amplitudes_.begin(), middle, amplitudes_.end());
    info.amplitude = *middle;
    if (any_amplitude_ || (info.amplitude >= kLeastAmplitude && info.amplitude <= kMostAmplitude))
      return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(
        info.dataset, ": half of the records are over ", info.amplitude,
        " mV peak to peak in their largest lead; expected ", kLeastAmplitude, " to ", kMostAmplitude,
        " mV: unit or gain of the source is wrong; correct it, or pack with --any-amplitude if this is no "
        "error"));
  }

  const DataSet& set_;
  const PackProgress& progress_;
  bool any_amplitude_;
  size_t threads_;
  std::vector<Preparer> preparers_;  // by thread
  std::vector<Slot> slots_;
  std::vector<float> amplitudes_;
};

// From `cache`/sources when the source looks as it did then.
absl::StatusOr<std::string> FindSourceDigest(const DataSet& set, const std::filesystem::path& cache) {
  const std::filesystem::path folder = cache / "sources";
  const std::filesystem::path path = folder / set.QuickKey();
  absl::StatusOr<std::string> known = ReadFile(path, 1024);
  if (known.ok() && IsSha256Hex(*known)) return *known;
  ASSIGN_OR_RETURN(std::string digest, set.SourceDigest());
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(WriteFileDurably(path, digest));
  return digest;
}

std::string PackDigest(const DataSet& set, const std::string& source_digest, const PackOptions& options) {
  return Sha256Hex(absl::StrCat(
      "ecgtrain pack\nformat ", pack_format::kVersion, "\npreparation ", kPreparationVersion, "\ndata set ",
      set.info().name, "\nsource ", source_digest, "\nrate ", options.source.rate, "\nhighpass ",
      options.highpass ? "true" : "false", "\nderive leads ", options.derive_leads ? "true" : "false",
      "\nquarantine ", absl::StrJoin(NamesOf(options.quarantine), ","), "\nany amplitude ",
      options.any_amplitude ? "true" : "false", "\n"));
}

std::filesystem::path LockPath(const std::filesystem::path& cache, absl::string_view digest) {
  return cache / absl::StrCat(".", digest, ".lock");
}

// Held until the descriptor is closed, by the kernel if need be.
absl::StatusOr<UniqueFd> Lock(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return FileError(errno, "create", path);
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return FileError(errno, "lock", path);
  }
  return fd;
}

// Removes what writers that were killed left behind; a writer that lives holds the lock of its digest. Best
// effort: what cannot be removed is only in the way of other files.
void SweepLeftOvers(const std::filesystem::path& cache) {
  constexpr absl::string_view kSuffix = ".pack.tmp";
  std::error_code error;
  for (std::filesystem::directory_iterator entry(cache, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!absl::EndsWith(name, kSuffix)) continue;
    const std::filesystem::path lock = LockPath(cache, name.substr(0, name.size() - kSuffix.size()));
    const UniqueFd fd(open(lock.c_str(), O_RDWR | O_CLOEXEC));
    if (fd.valid() && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) unlink(entry->path().c_str());
  }
}

// Whether the cache has the pack. A damaged one counts as absent: it is made again.
absl::StatusOr<bool> HasPack(const std::filesystem::path& path, const std::string& digest) {
  const absl::StatusOr<std::unique_ptr<Pack>> pack = Pack::Open(path);
  if (pack.ok()) return (*pack)->info().digest == digest;
  if (absl::IsNotFound(pack.status()) || absl::IsDataLoss(pack.status()) ||
      absl::IsFailedPrecondition(pack.status()))
    return false;
  return pack.status();
}

}  // namespace

absl::StatusOr<std::filesystem::path> PackDataSet(const PackOptions& options, const PackProgress& progress) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(const std::unique_ptr<DataSet> set, OpenDataSet(options.source));
  const absl::Status made = MakeDirectories(options.cache);
  if (absl::IsFailedPrecondition(made))
    return absl::InvalidArgumentError(absl::StrCat("cache: ", made.message()));
  RETURN_IF_ERROR(made);
  PackInfo info;
  ASSIGN_OR_RETURN(info.source_digest, FindSourceDigest(*set, options.cache));
  info.dataset = set->info().name;
  info.digest = PackDigest(*set, info.source_digest, options);
  info.rate = options.source.rate;
  info.tool = "ecgtrain " ECGTRAIN_VERSION;
  info.preparation_version = kPreparationVersion;
  info.highpass = options.highpass;
  info.derive_leads = options.derive_leads;
  info.quarantine = options.quarantine;
  info.skipped = set->info().skipped;
  info.notes = set->info().notes;
  std::filesystem::path path = options.cache / absl::StrCat(info.digest, ".pack");
  ASSIGN_OR_RETURN(const bool cached, HasPack(path, info.digest));
  if (cached) return path;
  ASSIGN_OR_RETURN(const UniqueFd lock, Lock(LockPath(options.cache, info.digest)));
  ASSIGN_OR_RETURN(const bool made_meanwhile, HasPack(path, info.digest));
  if (made_meanwhile) return path;
  SweepLeftOvers(options.cache);
  ASSIGN_OR_RETURN(PackWriter writer, PackWriter::Create(path, set->info().tasks));
  RETURN_IF_ERROR(Packer(*set, options, progress).Run(writer, info));
  RETURN_IF_ERROR(writer.Finish(info));
  return path;
}

}  // namespace ecgtrain
