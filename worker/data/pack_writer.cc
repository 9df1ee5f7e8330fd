#include "worker/data/pack_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/quality.h"

namespace ecgtrain {
namespace {

using pack_format::IndexEntry;
using pack_format::Preamble;

constexpr size_t kBlock = 1 << 20;  // bytes of a write

uint32_t LabelStride(const std::vector<PackTask>& tasks) {
  size_t bits = tasks.size();
  for (const PackTask& task : tasks) bits += task.classes.size();
  return static_cast<uint32_t>((bits + 7) / 8);
}

absl::Status BadRecord(const PackWriterRecord& record, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("record ", Shown(record.id), " cannot be packed: ", what));
}

// Zeros before what comes next at `position`.
std::string Padding(uint64_t position) { return std::string(-position % pack_format::kAlignment, '\0'); }

template <typename T>
absl::string_view BytesOf(const T* data, size_t count) {
  return absl::string_view(reinterpret_cast<const char*>(data), count * sizeof(T));
}

}  // namespace

absl::StatusOr<PackWriter> PackWriter::Create(const std::filesystem::path& path,
                                              std::vector<PackTask> tasks) {
  ASSIGN_OR_RETURN(PackWriter writer, Continue(path, std::move(tasks)));
  RETURN_IF_ERROR(writer.Cut());
  return writer;
}

absl::StatusOr<PackWriter> PackWriter::Continue(const std::filesystem::path& path,
                                                std::vector<PackTask> tasks) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  UniqueFd fd(open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return FileError(errno, "create", temporary);
  return PackWriter(path, std::move(fd), std::move(tasks));
}

PackWriter::PackWriter(std::filesystem::path path, UniqueFd fd, std::vector<PackTask> tasks)
    : path_(std::move(path)),
      temporary_(path_),
      fd_(std::move(fd)),
      tasks_(std::move(tasks)),
      label_stride_(LabelStride(tasks_)) {
  temporary_ += ".tmp";
}

PackWriter::~PackWriter() {
  if (fd_.valid()) unlink(temporary_.c_str());  // best effort: the next writer of the path truncates it
}

absl::Status PackWriter::Append(absl::string_view bytes) {
  unwritten_.append(bytes.data(), bytes.size());
  position_ += bytes.size();
  return unwritten_.size() < kBlock ? absl::OkStatus() : Flush();
}

absl::Status PackWriter::Flush() {
  sha256_.Update(unwritten_);
  RETURN_IF_ERROR(WriteFully(fd_.get(), unwritten_, temporary_));
  unwritten_.clear();
  return absl::OkStatus();
}

absl::Status PackWriter::CheckRecord(const PackWriterRecord& record) const {
  const auto bad = [&record](absl::string_view what) { return BadRecord(record, what); };
  if (record.fold < 1 || record.fold > 10)
    return bad(absl::StrCat("expected a fold from 1 to 10, found ", record.fold));
  if (record.labels.size() != tasks_.size()) return bad("its labels do not match the tasks");
  for (size_t task = 0; task < tasks_.size(); ++task) {
    const size_t count = record.labels[task].size();
    if (count != 0 && count != tasks_[task].classes.size())
      return bad("its labels do not match the classes of a task");
  }
  return absl::OkStatus();
}

void PackWriter::AddLabels(absl::Span<const std::vector<bool>> labels) {
  std::string bits(label_stride_, '\0');
  size_t at = 0;
  const auto put = [&bits, &at](bool value) {
    if (value) bits[at / 8] = static_cast<char>(bits[at / 8] | 1 << at % 8);
    ++at;
  };
  for (const std::vector<bool>& task : labels) put(!task.empty());
  for (size_t task = 0; task < tasks_.size(); ++task) {
    for (size_t k = 0; k < tasks_[task].classes.size(); ++k) put(!labels[task].empty() && labels[task][k]);
  }
  labels_ += bits;
}

absl::Status PackWriter::Index(const PackWriterRecord& record, uint64_t offset, uint32_t length,
                               uint32_t crc32c) {
  IndexEntry entry;
  entry.samples_offset = offset;
  entry.length = length;
  entry.fold = record.fold;
  entry.flaws = record.flaws;
  entry.id_offset = static_cast<uint32_t>(strings_.size());
  entry.id_size = static_cast<uint32_t>(record.id.size());
  entry.patient_offset = entry.id_offset + entry.id_size;
  entry.patient_size = static_cast<uint32_t>(record.patient.size());
  entry.samples_crc32c = crc32c;
  index_.push_back(entry);
  absl::StrAppend(&strings_, record.id, record.patient);
  if (strings_.size() > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError("the names of the records take over 4 GiB; a pack cannot hold them");
  }
  AddLabels(record.labels);
  return absl::OkStatus();
}

