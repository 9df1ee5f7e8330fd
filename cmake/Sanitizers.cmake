# ECGTRAIN_SANITIZE: `ecgtrain_sanitizers` instruments our code and the generated messages, `ecgtrain_sanitizer_runtime`
# is what programs need beside it. The packaged libraries stay as they are, without instrumentation; see
# CONTRIBUTING.md for what that leaves out.
add_library(ecgtrain_sanitizers INTERFACE)
add_library(ecgtrain_sanitizer_runtime INTERFACE)
if(NOT ECGTRAIN_SANITIZE)
  return()
endif()

target_compile_options(ecgtrain_sanitizers INTERFACE -fsanitize=${ECGTRAIN_SANITIZE} -fno-omit-frame-pointer -O1 -g1)
target_link_options(ecgtrain_sanitizers INTERFACE -fsanitize=${ECGTRAIN_SANITIZE})
# Files, one a process: tests do not always look at the standard error or the exit code of the programs that they start.
# `./dev test` fails where there is one.
set(_reports "log_path=${CMAKE_BINARY_DIR}/test-results/sanitizer-report")
set(ECGTRAIN_SANITIZER_ENVIRONMENT
  "ASAN_OPTIONS=${_reports}:detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=${_reports}:halt_on_error=1:print_stacktrace=1"
  "TSAN_OPTIONS=${_reports}:halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/cmake/sanitizers/tsan.suppressions")

if(ECGTRAIN_SANITIZE MATCHES thread)
  # protobuf's map_field.h adds two fields to every map where the compiler says that it instruments: another layout than
  # that of the packaged libprotobuf. Our code must see the headers as the packages did, while the standard library, all
  # of it in headers, must still know.
  target_compile_options(ecgtrain_sanitizers INTERFACE -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)

  # What the sanitizer cannot see of the packaged libraries, packaged_handovers.cc tells it.
  find_path(_absl_include absl/base/options.h REQUIRED NO_CACHE)
  file(STRINGS "${_absl_include}/absl/base/options.h" _namespace REGEX "define ABSL_OPTION_INLINE_NAMESPACE_NAME ")
  string(REGEX REPLACE ".* " "" _namespace "${_namespace}")
  string(LENGTH "${_namespace}" _length)
  string(PREPEND _namespace "${_length}")
  add_library(ecgtrain_packaged_handovers OBJECT "${CMAKE_SOURCE_DIR}/cmake/sanitizers/packaged_handovers.cc")
  target_link_libraries(ecgtrain_packaged_handovers PRIVATE ecgtrain_options gRPC::grpc)
  target_compile_definitions(ecgtrain_packaged_handovers PRIVATE ABSL_NAMESPACE="${_namespace}"
    TSAN_SUPPRESSIONS="${CMAKE_SOURCE_DIR}/cmake/sanitizers/tsan.suppressions")
  target_link_libraries(ecgtrain_sanitizer_runtime INTERFACE $<TARGET_OBJECTS:ecgtrain_packaged_handovers> gRPC::grpc)
  foreach(_symbol 5Mutex4LockEv 5Mutex6UnlockEv 5Mutex7TryLockEv 5Mutex10ReaderLockEv 5Mutex12ReaderUnlockEv
          5Mutex8LockWhenERKNS0_9ConditionE 7CondVar4WaitEPNS0_5MutexE
          7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE 7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE
          19ReleasableMutexLock7ReleaseEv 6Status15UnrefNonInlinedEm)
    target_link_options(ecgtrain_sanitizer_runtime INTERFACE "LINKER:--wrap=_ZN4absl${_namespace}${_symbol}")
  endforeach()
  foreach(_symbol grpc_completion_queue_next grpc_completion_queue_pluck
          "_Z14grpc_cq_end_opP21grpc_completion_queuePvN4absl${_namespace}6StatusEPFvS1_P18grpc_cq_completionES1_S6_b")
    target_link_options(ecgtrain_sanitizer_runtime INTERFACE "LINKER:--wrap=${_symbol}")
  endforeach()
endif()

if(ECGTRAIN_SANITIZE MATCHES address)
  # In the programs themselves, because tests start some of them without an environment.
  add_library(ecgtrain_packaged_leaks OBJECT "${CMAKE_SOURCE_DIR}/cmake/sanitizers/packaged_leaks.cc")
  target_link_libraries(ecgtrain_sanitizer_runtime INTERFACE $<TARGET_OBJECTS:ecgtrain_packaged_leaks>)
endif()
