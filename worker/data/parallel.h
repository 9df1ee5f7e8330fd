// A loop over several threads whose results are taken in order.
#ifndef ECGTRAIN_WORKER_DATA_PARALLEL_H_
#define ECGTRAIN_WORKER_DATA_PARALLEL_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace ecgtrain {

// Threads for `wanted`: itself, or for 0 one a core, 16 at most.
size_t ThreadCount(int wanted);

// Slots that RunInOrder with so many threads uses.
constexpr size_t SlotCount(size_t threads) { return 4 * threads; }

// Runs work(index, thread, slot) for every index below `count` on up to `threads` threads, fewer where the
// system gives no more, and take(index, slot) in the order of the indices on the calling thread. What work
// leaves in its slot, a number below SlotCount(threads), is nobody else's until take has returned; what
// belongs to `thread`, below `threads`, is used by one call of work at a time. So the results that wait are
// bounded, whatever the count.
//
// Returns when all is done, or take's first error, after which nothing else is taken. `work` must not throw.
absl::Status RunInOrder(size_t count, size_t threads,
                        absl::FunctionRef<void(size_t index, size_t thread, size_t slot)> work,
                        absl::FunctionRef<absl::Status(size_t index, size_t slot)> take);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PARALLEL_H_
