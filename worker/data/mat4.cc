#include "worker/data/mat4.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/quoted.h"

namespace ecgtrain {

absl::Status CheckMat4Prolog(absl::string_view bytes, uint64_t signals, uint64_t frames,
                             absl::string_view path) {
  static_assert(std::endian::native == std::endian::little);
  if (bytes.size() < kMat4PrologBytes) {
    return absl::DataLossError(absl::StrCat(path, " has ", bytes.size(),
                                            " bytes; a MAT version 4 file begins with ", kMat4PrologBytes));
  }
  struct Field {
    const char* name;
    uint64_t expected;
  };
  // Type 30: little-endian, full matrix, 16-bit integers.
  const Field fields[] = {
      {"type", 30}, {"rows", signals}, {"columns", frames}, {"imaginary part", 0}, {"size of name", 4}};
  for (size_t i = 0; i < std::size(fields); ++i) {
    uint32_t found;
    std::memcpy(&found, bytes.data() + 4 * i, sizeof found);
    if (found == fields[i].expected) continue;
    return absl::DataLossError(absl::StrCat(path, " offset ", 4 * i, ", ", fields[i].name, ": expected ",
                                            fields[i].expected, ", found ", found));
  }
  if (bytes.substr(20, 4) != absl::string_view("val\0", 4)) {
    return absl::DataLossError(
        absl::StrCat(path, " offset 20, name: expected \"val\", found ", Quoted(bytes.substr(20, 4))));
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
