// A store as after years of use, made in a minute instead.
#ifndef ECGTRAIN_TESTS_BENCH_HISTORY_H_
#define ECGTRAIN_TESTS_BENCH_HISTORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace ecgtrain::bench {

struct History {
  int64_t finished =
      1'000'000;  // jobs, most of them SUCCEEDED, of fifty users, with an attempt and four events each
  int64_t queued = 10'000;  // of the same users; they want a GPU and the data set "synthetic"
};

// Unix seconds; one job a minute before that.
inline constexpr int64_t kLastSubmission = 1'800'000'000;

// Makes the database `path`, which must not exist, without a sync: it is not made to last.
absl::Status WriteHistory(const std::string& path, const History& history);

}  // namespace ecgtrain::bench

#endif  // ECGTRAIN_TESTS_BENCH_HISTORY_H_
