// Tensors to and from safetensors files.
#ifndef ECGTRAIN_WORKER_TRAIN_TENSOR_FILE_H_
#define ECGTRAIN_WORKER_TRAIN_TENSOR_FILE_H_

#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/sha256.h"
#include "worker/model/weights.h"

namespace ecgtrain {

// All tensors of the file, copied, on the CPU. NOT_FOUND; DATA_LOSS for a malformed file or a type other than
// F32.
absl::StatusOr<std::vector<NamedTensor>> ReadTensorFile(const std::filesystem::path& path);

// `tensors` are contiguous fp32 or fp64 on the CPU. Errors as WriteSafetensors.
absl::StatusOr<FileDigest> WriteTensorFile(const std::filesystem::path& path,
                                           absl::Span<const NamedTensor> tensors);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_TENSOR_FILE_H_
