#include "tests/worker/train/failing_calls.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

namespace ecgtrain {
namespace {

// A sanitizer's runtime makes our calls before it can bear instrumented code, even that of std::atomic.
#define NOT_INSTRUMENTED __attribute__((no_sanitize("address,undefined")))

bool g_active = false;
NOT_INSTRUMENTED bool Active() { return __atomic_load_n(&g_active, __ATOMIC_SEQ_CST); }
void SetActive(bool active) { __atomic_store_n(&g_active, active, __ATOMIC_SEQ_CST); }

std::atomic<int> g_calls = 0;
int g_first = 0;
int g_count = 0;
std::string& g_part = *new std::string;

// Whether this call is one of those that fail.
bool Fails(const std::string& path) {
  if (!Active() || path.find(g_part) == std::string::npos) return false;
  const int call = ++g_calls;
  return call >= g_first && call - g_first < g_count;
}

std::string PathOf(int fd) {
  char path[4096] = "";
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  return {path, static_cast<size_t>(size < 0 ? 0 : size)};
}

class Limited final : public c10::Allocator {
 public:
  Limited(c10::Allocator* real, size_t bytes, FailingAllocator::Kind kind, std::string message)
      : real_(real), bytes_(bytes), kind_(kind), message_(std::move(message)) {}

  c10::DataPtr allocate(size_t n) override {
    if (n <= bytes_) return real_->allocate(n);
    TORCH_CHECK_WITH(OutOfMemoryError, kind_ != FailingAllocator::Kind::kOutOfMemory, message_);
    TORCH_CHECK(false, message_);
  }
  c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t count) const override {
    real_->copy_data(to, from, count);
  }

 private:
  c10::Allocator* real_;
  size_t bytes_;
  FailingAllocator::Kind kind_;
  std::string message_;
};

c10::Allocator* g_real = nullptr;
Limited* g_limited = nullptr;

}  // namespace

FullDiskCalls::FullDiskCalls(int first, int count, std::string part) {
  g_part = std::move(part);
  g_first = first;
  g_count = count;
  g_calls = 0;
  SetActive(true);
}
FullDiskCalls::~FullDiskCalls() { SetActive(false); }
int FullDiskCalls::calls() const { return g_calls; }

FailingAllocator::FailingAllocator(size_t bytes, Kind kind, std::string message) {
  g_real = c10::GetCPUAllocator();
  g_limited = new Limited(g_real, bytes, kind, std::move(message));
  c10::SetCPUAllocator(g_limited, /*priority=*/1);
}
FailingAllocator::~FailingAllocator() {
  c10::SetCPUAllocator(g_real, /*priority=*/1);
  delete g_limited;
}

}  // namespace ecgtrain

extern "C" NOT_INSTRUMENTED ssize_t write(int fd, const void* data, size_t size) {
  if (ecgtrain::Active() && ecgtrain::Fails(ecgtrain::PathOf(fd))) {
    errno = ENOSPC;
    return -1;
  }
  return syscall(SYS_write, fd, data, size);
}

extern "C" NOT_INSTRUMENTED int fsync(int fd) {
  if (ecgtrain::Active() && ecgtrain::Fails(ecgtrain::PathOf(fd))) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" NOT_INSTRUMENTED int mkdir(const char* path, mode_t mode) {
  if (ecgtrain::Active() && access(path, F_OK) != 0 && ecgtrain::Fails(path)) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}
