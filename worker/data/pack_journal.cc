#include "worker/data/pack_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr int kFormat = 1;
constexpr size_t kWriteBytes = 16 << 10;
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kMaxLineBytes = 1 << 20;
constexpr size_t kChecksumDigits = 8;

constexpr absl::string_view kPacked = "+";
constexpr absl::string_view kLeftOut = "-";

std::string Head(absl::string_view identity) {
  return absl::StrCat("ecgtrain pack journal ", kFormat, "\t", absl::CHexEscape(identity));
}

// ",101,,0": the tasks, each as its labels.
std::string LabelText(const std::vector<std::vector<bool>>& labels) {
  std::string text;
  for (const std::vector<bool>& task : labels) {
    text += ',';
    for (const bool label : task) text += label ? '1' : '0';
  }
  return text;
}

bool Read(absl::string_view text, std::vector<std::vector<bool>>& labels) {
  for (const char c : text) {
    if (c == ',') {
      labels.emplace_back();
    } else if (labels.empty() || (c != '0' && c != '1')) {
      return false;
    } else {
      labels.back().push_back(c == '1');
    }
  }
  return true;
}

std::string Format(const JournalEntry& entry) {
  if (!entry.left_out.empty()) {
    return absl::StrCat(kLeftOut, "\t", absl::CHexEscape(entry.left_out), "\t", absl::CHexEscape(entry.note));
  }
  const auto amplitude = std::bit_cast<uint32_t>(entry.amplitude);
  return absl::StrCat(kPacked, "\t", absl::CHexEscape(entry.id), "\t", absl::CHexEscape(entry.patient), "\t",
                      entry.fold, "\t", LabelText(entry.labels), "\t", entry.flaws, "\t", entry.length, "\t",
                      entry.crc32c, "\t", entry.clipped, "\t", amplitude);
}

std::optional<JournalEntry> Parse(absl::string_view text) {
  const std::vector<absl::string_view> fields = absl::StrSplit(text, '\t');
  JournalEntry entry;
  if (fields[0] == kLeftOut) {
    const bool right = fields.size() == 3 && absl::CUnescape(fields[1], &entry.left_out) &&
                       absl::CUnescape(fields[2], &entry.note) && !entry.left_out.empty();
    return right ? std::optional(std::move(entry)) : std::nullopt;
  }
  uint32_t amplitude = 0;
  const bool right = fields.size() == 10 && fields[0] == kPacked && absl::CUnescape(fields[1], &entry.id) &&
                     absl::CUnescape(fields[2], &entry.patient) && absl::SimpleAtoi(fields[3], &entry.fold) &&
                     Read(fields[4], entry.labels) && absl::SimpleAtoi(fields[5], &entry.flaws) &&
                     absl::SimpleAtoi(fields[6], &entry.length) &&
                     absl::SimpleAtoi(fields[7], &entry.crc32c) &&
                     absl::SimpleAtoi(fields[8], &entry.clipped) && absl::SimpleAtoi(fields[9], &amplitude);
  entry.amplitude = std::bit_cast<float>(amplitude);
  return right && std::isfinite(entry.amplitude) ? std::optional(std::move(entry)) : std::nullopt;
}

// What follows the checksum, where it is that of the rest.
std::optional<absl::string_view> Checked(absl::string_view line) {
  uint32_t checksum = 0;
  if (line.size() <= kChecksumDigits || line[kChecksumDigits] != ' ' ||
      !absl::SimpleHexAtoi(line.substr(0, kChecksumDigits), &checksum))
    return std::nullopt;
  const absl::string_view text = line.substr(kChecksumDigits + 1);
  return Crc32c(text) == checksum ? std::optional(text) : std::nullopt;
}

}  // namespace

absl::StatusOr<PackJournal> PackJournal::Open(const std::filesystem::path& path, absl::string_view identity,
                                              uint64_t keep) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (!fd.valid()) return FileError(errno, "create", path);
  const auto end = static_cast<off_t>(keep);
  if (ftruncate(fd.get(), end) != 0) return FileError(errno, "cut", path);
  if (lseek(fd.get(), end, SEEK_SET) != end) return FileError(errno, "seek", path);
  PackJournal journal(path, std::move(fd));
  if (keep == 0) RETURN_IF_ERROR(journal.AppendLine(Head(identity)));
  return journal;
}

PackJournal::PackJournal(std::filesystem::path path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

absl::Status PackJournal::Append(const JournalEntry& entry) { return AppendLine(Format(entry)); }

absl::Status PackJournal::AppendLine(absl::string_view text) {
  absl::StrAppend(&unwritten_, absl::Hex(Crc32c(text), absl::kZeroPad8), " ", text, "\n");
  if (unwritten_.size() < kWriteBytes) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFully(fd_.get(), unwritten_, path_));
  unwritten_.clear();
  return absl::OkStatus();
}

absl::StatusOr<PackJournalReader> PackJournalReader::Open(const std::filesystem::path& path,
                                                          absl::string_view identity) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() && errno != ENOENT) return FileError(errno, "open", path);
  PackJournalReader reader(path, std::move(fd));
  if (!reader.fd_.valid()) return reader;
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> head, reader.NextLine());
  if (head == Head(identity)) {
    reader.good_ = reader.read_;
  } else {
    reader.fd_.Reset();
  }
  return reader;
}

PackJournalReader::PackJournalReader(std::filesystem::path path, UniqueFd fd)
    : path_(std::move(path)), fd_(std::move(fd)) {}

absl::StatusOr<std::optional<absl::string_view>> PackJournalReader::NextLine() {
  size_t end = 0;
  while ((end = buffer_.find('\n', at_)) == std::string::npos) {
    buffer_.erase(0, at_);
    at_ = 0;
    if (buffer_.size() > kMaxLineBytes) return std::nullopt;
    const size_t had = buffer_.size();
    buffer_.resize(had + kReadBytes);
    ssize_t got = 0;
    do {
      got = read(fd_.get(), buffer_.data() + had, kReadBytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return FileError(errno, "read", path_);
    buffer_.resize(had + static_cast<size_t>(got));
    if (got == 0) return std::nullopt;
  }
  const absl::string_view line = absl::string_view(buffer_).substr(at_, end - at_);
  at_ = end + 1;
  read_ += line.size() + 1;
  return Checked(line);
}

absl::StatusOr<std::optional<JournalEntry>> PackJournalReader::Next() {
  if (!fd_.valid()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> line, NextLine());
  std::optional<JournalEntry> entry;
  if (line.has_value()) entry = Parse(*line);
  if (entry.has_value()) {
    good_ = read_;
  } else {
    fd_.Reset();
  }
  return entry;
}

}  // namespace ecgtrain
