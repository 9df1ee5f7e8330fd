// MAT version 5 files as MATLAB writes them, compressed or not ("MAT-File Format", The MathWorks): numeric
// and text arrays, alone or as the fields of a structure. CPSC 2018 has one structure ECG {sex, age, data} a
// file.
#ifndef ECGTRAIN_WORKER_DATA_MAT5_H_
#define ECGTRAIN_WORKER_DATA_MAT5_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

inline constexpr size_t kMaxMat5Bytes = 32 << 20;  // of a file, and of a variable after decompression

struct MatArray {
  std::vector<uint64_t> dimensions;  // two at least
  std::vector<double> values;        // column after column; of a text its characters
};

// The fields of the 1 x 1 structure `variable`. Fields that are no numeric or text arrays are passed over; of
// complex ones the real part is read. `path` stands in error messages. DATA_LOSS, naming offset, field and
// expectation, for everything that is damaged (offsets in a compressed variable count from its start after
// decompression) or larger than kMaxMat5Bytes, and for a file without such a structure. Thread-safe.
absl::StatusOr<std::map<std::string, MatArray>> ReadMat5Struct(absl::string_view bytes,
                                                               absl::string_view variable,
                                                               absl::string_view path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_MAT5_H_
