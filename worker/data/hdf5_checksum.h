// Bob Jenkins' lookup3, with which HDF5 guards its newer metadata (hashlittle() of lookup3.c, public domain).
#ifndef ECGTRAIN_WORKER_DATA_HDF5_CHECKSUM_H_
#define ECGTRAIN_WORKER_DATA_HDF5_CHECKSUM_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ecgtrain {

uint32_t Hdf5Checksum(absl::string_view bytes);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_HDF5_CHECKSUM_H_
