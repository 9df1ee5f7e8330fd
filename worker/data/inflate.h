// Streams of zlib (RFC 1950), as compressed MAT files and HDF5 chunks hold them.
#ifndef ECGTRAIN_WORKER_DATA_INFLATE_H_
#define ECGTRAIN_WORKER_DATA_INFLATE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// The whole stream, its checksum verified. DATA_LOSS, beginning with `where`, for a damaged or cut stream and
// for one that gives more than `limit` bytes; no more than that is ever allocated. Bytes after the stream are
// passed over. Thread-safe.
absl::StatusOr<std::string> Inflate(absl::string_view bytes, size_t limit, absl::string_view where);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_INFLATE_H_
