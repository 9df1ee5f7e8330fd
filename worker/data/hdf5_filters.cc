#include "worker/data/hdf5_filters.h"

#include <utility>

#include "common/status_macros.h"
#include "worker/data/inflate.h"

namespace ecgtrain {
namespace {

constexpr uint32_t kDeflate = 1, kShuffle = 2, kFletcher = 3;
constexpr size_t kMaxFilters = 32;

// Byte k of every element lies together: element by element again.
std::string Unshuffle(const std::string& bytes, size_t element) {
  if (element < 2 || element > bytes.size()) return bytes;  // no whole element: nothing was moved
  std::string out = bytes;                                  // bytes after the last whole element stay
  const size_t count = bytes.size() / element;
  for (size_t k = 0; k < element; ++k) {
    for (size_t i = 0; i < count; ++i) out[i * element + k] = bytes[k * count + i];
  }
  return out;
}

// As the HDF5 library computes it: over 16-bit words, high byte first.
uint32_t Fletcher32(absl::string_view bytes) {
  uint32_t one = 0, two = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const uint32_t high = static_cast<uint8_t>(bytes[i]);
    const uint32_t low = i + 1 < bytes.size() ? static_cast<uint8_t>(bytes[i + 1]) : 0;
    one = (one + (high << 8 | low)) % 65535;
    two = (two + one) % 65535;
  }
  return two << 16 | one;
}

absl::StatusOr<std::string> CheckFletcher(std::string bytes, absl::string_view where) {
  if (bytes.size() < 4) return absl::DataLossError(absl::StrCat(where, ": expected a checksum at the end"));
  uint32_t stored = 0;
  for (size_t i = 4; i > 0; --i) stored = stored << 8 | static_cast<uint8_t>(bytes[bytes.size() - 5 + i]);
  bytes.resize(bytes.size() - 4);
  const uint32_t found = Fletcher32(bytes);
  // 65535 and 0 are the same number of this arithmetic; the library writes either.
  const auto same = [](uint32_t a, uint32_t b) { return a % 65535 == b % 65535; };
  if (same(stored >> 16, found >> 16) && same(stored & 0xffff, found & 0xffff)) return bytes;
  return absl::DataLossError(absl::StrCat(where, ", checksum: expected ", stored, ", found ", found));
}

}  // namespace

absl::StatusOr<std::vector<Hdf5Filter>> ReadHdf5Filters(Hdf5Fields fields) {
  std::vector<Hdf5Filter> filters;
  const uint64_t version = fields.Number(1, "filter pipeline version");
  fields.Require(version == 1 || version == 2, "filter pipeline version", "expected 1 or 2");
  const uint64_t count = fields.Number(1, "number of filters");
  fields.Require(count <= kMaxFilters, "number of filters", "expected at most 32");
  if (version == 1) fields.Skip(6);
  for (uint64_t i = 0; i < count && fields.status().ok(); ++i) {
    Hdf5Filter filter;
    filter.id = static_cast<uint32_t>(fields.Number(2, "filter"));
    const uint64_t name = version == 1 || filter.id >= 256 ? fields.Number(2, "size of filter name") : 0;
    fields.Skip(2);
    const uint64_t values = fields.Number(2, "number of filter parameters");
    fields.Skip(version == 1 ? (name + 7) / 8 * 8 : name);
    fields.Require(values * 4 <= fields.left(), "number of filter parameters", "expected as many as follow");
    for (uint64_t k = 0; k < values && fields.status().ok(); ++k)
      filter.values.push_back(static_cast<uint32_t>(fields.Number(4, "filter parameter")));
    if (version == 1 && values % 2 == 1) fields.Skip(4);
    if (filter.id < kDeflate || filter.id > kFletcher) {
      fields.Unsupported(absl::StrCat("compression filter ", filter.id,
                                      " is not read; rewrite the file with gzip: h5repack -f GZIP=4 IN OUT"));
    }
    filters.push_back(std::move(filter));
  }
  RETURN_IF_ERROR(fields.status());
  return filters;
}

absl::StatusOr<std::string> UndoHdf5Filters(std::string chunk, const std::vector<Hdf5Filter>& filters,
                                            uint32_t skipped, size_t size, absl::string_view where) {
  for (size_t i = filters.size(); i > 0; --i) {
    const Hdf5Filter& filter = filters[i - 1];
    if ((skipped >> (i - 1) & 1) != 0) continue;
    if (filter.id == kDeflate) {
      // Room for the checksums that other filters may have added.
      ASSIGN_OR_RETURN(chunk, Inflate(chunk, size + 4 * filters.size(), where));
    } else if (filter.id == kShuffle) {
      chunk = Unshuffle(chunk, filter.values.empty() ? 1 : filter.values.front());
    } else {
      ASSIGN_OR_RETURN(chunk, CheckFletcher(std::move(chunk), where));
    }
  }
  if (chunk.size() == size) return chunk;
  return absl::DataLossError(absl::StrCat(where, ": expected ", size, " bytes, found ", chunk.size()));
}

}  // namespace ecgtrain
