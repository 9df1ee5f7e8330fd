// A set of recordings in its own layout, behind one interface: what packing reads. One adapter for each kind
// of set.
#ifndef ECGTRAIN_WORKER_DATA_DATA_SET_H_
#define ECGTRAIN_WORKER_DATA_DATA_SET_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/pack.h"

namespace ecgtrain {

struct DataSetOptions {
  std::string type;            // one of DataSetTypes()
  std::filesystem::path path;  // the set's folder; of "own" its description; not for "synthetic"
  // Factor that makes the numbers stored in HDF5 files millivolts; 0: the type's own, 0.5 for "code15" and
  // "sami-trop" as they are published, else 1. Only for sets in HDF5.
  double gain = 0;
  uint32_t rate = 400;  // wanted samples a second; a set that exists at several rates reads the nearest above
  uint64_t records = 600;  // only for "synthetic", here and below
  uint64_t seed = 1;
};

// Of a task whose classes a table names. One of more is hardly a table of classes, and each record has a bit
// for each.
inline constexpr size_t kMaxClasses = 1000;

struct DataSetInfo {
  std::string name;  // "ptbxl"
  std::vector<PackTask> tasks;
  uint32_t source_rate = 0;  // samples a second of the recordings, where all have the same; else 0
  std::map<std::string, uint64_t> skipped;  // records that the set lists but does not hold, by reason
  std::vector<std::string> notes;           // what a person should know, one sentence each
};

struct Recording {
  std::string id;
  std::string
      patient;        // unique within the set; "SET/PATIENT" where the recording is a copy out of another set
  uint32_t fold = 0;  // 1 to 10
  double rate = 0;    // samples a second
  // [length, kLeads] in the order of pack.h; NaN where a sample is missing.
  std::vector<double> millivolts;
  // By task of DataSetInfo: whether the record has each class; empty when it carries no label of that task.
  std::vector<std::vector<bool>> labels;
};

// Immutable after opening: thread-safe.
class DataSet {
 public:
  virtual ~DataSet() = default;

  virtual const DataSetInfo& info() const = 0;
  virtual size_t size() const = 0;

  // Errors name the file. NOT_FOUND and DATA_LOSS for files that are gone or do not hold what they should;
  // record_fault.h tells what is the fault of this recording alone. REQUIRES: index < size().
  virtual absl::StatusOr<Recording> Read(size_t index) const = 0;

  // Identity of the source on every host: docs/pack-format.md says what it covers. May read many small files.
  virtual absl::StatusOr<std::string> SourceDigest() const = 0;

  // A quick fingerprint of the same source on this host (names, sizes, modification times): while it is the
  // same, a source digest computed earlier holds.
  virtual std::string QuickKey() const = 0;
};

// Names of all types, sorted.
std::vector<std::string> DataSetTypes();

// INVALID_ARGUMENT for an unknown type or options that do not fit it; NOT_FOUND when the set is not at
// `path`; DATA_LOSS for damaged tables.
absl::StatusOr<std::unique_ptr<DataSet>> OpenDataSet(const DataSetOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_DATA_SET_H_
