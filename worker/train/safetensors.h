// The safetensors file format: a JSON header and the tensors' bytes. No LibTorch here.
// Format: https://github.com/huggingface/safetensors#format
//
// Reader: every length, offset, shape and type is checked against the file before anything is handed out;
// gaps, overlaps, doubled names and trailing bytes are refused.
#ifndef ECGTRAIN_WORKER_TRAIN_SAFETENSORS_H_
#define ECGTRAIN_WORKER_TRAIN_SAFETENSORS_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/sha256.h"

namespace ecgtrain {

inline constexpr uint64_t kMaxSafetensorsHeader = 16 << 20;

struct TensorBytes {
  std::string name;
  std::string dtype;           // "F32", "I64", ...
  std::vector<int64_t> shape;  // row-major
  absl::string_view bytes;     // little-endian
};

// A file mapped into memory; immutable after Open, thread-safe.
class SafetensorsFile {
 public:
  // NOT_FOUND; DATA_LOSS naming file and finding when the file is not exactly what its header says.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  // In the order of their bytes in the file, which live as long as this object.
  const std::vector<TensorBytes>& tensors() const { return tensors_; }

 private:
  SafetensorsFile() = default;

  absl::string_view content_;
  std::vector<TensorBytes> tensors_;
};

// The tensors of `content`, a whole file; views into it. INVALID_ARGUMENT naming the finding.
absl::StatusOr<std::vector<TensorBytes>> ParseSafetensors(absl::string_view content);

// Makes a new file of the tensors, in the given order, and syncs it. Errors as in common/durable_file.h;
// ALREADY_EXISTS where there is one.
absl::StatusOr<FileDigest> WriteSafetensors(const std::filesystem::path& path,
                                            absl::Span<const TensorBytes> tensors);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SAFETENSORS_H_
