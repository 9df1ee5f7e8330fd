// A pack: one memory-mapped file with every usable record of a data set, prepared for training. The trainer
// reads nothing else. Format: docs/pack-format.md.
#ifndef ECGTRAIN_WORKER_DATA_PACK_H_
#define ECGTRAIN_WORKER_DATA_PACK_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

inline constexpr int kLeads = 12;  // I II III aVR aVL aVF V1 V2 V3 V4 V5 V6, in this order

// One label set of a data set: what a fine-tuning calls its task.
struct PackTask {
  std::string name;                  // "all", "rhythm", ...
  std::vector<std::string> classes;  // sorted
};

struct PackInfo {
  std::string dataset;        // "ptbxl"
  std::string source_digest;  // identity of the source, the same on every host (docs/pack-format.md)
  std::string digest;         // identity of the pack: source, preparation and format version; its file name
  std::string tool;           // program and version that wrote it
  uint32_t preparation_version = 0;
  uint32_t rate = 0;  // samples a second
  bool highpass = true;
  bool derive_leads = true;
  uint32_t quarantine = 0;        // Flaw values (quality.h) that left a record out
  float millivolts_per_unit = 0;  // 0.001
  uint64_t clipped_samples = 0;
  uint64_t skipped_records = 0;             // bad ones left out
  std::map<std::string, uint64_t> skipped;  // the same by reason: "flat", "too_short", ...
  std::map<std::string, uint64_t> flagged;  // records of the pack by flaw
  double amplitude = 0;            // millivolts peak to peak of the largest lead: median of all records
  std::vector<std::string> notes;  // what a person should know about the preparation
  std::vector<PackTask> tasks;
};

struct PackRecord {
  std::string id;       // the data set's own name of the record
  std::string patient;  // splits never separate the records of a patient
  uint32_t fold = 0;    // 1 to 10
  uint32_t length = 0;  // samples a lead, without padding
  // [length, kLeads], frame after frame, in units of PackInfo::millivolts_per_unit. Points into the mapped
  // file.
  absl::Span<const int16_t> samples;
  uint32_t flaws = 0;  // Flaw values of quality.h
};

// Immutable after Open: thread-safe.
class Pack {
 public:
  // Checks everything but the samples. NOT_FOUND; DATA_LOSS naming file, offset and field when the header, an
  // index entry, the size or a checksum does not fit; FAILED_PRECONDITION for a format version this program
  // does not know.
  static absl::StatusOr<std::unique_ptr<Pack>> Open(const std::filesystem::path& path);
  virtual ~Pack() = default;

  virtual const PackInfo& info() const = 0;
  virtual size_t size() const = 0;
  // REQUIRES: index < size(), here and below.
  virtual PackRecord record(size_t index) const = 0;

  // Whether the record has the class, for each class of info().tasks[task]; empty when the record carries no
  // label of that task (it is left out of training and scores then).
  virtual std::vector<bool> labels(size_t index, size_t task) const = 0;

  // Reads the whole file: DATA_LOSS, naming the record where there is one, when a byte differs from what was
  // written.
  virtual absl::Status Verify() const = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PACK_H_
