// A stretch of an HDF5 file's metadata, read field by field.
#ifndef ECGTRAIN_WORKER_DATA_HDF5_FIELDS_H_
#define ECGTRAIN_WORKER_DATA_HDF5_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

inline constexpr uint64_t kHdf5Undefined = ~uint64_t{0};  // the address of what is not there

// The parts of a file lie side by side, so together they are no larger than it: bounds what damaged
// addresses, which may point anywhere and in circles, make us read. Thread-compatible.
class Hdf5Budget {
 public:
  explicit Hdf5Budget(uint64_t file_size) : left_(file_size) {}

  // Whether a part of so many bytes still fits.
  bool Take(uint64_t bytes) {
    const bool fits = bytes <= left_;
    if (fits) left_ -= bytes;
    return fits;
  }

 private:
  uint64_t left_;
};

inline constexpr char kHdf5Overlap[] =
    "expected parts that lie side by side; they are larger than the file, so they overlap or form a circle";

// The first error sticks: fields that follow read as 0, and status() tells it. Thread-compatible.
class Hdf5Fields {
 public:
  // `offset` is where `bytes` lie in the file `path`.
  Hdf5Fields(std::string bytes, uint64_t offset, std::string path)
      : bytes_(std::move(bytes)), offset_(offset), path_(std::move(path)) {}

  size_t left() const { return bytes_.size() - at_; }
  uint64_t offset() const { return offset_ + at_; }
  const absl::Status& status() const { return status_; }

  // A little-endian number of 1 to 8 bytes; one of all ones reads as kHdf5Undefined where it is an address.
  uint64_t Number(size_t size, absl::string_view field) {
    const absl::string_view bytes = Bytes(size, field);
    uint64_t value = 0;
    for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
    return value;
  }

  uint64_t Address(size_t size, absl::string_view field) {
    const uint64_t value = Number(size, field);
    const bool undefined = size < 8 && value == (uint64_t{1} << (8 * size)) - 1;
    return undefined ? kHdf5Undefined : value;
  }

  // Valid as long as this object.
  absl::string_view Bytes(size_t size, absl::string_view field) {
    if (size > left()) {
      Fail(field, absl::StrCat("expected ", size, " bytes, found ", left()));
      at_ = bytes_.size();
      return {};
    }
    const absl::string_view found = absl::string_view(bytes_).substr(at_, size);
    at_ += size;
    return found;
  }

  void Skip(size_t size) { Bytes(size, "unused bytes"); }

  // A field that must have this value.
  void Expect(size_t size, uint64_t expected, absl::string_view field) {
    const uint64_t found = Number(size, field);
    Require(found == expected, field, absl::StrCat("expected ", expected, ", found ", found));
  }

  void ExpectText(absl::string_view expected, absl::string_view field) {
    const uint64_t at = offset();
    if (Bytes(expected.size(), field) != expected && status_.ok())
      status_ = absl::DataLossError(
          absl::StrCat(path_, " offset ", at, ", ", field, ": expected \"", expected, "\""));
  }

  // DATA_LOSS, just before the present position, unless `holds`.
  void Require(bool holds, absl::string_view field, absl::string_view problem) {
    if (!holds) Fail(field, problem);
  }

  void Unsupported(absl::string_view what) {
    if (status_.ok())
      status_ = absl::UnimplementedError(absl::StrCat(path_, " offset ", offset(), ": ", what));
  }

 private:
  void Fail(absl::string_view field, absl::string_view problem) {
    if (status_.ok())
      status_ = absl::DataLossError(absl::StrCat(path_, " offset ", offset(), ", ", field, ": ", problem));
  }

  std::string bytes_;
  uint64_t offset_;
  std::string path_;
  size_t at_ = 0;
  absl::Status status_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_HDF5_FIELDS_H_
