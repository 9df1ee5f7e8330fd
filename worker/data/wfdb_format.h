// Encodings of samples in WFDB signal files (signal(5) of the WFDB Applications Guide).
//
//   8    first differences, 8 bits           16  16 bits, low byte first      24, 32  likewise with 24, 32
//   bits 61   16 bits, high byte first            80  8 bits, offset binary        160     16 bits, offset
//   binary 212  two 12-bit samples in three bytes   310, 311  three 10-bit samples in four bytes
#ifndef ECGTRAIN_WORKER_DATA_WFDB_FORMAT_H_
#define ECGTRAIN_WORKER_DATA_WFDB_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

struct WfdbFormat {
  int number;
  uint32_t block_samples;  // samples that are encoded together
  uint32_t block_bytes;
  int32_t missing;  // the value that marks a sample as missing

  // Bytes of `samples` samples: writers may leave the last block's unused bytes out or fill them.
  uint64_t LeastBytes(uint64_t samples) const;
  uint64_t MostBytes(uint64_t samples) const;
  // Whole samples in `bytes` bytes.
  uint64_t SamplesIn(uint64_t bytes) const;

  // The first `count` samples. REQUIRES: bytes.size() >= LeastBytes(count). Format 8 gives the differences.
  std::vector<int32_t> Decode(absl::string_view bytes, size_t count) const;
};

// Marks "no value means missing": format 8.
inline constexpr int32_t kNeverMissing = std::numeric_limits<int32_t>::max();

// UNIMPLEMENTED for other formats, naming those that are read.
absl::StatusOr<WfdbFormat> FindWfdbFormat(int number);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_WFDB_FORMAT_H_