absl::Status PackWriter::Add(const PackWriterRecord& record) {
  if (record.samples.empty() || record.samples.size() % kLeads != 0)
    return BadRecord(record, "expected whole frames of 12 leads");
  if (record.samples.size() / kLeads > std::numeric_limits<uint32_t>::max())
    return BadRecord(record, "it has over 2^32 samples a lead");
  RETURN_IF_ERROR(CheckRecord(record));
  const std::string padding = Padding(position_);
  if (!padding.empty()) RETURN_IF_ERROR(Append(padding));
  const uint64_t offset = position_;
  const absl::string_view bytes = BytesOf(record.samples.data(), record.samples.size());
  RETURN_IF_ERROR(Append(bytes));
  return Index(record, offset, static_cast<uint32_t>(record.samples.size() / kLeads), Crc32c(bytes));
}

absl::StatusOr<bool> PackWriter::Adopt(const PackWriterRecord& record, uint32_t length, uint32_t crc32c) {
  if (length == 0 || !CheckRecord(record).ok()) return false;
  const std::string padding = Padding(position_);
  const uint64_t size = padding.size() + uint64_t{length} * kLeads * sizeof(int16_t);
  struct stat file;
  if (fstat(fd_.get(), &file) != 0) return FileError(errno, "stat", temporary_);
  const auto file_size = static_cast<uint64_t>(file.st_size);
  if (file_size < position_ || size > file_size - position_) return false;
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    const ssize_t got =
        pread(fd_.get(), bytes.data() + done, size - done, static_cast<off_t>(position_ + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", temporary_);
    if (got == 0) return false;
    done += static_cast<size_t>(got);
  }
  const absl::string_view samples = absl::string_view(bytes).substr(padding.size());
  if (!absl::StartsWith(bytes, padding) || Crc32c(samples) != crc32c) return false;
  sha256_.Update(bytes);
  const uint64_t offset = position_ + padding.size();
  position_ += size;
  RETURN_IF_ERROR(Index(record, offset, length, crc32c));
  return true;
}

absl::Status PackWriter::Cut() {
  // Room for the preamble, which stays zero until everything else is on the disk.
  const std::string zeros(sizeof(Preamble), '\0');
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return FileError(errno, "seek", temporary_);
  RETURN_IF_ERROR(WriteFully(fd_.get(), zeros, temporary_));
  const auto end = static_cast<off_t>(position_);
  if (ftruncate(fd_.get(), end) != 0) return FileError(errno, "cut", temporary_);
  if (lseek(fd_.get(), end, SEEK_SET) != end) return FileError(errno, "seek", temporary_);
  return absl::OkStatus();
}

std::string PackWriter::Header(const PackInfo& info) const {
  nlohmann::json header = {{"dataset", info.dataset},
                           {"source_digest", info.source_digest},
                           {"digest", info.digest},
                           {"tool", info.tool},
                           {"preparation_version", info.preparation_version},
                           {"rate", info.rate},
                           {"highpass", info.highpass},
                           {"derive_leads", info.derive_leads},
                           {"quarantine", NamesOf(info.quarantine)},
                           {"flagged", info.flagged},
                           {"amplitude", info.amplitude},
                           {"units_per_millivolt", pack_format::kUnitsPerMillivolt},
                           {"clipped_samples", info.clipped_samples},
                           {"skipped", info.skipped},
                           {"notes", info.notes},
                           {"tasks", nlohmann::json::array()}};
  for (const PackTask& task : tasks_)
    header["tasks"].push_back({{"name", task.name}, {"classes", task.classes}});
  return DumpJson(header);
}

absl::Status PackWriter::Finish(const PackInfo& info) {
  Preamble preamble;
  preamble.record_count = index_.size();
  preamble.label_stride = label_stride_;
  const size_t misaligned = position_ % alignof(IndexEntry);
  if (misaligned != 0) RETURN_IF_ERROR(Append(std::string(alignof(IndexEntry) - misaligned, '\0')));
  const absl::string_view index = BytesOf(index_.data(), index_.size());
  const std::string header = Header(info);
  uint32_t crc = 0;
  const auto append = [&](absl::string_view part, uint64_t* offset) {
    *offset = position_;
    crc = Crc32c(part, crc);
    return Append(part);
  };
  RETURN_IF_ERROR(append(index, &preamble.index_offset));
  RETURN_IF_ERROR(append(labels_, &preamble.labels_offset));
  RETURN_IF_ERROR(append(strings_, &preamble.strings_offset));
  RETURN_IF_ERROR(append(header, &preamble.header_offset));
  RETURN_IF_ERROR(Flush());
  preamble.file_size = position_;
  preamble.metadata_crc32c = crc;
  const std::string digest = sha256_.Digest();
  std::copy(digest.begin(), digest.end(), preamble.sha256.begin());
  preamble.preamble_crc32c = Crc32c(BytesOf(&preamble, 1));
  if (lseek(fd_.get(), 0, SEEK_SET) != 0) return FileError(errno, "seek", temporary_);
  RETURN_IF_ERROR(WriteFully(fd_.get(), BytesOf(&preamble, 1), temporary_));
  if (fsync(fd_.get()) != 0) return FileError(errno, "sync", temporary_);
  RETURN_IF_ERROR(RenameDurably(temporary_, path_));
  fd_.Reset();
  return absl::OkStatus();
}

}  // namespace ecgtrain
