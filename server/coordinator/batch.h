// The jobs of one submission: resolved, checked, their references bound, in an order in which each comes
// after those it depends on.
#ifndef ECGTRAIN_SERVER_COORDINATOR_BATCH_H_
#define ECGTRAIN_SERVER_COORDINATOR_BATCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ecgtrain/v1/spec.pb.h"
#include "ecgtrain/v1/training_service.pb.h"
#include "server/store/job_store.h"

namespace ecgtrain {

inline constexpr int kMostJobsInBatch = 1000;

// A job that another one refers to: in the store, or in the same batch.
struct JobLink {
  int64_t id = 0;    // in the store; 0: in the batch
  size_t index = 0;  // in the batch
};

struct BatchJob {
  v1::JobSpec spec;            // resolved, model inherited
  std::vector<JobLink> after;  // as in spec.after
  bool has_parent = false;     // of `from`
  JobLink parent;
  std::string parent_selector;  // best, last or step:N
};

struct BatchProblem {
  v1::SpecProblem problem;
  bool missing_job = false;  // a reference names a job that does not exist
};

struct Batch {
  std::vector<BatchJob> jobs;          // as submitted
  std::vector<size_t> order;           // indices, each after those it depends on
  std::vector<BatchProblem> problems;  // empty: the batch can be inserted
};

// Errors are the store's; problems of the specifications are in the result.
absl::StatusOr<Batch> PrepareBatch(StoreReader& reader,
                                   const google::protobuf::RepeatedPtrField<v1::JobSpec>& specs);

// INVALID_ARGUMENT with one violation a problem, or NOT_FOUND when nothing but a missing job is wrong. OK
// without problems.
absl::Status BatchStatus(const Batch& batch);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_BATCH_H_
