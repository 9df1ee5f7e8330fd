// Tells ThreadSanitizer how the packaged Abseil and gRPC, which are not instrumented, hand work from thread
// to thread: under Abseil's locks and through gRPC's completion queues. Unseen, each hand-over reads as a
// race of whatever was handed over. The linker (--wrap) sends every call from another object file here first;
// it knows mangled names only. Preset tsan; Sanitizers.cmake lists the same symbols.
#include <grpc/grpc.h>
#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

#define WRAPPED(name) asm("__wrap_" name)
#define PACKAGED(name) asm("__real_" name)
#define GRPC_CQ_END_OP                                                \
  "_Z14grpc_cq_end_opP21grpc_completion_queuePvN4absl" ABSL_NAMESPACE \
  "6StatusEPFvS1_P18grpc_cq_completionES1_S6_b"
#define ABSL_SCOPE "_ZN4absl" ABSL_NAMESPACE

struct grpc_cq_completion;

// For programs that a test starts with an environment of its own, without TSAN_OPTIONS.
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "suppressions=" TSAN_SUPPRESSIONS; }

namespace ecgtrain {

using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::ReleasableMutexLock;
using absl::Time;

void PackagedLock(Mutex* mutex) PACKAGED(ABSL_SCOPE "5Mutex4LockEv");
void Lock(Mutex* mutex) WRAPPED(ABSL_SCOPE "5Mutex4LockEv");
void Lock(Mutex* mutex) {
  PackagedLock(mutex);
  __tsan_acquire(mutex);
}

void PackagedUnlock(Mutex* mutex) PACKAGED(ABSL_SCOPE "5Mutex6UnlockEv");
void Unlock(Mutex* mutex) WRAPPED(ABSL_SCOPE "5Mutex6UnlockEv");
void Unlock(Mutex* mutex) {
  __tsan_release(mutex);
  PackagedUnlock(mutex);
}

bool PackagedTryLock(Mutex* mutex) PACKAGED(ABSL_SCOPE "5Mutex7TryLockEv");
bool TryLock(Mutex* mutex) WRAPPED(ABSL_SCOPE "5Mutex7TryLockEv");
bool TryLock(Mutex* mutex) {
  const bool locked = PackagedTryLock(mutex);
  if (locked) __tsan_acquire(mutex);
  return locked;
}

void PackagedReaderLock(Mutex* mutex) PACKAGED(ABSL_SCOPE "5Mutex10ReaderLockEv");
void ReaderLock(Mutex* mutex) WRAPPED(ABSL_SCOPE "5Mutex10ReaderLockEv");
void ReaderLock(Mutex* mutex) {
  PackagedReaderLock(mutex);
  __tsan_acquire(mutex);
}

void PackagedReaderUnlock(Mutex* mutex) PACKAGED(ABSL_SCOPE "5Mutex12ReaderUnlockEv");
void ReaderUnlock(Mutex* mutex) WRAPPED(ABSL_SCOPE "5Mutex12ReaderUnlockEv");
void ReaderUnlock(Mutex* mutex) {
  __tsan_release(mutex);
  PackagedReaderUnlock(mutex);
}

void PackagedLockWhen(Mutex* mutex, const Condition& condition)
    PACKAGED(ABSL_SCOPE "5Mutex8LockWhenERKNS0_9ConditionE");
void LockWhen(Mutex* mutex, const Condition& condition)
    WRAPPED(ABSL_SCOPE "5Mutex8LockWhenERKNS0_9ConditionE");
void LockWhen(Mutex* mutex, const Condition& condition) {
  PackagedLockWhen(mutex, condition);
  __tsan_acquire(mutex);
}

void PackagedWait(CondVar* variable, Mutex* mutex) PACKAGED(ABSL_SCOPE "7CondVar4WaitEPNS0_5MutexE");
void Wait(CondVar* variable, Mutex* mutex) WRAPPED(ABSL_SCOPE "7CondVar4WaitEPNS0_5MutexE");
void Wait(CondVar* variable, Mutex* mutex) {
  __tsan_release(mutex);
  PackagedWait(variable, mutex);
  __tsan_acquire(mutex);
}

bool PackagedWaitUntil(CondVar* variable, Mutex* mutex, Time deadline)
    PACKAGED(ABSL_SCOPE "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
bool WaitUntil(CondVar* variable, Mutex* mutex, Time deadline)
    WRAPPED(ABSL_SCOPE "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
bool WaitUntil(CondVar* variable, Mutex* mutex, Time deadline) {
  __tsan_release(mutex);
  const bool late = PackagedWaitUntil(variable, mutex, deadline);
  __tsan_acquire(mutex);
  return late;
}

bool PackagedWaitFor(CondVar* variable, Mutex* mutex, Duration timeout)
    PACKAGED(ABSL_SCOPE "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
bool WaitFor(CondVar* variable, Mutex* mutex, Duration timeout)
    WRAPPED(ABSL_SCOPE "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
bool WaitFor(CondVar* variable, Mutex* mutex, Duration timeout) {
  __tsan_release(mutex);
  const bool late = PackagedWaitFor(variable, mutex, timeout);
  __tsan_acquire(mutex);
  return late;
}

// Unlocks within Abseil's own object file, where --wrap sees no call. The mutex is the only field.
void PackagedRelease(ReleasableMutexLock* lock) PACKAGED(ABSL_SCOPE "19ReleasableMutexLock7ReleaseEv");
void Release(ReleasableMutexLock* lock) WRAPPED(ABSL_SCOPE "19ReleasableMutexLock7ReleaseEv");
void Release(ReleasableMutexLock* lock) {
  static_assert(sizeof(*lock) == sizeof(Mutex*));
  __tsan_release(*reinterpret_cast<Mutex**>(lock));
  PackagedRelease(lock);
}

// Abseil counts a status's references with an atomic of its own object file; the last one deletes what all
// have read. `tagged`: the address of what is counted, plus one.
void PackagedUnref(uintptr_t tagged) PACKAGED(ABSL_SCOPE "6Status15UnrefNonInlinedEm");
void Unref(uintptr_t tagged) WRAPPED(ABSL_SCOPE "6Status15UnrefNonInlinedEm");
void Unref(uintptr_t tagged) {
  void* counted = reinterpret_cast<void*>(tagged - 1);
  __tsan_release(counted);
  __tsan_acquire(counted);
  PackagedUnref(tagged);
}

// The end of an operation; whoever takes `tag` from the queue goes on from there.
using Done = void (*)(void*, grpc_cq_completion*);
void PackagedEnd(grpc_completion_queue* queue, void* tag, absl::Status error, Done done, void* argument,
                 grpc_cq_completion* storage, bool internal) PACKAGED(GRPC_CQ_END_OP);
void End(grpc_completion_queue* queue, void* tag, absl::Status error, Done done, void* argument,
         grpc_cq_completion* storage, bool internal) WRAPPED(GRPC_CQ_END_OP);
void End(grpc_completion_queue* queue, void* tag, absl::Status error, Done done, void* argument,
         grpc_cq_completion* storage, bool internal) {
  __tsan_release(tag);
  PackagedEnd(queue, tag, std::move(error), done, argument, storage, internal);
}

grpc_event PackagedNext(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved)
    PACKAGED("grpc_completion_queue_next");
grpc_event Next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved)
    WRAPPED("grpc_completion_queue_next");
grpc_event Next(grpc_completion_queue* queue, gpr_timespec deadline, void* reserved) {
  const grpc_event event = PackagedNext(queue, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(event.tag);
  return event;
}

grpc_event PackagedPluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline, void* reserved)
    PACKAGED("grpc_completion_queue_pluck");
grpc_event Pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline, void* reserved)
    WRAPPED("grpc_completion_queue_pluck");
grpc_event Pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline, void* reserved) {
  const grpc_event event = PackagedPluck(queue, tag, deadline, reserved);
  if (event.type == GRPC_OP_COMPLETE) __tsan_acquire(tag);
  return event;
}

}  // namespace ecgtrain
