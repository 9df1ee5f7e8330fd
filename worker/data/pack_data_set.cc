#include "worker/data/pack_data_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

// Records that are prepared before they are written: bounds the memory (24 MB at 10 s and 400 Hz).
constexpr size_t kBatch = 256;

struct PackedRecord {
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

absl::StatusOr<PackedRecord> ReadAndPrepare(const DataSet& set, size_t index,
                                            const PreparationOptions& options) {
  PackedRecord record;
  ASSIGN_OR_RETURN(record.recording, set.Read(index));
  ASSIGN_OR_RETURN(record.prepared, Prepare(record.recording, options));
  record.recording.millivolts = {};
  return record;
}

class Packer {
 public:
  Packer(const DataSet& set, const PackOptions& options, const PackProgress& progress)
      : set_(set),
        preparation_{options.source.rate, options.highpass},
        progress_(progress),
        threads_(ThreadCount(options.threads)) {}

  absl::Status Run(PackWriter& writer, PackInfo& info) {
    RETURN_IF_ERROR(Report(0));
    size_t written = 0;
    for (size_t first = 0; first < set_.size(); first += kBatch) {
      const size_t count = std::min(kBatch, set_.size() - first);
      std::vector<std::optional<absl::StatusOr<PackedRecord>>> batch(count);
      RunInParallel(count, threads_,
                    [&](size_t i) { batch[i].emplace(ReadAndPrepare(set_, first + i, preparation_)); });
      for (auto& record : batch) {
        const std::string fault = FaultReason(record->status());
        if (!fault.empty()) {
          Quarantine(fault, record->status(), info);
          continue;
        }
        RETURN_IF_ERROR(record->status());
        ASSIGN_OR_RETURN(const bool added, Add(**record, writer, info));
        written += added;
      }
      RETURN_IF_ERROR(Report(first + count));
    }
    if (written == 0)
      return absl::DataLossError(
          absl::StrCat("none of the ", set_.size(), " records of ", info.dataset, " is usable"));
    return absl::OkStatus();
  }

 private:
  absl::Status Report(size_t done) const {
    return progress_ ? progress_(done, set_.size()) : absl::OkStatus();
  }

  // Counts every bad record and names the first of each kind.
  static void Quarantine(const std::string& reason, const absl::Status& status, PackInfo& info) {
    if (++info.skipped[reason] == 1)
      info.notes.push_back(absl::StrCat("first record left out as ", reason, ": ", status.message()));
  }

  static absl::StatusOr<bool> Add(const PackedRecord& record, PackWriter& writer, PackInfo& info) {
    if (!record.prepared.skip_reason.empty()) {
      ++info.skipped[record.prepared.skip_reason];
      return false;
    }
    info.clipped_samples += record.prepared.clipped_samples;
    const Recording& recording = record.recording;
    RETURN_IF_ERROR(writer.Add(
        {recording.id, recording.patient, recording.fold, record.prepared.samples, recording.labels}));
    return true;
  }

  const DataSet& set_;
  PreparationOptions preparation_;
  const PackProgress& progress_;
  size_t threads_;
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
  return Sha256Hex(absl::StrCat("ecgtrain pack\nformat ", pack_format::kVersion, "\npreparation ",
                                kPreparationVersion, "\ndata set ", set.info().name, "\nsource ",
                                source_digest, "\nrate ", options.source.rate, "\nhighpass ",
                                options.highpass ? "true" : "false", "\n"));
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
  info.highpass = options.highpass;
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
