#include "worker/data/pack_data_set.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "worker/data/pack_format.h"
#include "worker/data/pack_journal.h"
#include "worker/data/pack_writer.h"
#include "worker/data/parallel.h"
#include "worker/data/preparation.h"
#include "worker/data/record_fault.h"
#include "worker/data/signal.h"
#include "worker/data/unfinished_packs.h"

namespace ecgtrain {
namespace {

// Millivolts that the median of all records' peak-to-peak amplitudes lies between, whatever the set: 2.3
// to 4.7 in PTB-XL, CPSC 2018 and CODE-15 %. A unit or a gain wrong by a factor of ten leaves this range.
constexpr double kLeastAmplitude = 0.7;
constexpr double kMostAmplitude = 20;

constexpr size_t kReportEvery = 256;             // records
constexpr size_t kReportTakenOverEvery = 16384;  // they take microseconds
constexpr size_t kKeptSamples = 1 << 20;         // of a slot's buffer, for the next record

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
        slots_(SlotCount(threads_)),
        so_far_{.total = set.size()} {}

  // Goes on where the journal at `journal_path` ends.
  absl::Status Run(PackWriter& writer, const std::filesystem::path& journal_path, absl::string_view identity,
                   PackInfo& info) {
    ASSIGN_OR_RETURN(const uint64_t good, TakeOver(writer, journal_path, identity, info));
    ASSIGN_OR_RETURN(PackJournal journal, PackJournal::Open(journal_path, identity, good));
    RETURN_IF_ERROR(Report());
    const size_t first = so_far_.done;
    RETURN_IF_ERROR(RunInOrder(
        set_.size() - first, threads_,
        [&](size_t index, size_t thread, size_t slot) {
          ReadAndPrepare(set_, first + index, preparers_[thread], slots_[slot]);
        },
        [&](size_t, size_t slot) -> absl::Status {
          ASSIGN_OR_RETURN(const JournalEntry entry, Take(slots_[slot], writer));
          RETURN_IF_ERROR(journal.Append(entry));
          Count(entry, info);
          ++so_far_.done;
          const bool due = so_far_.done % kReportEvery == 0 || so_far_.done == set_.size();
          return due ? Report() : absl::OkStatus();
        }));
    return CheckAmplitudes(info);
  }

 private:
  absl::Status Report() const { return progress_ ? progress_(so_far_) : absl::OkStatus(); }

  // What an earlier packing did, as far as journal and pack agree. Returns how much of the journal holds.
  absl::StatusOr<uint64_t> TakeOver(PackWriter& writer, const std::filesystem::path& journal_path,
                                    absl::string_view identity, PackInfo& info) {
    ASSIGN_OR_RETURN(PackJournalReader journal, PackJournalReader::Open(journal_path, identity));
    uint64_t good = journal.good();
    while (so_far_.done < set_.size()) {
      ASSIGN_OR_RETURN(const std::optional<JournalEntry> entry, journal.Next());
      if (!entry.has_value()) break;
      if (entry->left_out.empty()) {
        ASSIGN_OR_RETURN(const bool there, writer.Adopt({entry->id, entry->patient, entry->fold,
                                                         /*samples=*/{}, entry->labels, entry->flaws},
                                                        entry->length, entry->crc32c));
        if (!there) break;
      }
      Count(*entry, info);
      so_far_.taken_over = ++so_far_.done;
      good = journal.good();
      if (so_far_.done % kReportTakenOverEvery == 0) RETURN_IF_ERROR(Report());
    }
    RETURN_IF_ERROR(writer.Cut());
    return good;
  }

  // Adds the slot's record to the pack, unless it is to be left out.
  static absl::StatusOr<JournalEntry> Take(Slot& slot, PackWriter& writer) {
    JournalEntry entry;
    entry.left_out = FaultReason(slot.status);
    if (!entry.left_out.empty()) {
      entry.note = std::string(slot.status.message());
      return entry;
    }
    RETURN_IF_ERROR(slot.status);
    Recording& recording = slot.recording;
    PreparedRecording& prepared = slot.prepared;
    if (!prepared.skip_reason.empty()) {
      entry.left_out = prepared.skip_reason;
      entry.note = absl::StrCat("record ", recording.id);
      return entry;
    }
    RETURN_IF_ERROR(writer.Add({recording.id, recording.patient, recording.fold, prepared.samples,
                                recording.labels, prepared.flaws}));
    entry.id = std::move(recording.id);
    entry.patient = std::move(recording.patient);
    entry.fold = recording.fold;
    entry.labels = std::move(recording.labels);
    entry.flaws = prepared.flaws;
    entry.length = static_cast<uint32_t>(prepared.samples.size() / kLeads);
    entry.crc32c = writer.last_crc32c();
    entry.clipped = prepared.clipped_samples;
    entry.amplitude = static_cast<float>(prepared.amplitude);
    if (prepared.samples.capacity() > kKeptSamples) prepared.samples = {};
    return entry;
  }

  // Every record that is left out is counted, the first of each kind named.
  void Count(const JournalEntry& entry, PackInfo& info) {
    if (!entry.left_out.empty()) {
      if (++info.skipped[entry.left_out] == 1)
        info.notes.push_back(absl::StrCat("first record left out as ", entry.left_out, ": ", entry.note));
      return;
    }
    info.clipped_samples += entry.clipped;
    for (const std::string& name : NamesOf(entry.flaws)) ++info.flagged[name];
    amplitudes_.push_back(entry.amplitude);
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
  PackedSoFar so_far_;
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
  ASSIGN_OR_RETURN(const UniqueFd lock, LockPack(options.cache, info.digest));
  ASSIGN_OR_RETURN(const bool made_meanwhile, HasPack(path, info.digest));
  if (made_meanwhile) return path;
  SweepUnfinishedPacks(options.cache);
  ASSIGN_OR_RETURN(PackWriter writer, PackWriter::Continue(path, set->info().tasks));
  const std::filesystem::path journal = JournalPath(path);
  absl::Status status =
      Packer(*set, options, progress).Run(writer, journal, JournalIdentity(info.digest), info);
  if (status.ok()) status = writer.Finish(info);
  if (absl::IsCancelled(status)) {
    writer.Keep();
  } else {
    unlink(journal.c_str());  // best effort: without its pack it is swept
  }
  RETURN_IF_ERROR(status);
  return path;
}

}  // namespace ecgtrain
