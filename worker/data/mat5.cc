#include "worker/data/mat5.h"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/inflate.h"

namespace ecgtrain {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kFileHeaderBytes = 128;
constexpr uint64_t kMaxArrayElements = uint64_t{1} << 24;  // of one array: 128 MiB as doubles
constexpr int kMaxFields = 1000;

// Data types of elements.
constexpr uint32_t kInt8 = 1, kInt32 = 5, kUint32 = 6, kMatrix = 14, kCompressed = 15;
// Classes of arrays.
constexpr uint32_t kStructClass = 2, kCharClass = 4, kFirstNumericClass = 6, kLastNumericClass = 15;

template <typename T>
double Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

struct Storage {
  size_t bytes;
  double (*load)(const char*);
};

std::optional<Storage> StorageOf(uint32_t type) {
  switch (type) {
    case 1:
      return Storage{1, Load<int8_t>};
    case 2:
    case 16:  // UTF-8: byte by byte
      return Storage{1, Load<uint8_t>};
    case 3:
      return Storage{2, Load<int16_t>};
    case 4:
    case 17:  // UTF-16
      return Storage{2, Load<uint16_t>};
    case 5:
      return Storage{4, Load<int32_t>};
    case 6:
      return Storage{4, Load<uint32_t>};
    case 7:
      return Storage{4, Load<float>};
    case 9:
      return Storage{8, Load<double>};
    case 12:
      return Storage{8, Load<int64_t>};
    case 13:
      return Storage{8, Load<uint64_t>};
    default:
      return std::nullopt;
  }
}

struct Element {
  uint32_t type = 0;
  uint64_t offset = 0;  // of its data
  absl::string_view data;
};

// Elements one after the other, within a file or within a matrix. Thread-compatible.
class Elements {
 public:
  Elements(absl::string_view bytes, uint64_t offset, absl::string_view where)
      : bytes_(bytes), base_(offset), where_(where) {}

  bool empty() const { return at_ >= bytes_.size(); }

  absl::Status Bad(absl::string_view field, absl::string_view expected, uint64_t offset) const {
    return absl::DataLossError(
        absl::StrCat(where_, " offset ", offset, ", ", field, ": expected ", expected));
  }
  absl::Status Bad(absl::string_view field, absl::string_view expected) const {
    return Bad(field, expected, base_ + at_);
  }

  // `what` stands in error messages.
  absl::StatusOr<Element> Next(absl::string_view what) {
    if (at_ + 8 > bytes_.size()) return Bad(what, "8 bytes of a tag, found the end");
    uint32_t words[2];
    std::memcpy(words, bytes_.data() + at_, sizeof words);
    const bool small = words[0] >> 16 != 0;  // up to four bytes in the tag itself
    const uint32_t size = small ? words[0] >> 16 : words[1];
    const size_t start = at_ + (small ? 4 : 8);
    if (size > (small ? 4 : bytes_.size() - start))
      return Bad(what, absl::StrCat("at most ", bytes_.size() - start, " bytes, found ", size));
    Element element{small ? words[0] & 0xffff : words[0], base_ + start, bytes_.substr(start, size)};
    // Padded to eight bytes, but for compressed elements.
    const size_t end = start + size;
    at_ = small ? at_ + 8 : element.type == kCompressed ? end : (end + 7) / 8 * 8;
    return element;
  }

  absl::StatusOr<Element> Next(absl::string_view what, uint32_t type) {
    ASSIGN_OR_RETURN(Element element, Next(what));
    if (element.type == type) return element;
    return Bad(what, absl::StrCat("data type ", type, ", found ", element.type), element.offset);
  }

  absl::string_view where() const { return where_; }

