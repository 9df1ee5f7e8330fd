// Files that the build puts into the program (spec/embed.cmake).
#ifndef ECGTRAIN_SPEC_EMBEDDED_H_
#define ECGTRAIN_SPEC_EMBEDDED_H_

#include <cstddef>

namespace ecgtrain {

struct EmbeddedBytes {
  const unsigned char* data;
  size_t size;
};

// google.protobuf.FileDescriptorSet of spec.proto alone, with its comments, which compiled descriptors leave
// out.
extern const EmbeddedBytes kSpecDescriptors;

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_EMBEDDED_H_
