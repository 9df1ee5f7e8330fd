// Writes a pack (docs/pack-format.md): records one after the other, then Finish, which makes the file appear
// under its name, complete and durable. Until then it is `path`.tmp, with which a later writer can go on.
#ifndef ECGTRAIN_WORKER_DATA_PACK_WRITER_H_
#define ECGTRAIN_WORKER_DATA_PACK_WRITER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/sha256.h"
#include "common/unique_fd.h"
#include "worker/data/pack.h"
#include "worker/data/pack_format.h"

namespace ecgtrain {

struct PackWriterRecord {
  std::string id;
  std::string patient;
  uint32_t fold = 0;                  // 1 to 10
  absl::Span<const int16_t> samples;  // [length, kLeads], 1 uV
  // By task: one value a class, or empty when the record carries no label of the task.
  absl::Span<const std::vector<bool>> labels;
  uint32_t flaws = 0;  // Flaw values of quality.h
};

// Errors are those of common/durable_file.h: a full disk is RESOURCE_EXHAUSTED. Equal records and info make
// equal bytes. Thread-compatible.
class PackWriter {
 public:
  // `tasks` fixes the label bits; classes must be sorted. Starts `path`.tmp anew: the caller makes sure that
  // nobody else writes the same path.
  static absl::StatusOr<PackWriter> Create(const std::filesystem::path& path, std::vector<PackTask> tasks);
  // Goes on with the `path`.tmp of an earlier writer, if there is one: Adopt its records, then Cut.
  static absl::StatusOr<PackWriter> Continue(const std::filesystem::path& path, std::vector<PackTask> tasks);
  PackWriter(PackWriter&&) = default;
  // Removes the temporary file unless Finish succeeded or Keep was called.
  ~PackWriter();

  // Adds the next record of the file that is there, with `length` samples a lead that have the checksum
  // `crc32c`; `record.samples` is not looked at. False, adding nothing, where the file holds anything else.
  absl::StatusOr<bool> Adopt(const PackWriterRecord& record, uint32_t length, uint32_t crc32c);
  // Ends the adopting: what the file holds after the last record goes.
  absl::Status Cut();

  // INVALID_ARGUMENT when the record does not fit the format: no samples, fold outside 1 to 10, labels that
  // do not match the tasks.
  absl::Status Add(const PackWriterRecord& record);
  // Checksum of the samples of the record added last. REQUIRES: there is one.
  uint32_t last_crc32c() const { return index_.back().samples_crc32c; }

  // Leaves the temporary file to a later writer. The writer is spent afterwards.
  void Keep() { fd_.Reset(); }

  // `info.tasks` is ignored: they were given to Create. The writer is spent afterwards.
  absl::Status Finish(const PackInfo& info);

 private:
  PackWriter(std::filesystem::path path, UniqueFd fd, std::vector<PackTask> tasks);
  absl::Status Append(absl::string_view bytes);
  absl::Status Flush();
  absl::Status CheckRecord(const PackWriterRecord& record) const;
  absl::Status Index(const PackWriterRecord& record, uint64_t offset, uint32_t length, uint32_t crc32c);
  void AddLabels(absl::Span<const std::vector<bool>> labels);
  std::string Header(const PackInfo& info) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
  std::vector<PackTask> tasks_;
  uint32_t label_stride_;
  uint64_t position_ = sizeof(pack_format::Preamble);
  Sha256 sha256_;
  std::string unwritten_;
  std::vector<pack_format::IndexEntry> index_;
  std::string labels_;
  std::string strings_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PACK_WRITER_H_
