#include "worker/data/wfdb_format.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

constexpr int32_t kInt16Low = std::numeric_limits<int16_t>::min();

constexpr std::array<WfdbFormat, 10> kFormats = {{{8, 1, 1, kNeverMissing},
                                                  {16, 1, 2, kInt16Low},
                                                  {24, 1, 3, -(1 << 23)},
                                                  {32, 1, 4, std::numeric_limits<int32_t>::min()},
                                                  {61, 1, 2, kInt16Low},
                                                  {80, 1, 1, -128},
                                                  {160, 1, 2, kInt16Low},
                                                  {212, 2, 3, -2048},
                                                  {310, 3, 4, -512},
                                                  {311, 3, 4, -512}}};

// The low `bits` bits of `value` as a two's complement number.
int32_t Signed(uint32_t value, int bits) {
  const uint32_t sign = 1U << (bits - 1);
  const uint32_t low = value & (sign | (sign - 1));
  return static_cast<int32_t>((low ^ sign) - sign);
}

uint32_t Word16(const uint8_t* at) { return at[0] | at[1] << 8; }

// One block's samples.
void DecodeBlock(int format, const uint8_t* at, int32_t* samples) {
  switch (format) {
    case 8:
      samples[0] = Signed(at[0], 8);
      break;
    case 24:
      samples[0] = Signed(Word16(at) | at[2] << 16, 24);
      break;
    case 32:
      samples[0] = static_cast<int32_t>(Word16(at) | Word16(at + 2) << 16);
      break;
    case 61:
      samples[0] = Signed(at[0] << 8 | at[1], 16);
      break;
    case 80:
      samples[0] = at[0] - 128;
      break;
    case 160:
      samples[0] = static_cast<int32_t>(Word16(at)) - 32768;
      break;
    case 212:
      samples[0] = Signed(at[0] | (at[1] & 0x0f) << 8, 12);
      samples[1] = Signed(at[2] | (at[1] & 0xf0) << 4, 12);
      break;
    case 310:  // ten bits over an unused one in each half; the third sample in the five bits above them
      samples[0] = Signed(Word16(at) >> 1, 10);
      samples[1] = Signed(Word16(at + 2) >> 1, 10);
      samples[2] = Signed(Word16(at) >> 11 | (Word16(at + 2) >> 11) << 5, 10);
      break;
    case 311:
      samples[0] = Signed(Word16(at), 10);
      samples[1] = Signed(Word16(at + 1) >> 2, 10);
      samples[2] = Signed(Word16(at + 2) >> 4, 10);
      break;
    default:  // 16
      samples[0] = Signed(Word16(at), 16);
      break;
  }
}

}  // namespace

uint64_t WfdbFormat::LeastBytes(uint64_t samples) const {
  const uint64_t left = samples % block_samples;
  uint64_t bytes = samples / block_samples * block_bytes;
  if (left == 1) bytes += 2;
  if (left == 2) bytes += number == 310 ? 4 : 3;
  return bytes;
}

uint64_t WfdbFormat::MostBytes(uint64_t samples) const {
  return (samples + block_samples - 1) / block_samples * block_bytes;
}

uint64_t WfdbFormat::SamplesIn(uint64_t bytes) const {
  uint64_t samples = bytes / block_bytes * block_samples;
  for (uint32_t more = 0; more < block_samples && LeastBytes(samples + 1) <= bytes; ++more) ++samples;
  return samples;
}

std::vector<int32_t> WfdbFormat::Decode(absl::string_view bytes, size_t count) const {
  std::vector<int32_t> samples(MostBytes(count) / block_bytes * block_samples);
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t whole = std::min<size_t>(bytes.size() / block_bytes, samples.size() / block_samples);
  if (number == 16) {  // what most sets use; a loop that the compiler turns into a wide one
    for (size_t i = 0; i < whole; ++i) samples[i] = static_cast<int16_t>(Word16(at + 2 * i));
  } else {
    for (size_t block = 0; block < whole; ++block)
      DecodeBlock(number, at + block * block_bytes, samples.data() + block * block_samples);
  }
  if (whole * block_samples < samples.size()) {
    std::array<uint8_t, 4> last = {};
    std::memcpy(last.data(), at + whole * block_bytes, bytes.size() - whole * block_bytes);
    DecodeBlock(number, last.data(), samples.data() + whole * block_samples);
  }
  samples.resize(count);
  return samples;
}

absl::StatusOr<WfdbFormat> FindWfdbFormat(int number) {
  for (const WfdbFormat& format : kFormats) {
    if (format.number == number) return format;
  }
  return absl::UnimplementedError(
      absl::StrCat("format ", number, " is not read; 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311 are"));
}

}  // namespace ecgtrain
