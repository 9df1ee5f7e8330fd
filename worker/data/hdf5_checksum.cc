#include "worker/data/hdf5_checksum.h"

#include <bit>
#include <cstddef>

namespace ecgtrain {
namespace {

struct State {
  uint32_t a, b, c;

  void Mix() {
    a = (a - c) ^ std::rotl(c, 4), c += b;
    b = (b - a) ^ std::rotl(a, 6), a += c;
    c = (c - b) ^ std::rotl(b, 8), b += a;
    a = (a - c) ^ std::rotl(c, 16), c += b;
    b = (b - a) ^ std::rotl(a, 19), a += c;
    c = (c - b) ^ std::rotl(b, 4), b += a;
  }

  void Finish() {
    c = (c ^ b) - std::rotl(b, 14);
    a = (a ^ c) - std::rotl(c, 11);
    b = (b ^ a) - std::rotl(a, 25);
    c = (c ^ b) - std::rotl(b, 16);
    a = (a ^ c) - std::rotl(c, 4);
    b = (b ^ a) - std::rotl(a, 14);
    c = (c ^ b) - std::rotl(b, 24);
  }

  // Up to twelve bytes.
  void Add(absl::string_view bytes) {
    uint32_t* const words[] = {&a, &b, &c};
    for (size_t i = 0; i < bytes.size(); ++i)
      *words[i / 4] += static_cast<uint32_t>(static_cast<uint8_t>(bytes[i])) << (8 * (i % 4));
  }
};

}  // namespace

uint32_t Hdf5Checksum(absl::string_view bytes) {
  const uint32_t start = 0xdeadbeef + static_cast<uint32_t>(bytes.size());
  State state{start, start, start};
  for (; bytes.size() > 12; bytes.remove_prefix(12)) {
    state.Add(bytes.substr(0, 12));
    state.Mix();
  }
  if (bytes.empty()) return state.c;
  state.Add(bytes);
  state.Finish();
  return state.c;
}

}  // namespace ecgtrain
