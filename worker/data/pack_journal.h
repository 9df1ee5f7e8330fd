// What a packing has done so far, in a file beside the unfinished pack, so that one that was killed goes on
// where it was (docs/pack-format.md, "Unfinished packs").
//
// A line for each recording of the set, in its order, each with a checksum. Nothing is synced: what a crash
// leaves of the file is read up to the first line that is not whole.
#ifndef ECGTRAIN_WORKER_DATA_PACK_JOURNAL_H_
#define ECGTRAIN_WORKER_DATA_PACK_JOURNAL_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/unique_fd.h"

namespace ecgtrain {

// What became of one recording.
struct JournalEntry {
  // Why it was left out, a reason of PackInfo::skipped, and what a person should know; "": it is in the pack.
  std::string left_out;
  std::string note;
  // As in PackWriterRecord.
  std::string id;
  std::string patient;
  uint32_t fold = 0;
  std::vector<std::vector<bool>> labels;
  uint32_t flaws = 0;
  // Of its samples in the pack.
  uint32_t length = 0;  // a lead
  uint32_t crc32c = 0;
  uint64_t clipped = 0;
  float amplitude = 0;  // millivolts
};

// Thread-compatible, as is PackJournalReader. Errors are those of common/durable_file.h.
class PackJournal {
 public:
  // Keeps the first `keep` bytes of what is there (PackJournalReader::good). `identity` says what is packed
  // and by which program: a journal with another one is of no use.
  static absl::StatusOr<PackJournal> Open(const std::filesystem::path& path, absl::string_view identity,
                                          uint64_t keep);

  absl::Status Append(const JournalEntry& entry);

 private:
  PackJournal(std::filesystem::path path, UniqueFd fd);
  absl::Status AppendLine(absl::string_view text);

  std::filesystem::path path_;
  UniqueFd fd_;
  std::string unwritten_;
};

class PackJournalReader {
 public:
  // A journal that is absent, or of another identity, has no entries.
  static absl::StatusOr<PackJournalReader> Open(const std::filesystem::path& path,
                                                absl::string_view identity);

  // The next entry; nothing at the end, and from the first line on that is not whole and right.
  absl::StatusOr<std::optional<JournalEntry>> Next();

  // Bytes up to the end of the last entry that Next returned, the identity included; 0 where that is missing.
  uint64_t good() const { return good_; }

 private:
  PackJournalReader(std::filesystem::path path, UniqueFd fd);
  // The text of the next line without its checksum, until the next call.
  absl::StatusOr<std::optional<absl::string_view>> NextLine();

  std::filesystem::path path_;
  UniqueFd fd_;
  std::string buffer_;
  size_t at_ = 0;      // in buffer_, of what was not returned yet
  uint64_t read_ = 0;  // bytes up to the end of the last line
  uint64_t good_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PACK_JOURNAL_H_
