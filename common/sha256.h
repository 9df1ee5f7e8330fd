// SHA-256 of bytes, streams and files, as lower-case hexadecimal.
#ifndef ECGTRAIN_COMMON_SHA256_H_
#define ECGTRAIN_COMMON_SHA256_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Thread-compatible.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(absl::string_view bytes);
  // 32 bytes; the object starts anew afterwards.
  std::string Digest();
  // The same as 64 hexadecimal digits.
  std::string HexDigest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(absl::string_view bytes);

struct FileDigest {
  std::string sha256;
  uint64_t size = 0;
};
// Errors as in durable_file.h.
absl::StatusOr<FileDigest> DigestFile(const std::filesystem::path& path);

// True for 64 lower-case hexadecimal digits.
bool IsSha256Hex(absl::string_view text);

// Comparison whose time does not depend on where the strings differ: for secrets.
bool EqualInConstantTime(absl::string_view a, absl::string_view b);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_SHA256_H_
