// CRC-32C (Castagnoli), as iSCSI and gRPC chunk checksums use it.
#ifndef ECGTRAIN_COMMON_CRC32C_H_
#define ECGTRAIN_COMMON_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace ecgtrain {

// Crc32c("123456789") == 0xe3069283. `previous` continues a checksum.
uint32_t Crc32c(absl::string_view bytes, uint32_t previous = 0);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_CRC32C_H_