 private:
  absl::string_view bytes_;
  uint64_t base_;
  absl::string_view where_;
  size_t at_ = 0;
};

// What every matrix begins with.
struct MatrixHeader {
  uint32_t array_class = 0;
  std::vector<uint64_t> dimensions;
  uint64_t count = 1;  // of elements
  std::string name;
};

absl::StatusOr<MatrixHeader> ReadHeader(Elements& parts) {
  MatrixHeader header;
  ASSIGN_OR_RETURN(const Element flags, parts.Next("array flags", kUint32));
  if (flags.data.size() != 8) return parts.Bad("array flags", "8 bytes", flags.offset);
  header.array_class = static_cast<uint8_t>(flags.data[0]);
  ASSIGN_OR_RETURN(const Element dimensions, parts.Next("dimensions", kInt32));
  const size_t rank = dimensions.data.size() / 4;
  if (rank < 2 || rank > 8) return parts.Bad("dimensions", "2 to 8 of them", dimensions.offset);
  for (size_t i = 0; i < rank; ++i) {
    const auto size = static_cast<int64_t>(Load<int32_t>(dimensions.data.data() + 4 * i));
    if (size < 0 || static_cast<uint64_t>(size) > kMaxArrayElements)
      return parts.Bad("dimensions", absl::StrCat("0 to ", kMaxArrayElements, ", found ", size),
                       dimensions.offset);
    header.count *= static_cast<uint64_t>(size);  // at most 2^48 before it is checked
    if (header.count > kMaxArrayElements)
      return parts.Bad("dimensions", absl::StrCat("at most ", kMaxArrayElements, " elements"),
                       dimensions.offset);
    header.dimensions.push_back(static_cast<uint64_t>(size));
  }
  ASSIGN_OR_RETURN(const Element name, parts.Next("name", kInt8));
  header.name = std::string(name.data);
  return header;
}

absl::StatusOr<MatArray> ReadArray(const MatrixHeader& header, Elements& parts) {
  ASSIGN_OR_RETURN(const Element data, parts.Next("values"));
  const std::optional<Storage> storage = StorageOf(data.type);
  if (!storage)
    return parts.Bad("values", absl::StrCat("a numeric data type, found ", data.type), data.offset);
  if (data.data.size() != header.count * storage->bytes) {
    return parts.Bad("values",
                     absl::StrCat(header.count * storage->bytes, " bytes, found ", data.data.size()),
                     data.offset);
  }
  MatArray array{header.dimensions, std::vector<double>(header.count)};
  for (size_t i = 0; i < header.count; ++i)
    array.values[i] = storage->load(data.data.data() + i * storage->bytes);
  return array;
}

absl::StatusOr<std::map<std::string, MatArray>> ReadFields(const MatrixHeader& header, Elements& parts) {
  if (header.count != 1) return parts.Bad("structure", absl::StrCat("one of them, found ", header.count));
  ASSIGN_OR_RETURN(const Element length, parts.Next("field name length", kInt32));
  if (length.data.size() != 4) return parts.Bad("field name length", "4 bytes", length.offset);
  const double width = Load<int32_t>(length.data.data());
  if (width < 1 || width > 256) return parts.Bad("field name length", "1 to 256", length.offset);
  ASSIGN_OR_RETURN(const Element names, parts.Next("field names", kInt8));
  const auto step = static_cast<size_t>(width);
  if (names.data.size() % step != 0 || names.data.size() / step > kMaxFields)
    return parts.Bad("field names", absl::StrCat("up to ", kMaxFields, " of ", step, " bytes"), names.offset);
  std::map<std::string, MatArray> fields;
  for (size_t at = 0; at < names.data.size(); at += step) {
    const std::string name(names.data.substr(at, strnlen(names.data.data() + at, step)));
    ASSIGN_OR_RETURN(const Element value, parts.Next(absl::StrCat("field ", Shown(name)), kMatrix));
    Elements inner(value.data, value.offset, parts.where());
    if (value.data.empty()) continue;  // an empty matrix
    ASSIGN_OR_RETURN(const MatrixHeader field, ReadHeader(inner));
    const bool numeric = field.array_class >= kFirstNumericClass && field.array_class <= kLastNumericClass;
    if (!numeric && field.array_class != kCharClass) continue;
    ASSIGN_OR_RETURN(fields[name], ReadArray(field, inner));
  }
  return fields;
}

// Nothing when the element is another variable.
absl::StatusOr<std::optional<std::map<std::string, MatArray>>> ReadVariable(const Element& element,
                                                                            absl::string_view variable,
                                                                            absl::string_view where) {
  Elements parts(element.data, element.offset, where);
  ASSIGN_OR_RETURN(const MatrixHeader header, ReadHeader(parts));
  if (header.name != variable || header.array_class != kStructClass) return std::nullopt;
  return ReadFields(header, parts);
}

absl::Status CheckFileHeader(absl::string_view bytes, absl::string_view path) {
  if (bytes.size() < kFileHeaderBytes) {
    return absl::DataLossError(absl::StrCat(path, " has ", bytes.size(),
                                            " bytes; a MAT version 5 file begins with ", kFileHeaderBytes));
  }
  if (bytes.substr(124, 4) == absl::string_view("\0\1IM", 4)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      path, " offset 124, version and byte order: expected those of a little-endian MAT version 5 file"));
}

}  // namespace

absl::StatusOr<std::map<std::string, MatArray>> ReadMat5Struct(absl::string_view bytes,
                                                               absl::string_view variable,
                                                               absl::string_view path) {
  RETURN_IF_ERROR(CheckFileHeader(bytes, path));
  if (bytes.size() > kMaxMat5Bytes)
    return absl::DataLossError(
        absl::StrCat(path, ": expected at most ", kMaxMat5Bytes, " bytes, found ", bytes.size()));
  Elements elements(bytes.substr(kFileHeaderBytes), kFileHeaderBytes, path);
  while (!elements.empty()) {
    ASSIGN_OR_RETURN(Element element, elements.Next("variable"));
    std::string inflated;
    std::string where(path);
    if (element.type == kCompressed) {
      absl::StrAppend(&where, " offset ", element.offset);
      ASSIGN_OR_RETURN(inflated, Inflate(element.data, kMaxMat5Bytes, where));
      absl::StrAppend(&where, ", decompressed");
      Elements inner(inflated, 0, where);
      ASSIGN_OR_RETURN(element, inner.Next("variable"));
    }
    if (element.type != kMatrix) continue;
    ASSIGN_OR_RETURN(auto fields, ReadVariable(element, variable, where));
    if (fields) return *std::move(fields);
  }
  return absl::DataLossError(absl::StrCat(path, ": expected a structure \"", variable, "\", found none"));
}

}  // namespace ecgtrain
