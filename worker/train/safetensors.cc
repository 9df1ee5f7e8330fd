#include "worker/train/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLengthBytes = 8;

absl::Status Malformed(absl::string_view finding) { return absl::InvalidArgumentError(finding); }

std::optional<uint64_t> ElementSize(absl::string_view dtype) {
  static constexpr std::pair<absl::string_view, uint64_t> kSizes[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
      {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}};
  for (const auto& [name, size] : kSizes) {
    if (name == dtype) return size;
  }
  return std::nullopt;
}

// Bytes of a tensor; nullopt where the product leaves 62 bits.
std::optional<uint64_t> ByteCount(const std::vector<int64_t>& shape, uint64_t element) {
  uint64_t bytes = element;
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) || bytes >> 62)
      return std::nullopt;
  }
  return bytes;
}

absl::StatusOr<std::vector<uint64_t>> UnsignedList(const Json& json, const char* key,
                                                   absl::string_view tensor) {
  const auto list = json.find(key);
  if (list == json.end() || !list->is_array() || list->size() > 16) {
    return Malformed(absl::StrCat("tensor \"", tensor, "\": ", key, " is not a list of at most 16 numbers"));
  }
  std::vector<uint64_t> values;
  for (const Json& value : *list) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >> 62) {
      return Malformed(absl::StrCat("tensor \"", tensor, "\": ", key, " holds something else than sizes"));
    }
    values.push_back(value.get<uint64_t>());
  }
  return values;
}

// One header entry; `data` is all that follows the header.
absl::StatusOr<TensorBytes> ParseEntry(const std::string& name, const Json& json, absl::string_view data) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json["dtype"].is_string()) {
    return Malformed(absl::StrCat("tensor \"", name, "\": not an object of dtype, shape and data_offsets"));
  }
  TensorBytes tensor{name, json["dtype"].get<std::string>(), {}, {}};
  ASSIGN_OR_RETURN(const std::vector<uint64_t> shape, UnsignedList(json, "shape", name));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, UnsignedList(json, "data_offsets", name));
  tensor.shape.assign(shape.begin(), shape.end());
  const std::optional<uint64_t> element = ElementSize(tensor.dtype);
  if (!element.has_value())
    return Malformed(absl::StrCat("tensor \"", name, "\": unknown dtype ", tensor.dtype));
  const std::optional<uint64_t> bytes = ByteCount(tensor.shape, *element);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size() || !bytes.has_value() ||
      *bytes != offsets[1] - offsets[0]) {
    return Malformed(absl::StrCat("tensor \"", name, "\": offsets do not fit its shape and the ", data.size(),
                                  " bytes of the file"));
  }
  tensor.bytes = data.substr(offsets[0], *bytes);
  return tensor;
}

std::string HeaderFor(absl::Span<const TensorBytes> tensors) {
  Json header = Json::object();
  uint64_t offset = 0;
  for (const TensorBytes& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = DumpJson(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string result(kLengthBytes, '\0');
  for (uint64_t i = 0; i < kLengthBytes; ++i) result[i] = static_cast<char>(text.size() >> (8 * i));
  return result + text;
}

}  // namespace

absl::StatusOr<std::vector<TensorBytes>> ParseSafetensors(absl::string_view content) {
  if (content.size() < kLengthBytes) return Malformed("shorter than the header's length field");
  uint64_t length = 0;
  for (uint64_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(static_cast<unsigned char>(content[i])) << (8 * i);
  }
  if (length > kMaxSafetensorsHeader || length > content.size() - kLengthBytes) {
    return Malformed(absl::StrCat("the header claims ", length, " bytes"));
  }
  ASSIGN_OR_RETURN(const Json header, ParseJson(content.substr(kLengthBytes, length), "header", 4));
  if (!header.is_object()) return Malformed("the header is not a JSON object");
  const absl::string_view data = content.substr(kLengthBytes + length);
  std::vector<TensorBytes> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    ASSIGN_OR_RETURN(tensors.emplace_back(), ParseEntry(name, entry, data));
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorBytes& a, const TensorBytes& b) {
    return std::pair(a.bytes.data(), a.bytes.size()) < std::pair(b.bytes.data(), b.bytes.size());
  });
  const char* end = data.data();
  for (const TensorBytes& tensor : tensors) {
    if (tensor.bytes.data() != end) {
      return Malformed(absl::StrCat("tensor \"", tensor.name, "\" overlaps another or leaves a gap"));
    }
    end += tensor.bytes.size();
  }
  if (end != data.data() + data.size()) return Malformed("bytes after the last tensor");
  return tensors;
}

absl::StatusOr<std::unique_ptr<SafetensorsFile>> SafetensorsFile::Open(const std::filesystem::path& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return FileError(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) {
    return absl::DataLossError(absl::StrCat(path.string(), " is empty or not a file"));
  }
  void* memory = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return FileError(errno, "map", path);
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->content_ = absl::string_view(static_cast<const char*>(memory), info.st_size);
  ASSIGN_OR_RETURN(file->tensors_, ParseSafetensors(file->content_),
                   absl::DataLossError(absl::StrCat(path.string(), ": ", _.message())));
  return file;
}

SafetensorsFile::~SafetensorsFile() {
  if (!content_.empty()) munmap(const_cast<char*>(content_.data()), content_.size());
}

absl::StatusOr<FileDigest> WriteSafetensors(const std::filesystem::path& path,
                                            absl::Span<const TensorBytes> tensors) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid()) return FileError(errno, "create", path);
  Sha256 sha256;
  FileDigest digest;
  const auto write = [&](absl::string_view bytes) {
    sha256.Update(bytes);
    digest.size += bytes.size();
    return WriteFully(fd.get(), bytes, path);
  };
  RETURN_IF_ERROR(write(HeaderFor(tensors)));
  for (const TensorBytes& tensor : tensors) RETURN_IF_ERROR(write(tensor.bytes));
  if (fsync(fd.get()) != 0) return FileError(errno, "sync", path);
  digest.sha256 = sha256.HexDigest();
  return digest;
}

}  // namespace ecgtrain
