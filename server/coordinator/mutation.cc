#include "server/coordinator/mutation.h"

#include <memory>

#include "common/status_macros.h"
#include "server/coordinator/job_lifecycle.h"

namespace ecgtrain {
namespace {

// Where assertions are on, looks at the jobs that a transaction has touched before it is committed.
absl::Status CheckTouched(Mutation& mutation) {
#if defined(_GLIBCXX_ASSERTIONS) || !defined(NDEBUG)
  for (const int64_t job : mutation.effects.jobs) RETURN_IF_ERROR(CheckInvariants(mutation.store, job));
#else
  static_cast<void>(mutation);
#endif
  return absl::OkStatus();
}

}  // namespace

void MutationRunner::Run(absl::AnyInvocable<absl::Status(Mutation&)> work, JobStore::Done done) {
  auto effects = std::make_shared<Effects>();  // shared by the work and its completion
  store_.Write(
      [this, work = std::move(work), effects,
       now = clock_.Now()](StoreTransaction& store) mutable -> absl::Status {
        *effects = Effects();  // an earlier run was rolled back
        Mutation mutation{store, *effects, now, admission_, retry_backoff_};
        RETURN_IF_ERROR(work(mutation));
        return CheckTouched(mutation);
      },
      [this, effects, done = std::move(done)](absl::Status status) mutable {
        if (status.ok()) Publish(*effects);
        done(std::move(status));
      });
}

absl::Status MutationRunner::RunAndWait(absl::FunctionRef<absl::Status(Mutation&)> work) {
  Effects effects;
  const absl::Time now = clock_.Now();
  const absl::Status status = store_.WriteAndWait([&](StoreTransaction& store) -> absl::Status {
    effects = Effects();
    Mutation mutation{store, effects, now, admission_, retry_backoff_};
    RETURN_IF_ERROR(work(mutation));
    return CheckTouched(mutation);
  });
  if (status.ok()) Publish(effects);
  return status;
}

void MutationRunner::Publish(const Effects& effects) {
  for (const auto& observe : effects.observations) observe(observer_);
  for (const int64_t job : effects.jobs) hub_.Publish(JobTopic(job));
  for (const std::string& worker : effects.workers) hub_.Publish(WorkerTopic(worker));
  if (effects.plan) plan_();
}

}  // namespace ecgtrain
