// A loop over several threads.
#ifndef ECGTRAIN_WORKER_DATA_PARALLEL_H_
#define ECGTRAIN_WORKER_DATA_PARALLEL_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace ecgtrain {

// Threads for `wanted`: itself, or for 0 one a core, 16 at most.
size_t ThreadCount(int wanted);

// Runs work(0) ... work(count - 1), each once, in any order, on up to `threads` threads; fewer where the
// system gives no more. Returns when all are done. `work` must be safe to call from several threads and must
// not throw.
void RunInParallel(size_t count, size_t threads, absl::FunctionRef<void(size_t)> work);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PARALLEL_H_
