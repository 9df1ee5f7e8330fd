#include "worker/data/parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "common/log.h"

namespace ecgtrain {

size_t ThreadCount(int wanted) {
  return wanted > 0 ? wanted : std::clamp(std::thread::hardware_concurrency(), 1u, 16u);
}

void RunInParallel(size_t count, size_t threads, absl::FunctionRef<void(size_t)> work) {
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> helpers;
  helpers.reserve(threads);
  try {
    while (helpers.size() + 1 < std::min(threads, count)) helpers.emplace_back(run);
  } catch (const std::system_error&) {  // a limit on processes: the threads that are there do the work
    LogWarning("fewer threads than wanted", {{"threads", helpers.size() + 1}, {"wanted", threads}});
  }
  run();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace ecgtrain
