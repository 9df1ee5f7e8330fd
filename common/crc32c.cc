#include "common/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace ecgtrain {

uint32_t Crc32c(absl::string_view bytes, uint32_t previous) {
  // ISA-L leaves the inversions to its caller and takes int lengths.
  uint32_t crc = ~previous;
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), 1 << 30);
    crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
                      static_cast<int>(part), crc);
    bytes.remove_prefix(part);
  }
  return ~crc;
}

}  // namespace ecgtrain
