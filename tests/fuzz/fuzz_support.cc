#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz_targets.h"

namespace ecgtrain {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

absl::Status RunTarget(const FuzzTarget& target, absl::string_view bytes) {
  absl::Status status = target.run(bytes);
  const bool clean = status.ok() || absl::IsDataLoss(status) || absl::IsUnimplemented(status) ||
                     absl::IsNotFound(status) || absl::IsFailedPrecondition(status);
  if (!clean) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  Require(clean, "expected OK, DATA_LOSS, UNIMPLEMENTED, NOT_FOUND or FAILED_PRECONDITION");
  Require(status.message().size() < 16 << 10,
          "a message that quotes no more of the input than a person reads");
  return status;
}

std::string MemoryFile(absl::string_view bytes) {
  static int fd = -1;
  if (fd >= 0) close(fd);
  fd = memfd_create("fuzz", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
          "memory file");
  return absl::StrCat("/proc/self/fd/", fd);
}

}  // namespace ecgtrain
