// Random identifiers from the system's generator. Thread-safe.
#ifndef ECGTRAIN_COMMON_IDS_H_
#define ECGTRAIN_COMMON_IDS_H_

#include <cstddef>
#include <string>

namespace ecgtrain {

// A random (version 4) UUID, lower case.
std::string NewUuid();

// `bytes` random bytes as hexadecimal digits: for tokens (32 bytes).
std::string NewSecret(size_t bytes = 32);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_IDS_H_
