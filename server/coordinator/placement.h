// Devices of the workers and how jobs fit on them: the bookkeeping of one scheduler pass.
#ifndef ECGTRAIN_SERVER_COORDINATOR_PLACEMENT_H_
#define ECGTRAIN_SERVER_COORDINATOR_PLACEMENT_H_

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "server/coordinator/scheduler.h"

namespace ecgtrain {

// What of a job decides where it fits.
struct Demand {
  std::string dataset;
  std::string device = "any";  // any, gpu or cpu
  uint32_t cpus = 0;
  std::string avoid;  // a worker to leave out if another one fits

  auto operator<=>(const Demand&) const = default;
};
Demand DemandOf(const QueuedJob& job, const std::map<int64_t, std::string>& avoid);

v1::Pending MakePending(v1::PendingReason reason, std::string explanation);

// Bound to one thread; lives for one pass, refers to the snapshot.
class Placement {
 public:
  explicit Placement(const SchedulerSnapshot& snapshot);

  struct Place {
    std::string worker;
    std::vector<std::string> devices;
  };
  // A free place, which is taken by this call, or why there is none (reason and explanation set). A GPU
  // before a CPU slot; of those, workers that have packed the data set first, and last those of which nobody
  // knows yet whether theirs is the state of it that the job asks for.
  std::variant<Place, v1::Pending> Take(const Demand& demand);

 private:
  using WorkerState = SchedulerSnapshot::WorkerState;

  v1::Pending WhyNot(const Demand& demand, const std::vector<const WorkerState*>& fitting) const;
  // Free device of the worker that fits best, null without one.
  const v1::Device* FreeDevice(const v1::Worker& worker, const Demand& demand, bool gpu) const;

  const SchedulerSnapshot& snapshot_;
  std::set<std::pair<std::string, std::string>> busy_;  // (worker, device)
  std::map<Demand, v1::Pending> refused_;               // free devices only get fewer within a pass
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_PLACEMENT_H_
