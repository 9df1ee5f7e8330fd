#include "worker/train/tensor_file.h"

#include <ATen/ops/empty.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/train/safetensors.h"

namespace ecgtrain {

absl::StatusOr<std::vector<NamedTensor>> ReadTensorFile(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto file, SafetensorsFile::Open(path));
  std::vector<NamedTensor> tensors;
  for (const TensorBytes& entry : file->tensors()) {
    const bool is_double = entry.dtype == "F64";
    if (!is_double && entry.dtype != "F32") {
      return absl::DataLossError(
          absl::StrCat(path.string(), ": tensor ", entry.name, " is ", entry.dtype, ", not F32 or F64"));
    }
    at::Tensor tensor = at::empty(entry.shape, is_double ? at::kDouble : at::kFloat);
    if (!entry.bytes.empty()) memcpy(tensor.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
    tensors.push_back({entry.name, tensor});
  }
  return tensors;
}

absl::StatusOr<FileDigest> WriteTensorFile(const std::filesystem::path& path,
                                           absl::Span<const NamedTensor> tensors) {
  std::vector<TensorBytes> entries;
  for (const NamedTensor& named : tensors) {
    const at::Tensor& tensor = named.tensor;
    entries.push_back(
        {named.name, tensor.scalar_type() == at::kDouble ? "F64" : "F32", tensor.sizes().vec(),
         absl::string_view(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes())});
  }
  return WriteSafetensors(path, entries);
}

}  // namespace ecgtrain
