// How the coordinator does with a million ended jobs: start, lists, explanations, submissions, scheduling.
#ifndef ECGTRAIN_TESTS_BENCH_HISTORY_BENCH_H_
#define ECGTRAIN_TESTS_BENCH_HISTORY_BENCH_H_

#include <filesystem>

#include "absl/status/status.h"
#include "tests/bench/history.h"

namespace ecgtrain::bench {

// Prints store.ready_s, store.list_p99_ms, store.explain_p99_ms, store.submit_p99_ms and store.pass_ms. Makes
// its store in `folder` and leaves it there.
absl::Status BenchHistory(const std::filesystem::path& folder, const History& history);

}  // namespace ecgtrain::bench

#endif  // ECGTRAIN_TESTS_BENCH_HISTORY_BENCH_H_
