// A mutation: one transaction of the store, and what must be told to others once it is committed.
#ifndef ECGTRAIN_SERVER_COORDINATOR_MUTATION_H_
#define ECGTRAIN_SERVER_COORDINATOR_MUTATION_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "server/coordinator/admission.h"
#include "server/coordinator/notification_hub.h"
#include "server/coordinator/observer.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Collected by the transaction, published after its commit, forgotten when it is rolled back.
struct Effects {
  std::set<int64_t> jobs;         // whose watchers wake
  std::set<std::string> workers;  // whose held heartbeats wake
  bool plan = false;              // the scheduler has something new to look at
  std::vector<std::function<void(Observer&)>> observations;
};

// What the work of a transaction gets. Bound to the writer thread.
struct Mutation {
  StoreTransaction& store;
  Effects& effects;
  absl::Time now;
  Admission& admission;
  absl::Duration retry_backoff = absl::Seconds(15);  // before a job's first retry
};

// The answer to a call that changes something, given after the commit on the writer thread: must not block.
template <typename Response>
using Reply = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

// Runs mutations and publishes their effects. Thread-safe.
class MutationRunner {
 public:
  // `plan` pokes the scheduler: called on the writer thread, returns at once.
  MutationRunner(JobStore& store, Clock& clock, NotificationHub& hub, Observer& observer,
                 Admission& admission, std::function<void()> plan, absl::Duration retry_backoff)
      : store_(store),
        clock_(clock),
        hub_(hub),
        observer_(observer),
        admission_(admission),
        plan_(std::move(plan)),
        retry_backoff_(retry_backoff) {}

  // As JobStore::Write: `work` may run more than once, its effects count once.
  void Run(absl::AnyInvocable<absl::Status(Mutation&)> work, JobStore::Done done);
  // The same, waiting; not for the writer thread or a reactor.
  absl::Status RunAndWait(absl::FunctionRef<absl::Status(Mutation&)> work);

  // `work` fills the answer.
  template <typename Response>
  void RunFor(absl::AnyInvocable<absl::StatusOr<Response>(Mutation&)> work, Reply<Response> reply) {
    auto answer =
        std::make_shared<Response>();  // shared by the work and the completion, which end in either order
    Run(
        [work = std::move(work), answer](Mutation& mutation) mutable -> absl::Status {
          absl::StatusOr<Response> result = work(mutation);
          if (!result.ok()) return result.status();
          *answer = *std::move(result);
          return absl::OkStatus();
        },
        [answer, reply = std::move(reply)](absl::Status status) mutable {
          if (!status.ok()) return reply(std::move(status));
          reply(std::move(*answer));
        });
  }

  JobStore& store() { return store_; }
  Clock& clock() { return clock_; }
  Observer& observer() { return observer_; }
  Admission& admission() { return admission_; }

 private:
  void Publish(const Effects& effects);

  JobStore& store_;
  Clock& clock_;
  NotificationHub& hub_;
  Observer& observer_;
  Admission& admission_;
  const std::function<void()> plan_;
  const absl::Duration retry_backoff_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_MUTATION_H_
