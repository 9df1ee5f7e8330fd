// What a scheduler looks at of a QUEUED job: little, because a pass looks at all of them.
#ifndef ECGTRAIN_SERVER_STORE_QUEUED_JOB_H_
#define ECGTRAIN_SERVER_STORE_QUEUED_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

struct QueuedJob {
  int64_t id = 0;
  std::string priority;  // low, normal or high
  absl::Time submitted;
  std::string dataset;
  std::string device = "any";  // any, gpu or cpu
  uint32_t cpus = 0;
  std::vector<int64_t> dependencies;
  std::optional<absl::Time> not_before;
  uint32_t attempts = 0;
  v1::EndReason reason = v1::END_REASON_UNSPECIFIED;  // of the last attempt
  uint32_t requeued_after_attempt = 0;
};

// Shared by all who look at the queue at the same time; never changed.
using QueuedJobs = std::vector<std::shared_ptr<const QueuedJob>>;

// Of a job with its specification, or with `resources` of it.
QueuedJob QueuedJobOf(const v1::Job& job);

// 0 low, 1 normal, 2 high.
int PriorityRank(absl::string_view priority);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_QUEUED_JOB_H_
