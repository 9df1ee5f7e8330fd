// Filters of chunked HDF5 datasets: deflate, shuffle and Fletcher's checksum.
#ifndef ECGTRAIN_WORKER_DATA_HDF5_FILTERS_H_
#define ECGTRAIN_WORKER_DATA_HDF5_FILTERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/hdf5_fields.h"

namespace ecgtrain {

struct Hdf5Filter {
  uint32_t id = 0;
  std::vector<uint32_t> values;  // the filter's parameters
};

// A filter pipeline message. UNIMPLEMENTED for other filters (lzf, szip, blosc, ...).
absl::StatusOr<std::vector<Hdf5Filter>> ReadHdf5Filters(Hdf5Fields fields);

// The chunk as it was before the filters, `size` bytes, but for those whose bit is set in `skipped`.
// DATA_LOSS, beginning with `where`, when it is damaged or of another size. Thread-safe.
absl::StatusOr<std::string> UndoHdf5Filters(std::string chunk, const std::vector<Hdf5Filter>& filters,
                                            uint32_t skipped, size_t size, absl::string_view where);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_HDF5_FILTERS_H_
