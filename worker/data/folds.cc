#include "worker/data/folds.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"

namespace ecgtrain {

uint32_t FoldOfPatient(absl::string_view patient) {
  const std::string digest = Sha256Hex(absl::StrCat("ecgtrain fold\n", patient));
  uint64_t value = 0;
  if (!absl::SimpleHexAtoi(digest.substr(0, 8), &value)) return 1;  // never: the digest is hexadecimal
  return static_cast<uint32_t>(value % 10) + 1;
}

}  // namespace ecgtrain
