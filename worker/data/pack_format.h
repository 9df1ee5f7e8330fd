// Layout of a pack file, shared by writer and reader (docs/pack-format.md). All numbers are little-endian, as
// on every host this project supports.
#ifndef ECGTRAIN_WORKER_DATA_PACK_FORMAT_H_
#define ECGTRAIN_WORKER_DATA_PACK_FORMAT_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ecgtrain::pack_format {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::array<char, 8> kMagic = {'E', 'C', 'G', 'P', 'A', 'C', 'K', '\n'};
inline constexpr uint32_t kVersion = 2;
inline constexpr size_t kAlignment = 64;  // of each record's samples: a cache line
inline constexpr double kUnitsPerMillivolt = 1000;

// The first 128 bytes, written last.
struct Preamble {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t preamble_crc32c = 0;  // of these 128 bytes with this field 0
  uint64_t file_size = 0;
  uint64_t record_count = 0;
  uint64_t index_offset = 0;  // end of the samples, start of the metadata
  uint64_t labels_offset = 0;
  uint64_t strings_offset = 0;
  uint64_t header_offset = 0;           // JSON, up to the end of the file
  uint32_t label_stride = 0;            // bytes of label bits a record
  uint32_t metadata_crc32c = 0;         // of [index_offset, file_size)
  std::array<uint8_t, 32> sha256 = {};  // of [sizeof(Preamble), file_size)
  std::array<uint8_t, 24> reserved = {};
};
static_assert(sizeof(Preamble) == 128 && std::is_trivially_copyable_v<Preamble>);

struct IndexEntry {
  uint64_t samples_offset = 0;  // from the start of the file
  uint32_t length = 0;          // samples a lead
  uint32_t fold = 0;
  uint32_t id_offset = 0;  // from strings_offset
  uint32_t id_size = 0;
  uint32_t patient_offset = 0;
  uint32_t patient_size = 0;
  uint32_t samples_crc32c = 0;
  uint32_t flaws = 0;  // bits of quality.h
};
static_assert(sizeof(IndexEntry) == 40 && std::is_trivially_copyable_v<IndexEntry>);

}  // namespace ecgtrain::pack_format

#endif  // ECGTRAIN_WORKER_DATA_PACK_FORMAT_H_
