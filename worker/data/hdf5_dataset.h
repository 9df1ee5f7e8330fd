// Datasets of HDF5 files, read row by row: integers, floating-point numbers and texts of fixed size; compact,
// contiguous, or in chunks with deflate, shuffle and Fletcher's checksum (HDF5 File Format
// Specification 3.0).
#ifndef ECGTRAIN_WORKER_DATA_HDF5_DATASET_H_
#define ECGTRAIN_WORKER_DATA_HDF5_DATASET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/mutex.h"
#include "worker/data/hdf5_filters.h"
#include "worker/data/hdf5_objects.h"

namespace ecgtrain {

struct Hdf5Type {
  enum class Kind { kInteger, kFloat, kText };
  Kind kind = Kind::kInteger;
  size_t size = 0;  // bytes
  bool big_endian = false;
  bool is_signed = false;
};

struct Hdf5Layout {
  enum class Kind { kCompact, kContiguous, kChunked };
  Kind kind = Kind::kContiguous;
  uint64_t address = kHdf5Undefined;  // of the values, or of the tree of chunks
  std::string compact;
  std::vector<uint64_t> chunk;  // elements of a chunk, by dimension
};

// Thread-safe.
class Hdf5Dataset {
 public:
  // `objects` must outlive the dataset. Errors as in hdf5_objects.h; sizes and counts are bounded by what the
  // file can hold and by 64 MiB a row or chunk before anything is allocated.
  static absl::StatusOr<std::unique_ptr<Hdf5Dataset>> Open(const Hdf5Objects& objects,
                                                           absl::string_view path);

  const std::vector<uint64_t>& shape() const { return shape_; }  // one dimension at least
  uint64_t rows() const { return shape_.front(); }
  uint64_t row_elements() const { return row_elements_; }

  // One row's values, integers and floating-point numbers as they are. REQUIRES: row < rows(). DATA_LOSS for
  // a damaged chunk and for a dataset of texts.
  absl::StatusOr<std::vector<double>> ReadRow(uint64_t row) const;

  // A dataset of one value a row: integers in decimal, texts without what pads them. DATA_LOSS for other
  // datasets.
  absl::StatusOr<std::vector<std::string>> ReadNames() const;

 private:
  struct Chunk {
    uint64_t address = 0;
    uint32_t size = 0;
    uint32_t skipped = 0;  // filters
  };

  Hdf5Dataset(const Hdf5Objects& objects, std::string path) : objects_(objects), path_(std::move(path)) {}

  absl::Status ReadShape(Hdf5Fields fields);
  absl::Status ReadType(Hdf5Fields fields);
  absl::Status ReadLayout(Hdf5Fields fields);
  absl::Status CheckSizes();
  absl::Status ReadChunkTree();
  absl::StatusOr<std::string> ReadRowBytes(uint64_t row) const;
  absl::Status CopyFromChunk(uint64_t row, const std::vector<uint64_t>& position, std::string* bytes) const;
  // REQUIRES: chunks_ holds it.
  absl::StatusOr<std::shared_ptr<const std::string>> LoadChunk(uint64_t number) const;
  uint64_t ChunkNumber(const std::vector<uint64_t>& position) const;

  const Hdf5Objects& objects_;
  std::string path_;  // within the file
  std::vector<uint64_t> shape_;
  uint64_t row_elements_ = 1;
  Hdf5Type type_;
  Hdf5Layout layout_;
  std::vector<Hdf5Filter> filters_;
  std::vector<uint64_t> chunk_counts_;  // by dimension
  uint64_t chunk_bytes_ = 0;
  std::map<uint64_t, Chunk> chunks_;  // by number in row-major order

  // The chunks decoded last, where one serves several rows.
  mutable Mutex mutex_;
  mutable std::map<uint64_t, std::shared_ptr<const std::string>> cache_ GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_HDF5_DATASET_H_
