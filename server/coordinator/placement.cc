#include "server/coordinator/placement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "spec/dataset_reference.h"

namespace ecgtrain {
namespace {

using WorkerState = SchedulerSnapshot::WorkerState;

// Every worker can make synthetic data.
constexpr char kSynthetic[] = "synthetic";

// Whether the worker has it, as far as is known, and whether its pack is made already.
struct Held {
  DatasetMatch match = DatasetMatch::kNo;
  bool packed = false;
};

Held HeldBy(const v1::Worker& worker, const DatasetReference& wanted) {
  for (const v1::WorkerDataset& known : worker.datasets()) {
    if (known.name() == wanted.name) return {Match(wanted, known), !known.packs().empty()};
  }
  const bool any = wanted.version.empty() && wanted.digest.empty();
  return {wanted.name == kSynthetic && any ? DatasetMatch::kYes : DatasetMatch::kNo};
}

// A job's data set was checked when it was submitted; a name that is no reference is nobody's.
DatasetReference WantedOf(const Demand& demand) {
  absl::StatusOr<DatasetReference> wanted = ParseDatasetReference(demand.dataset);
  return wanted.ok() ? *std::move(wanted) : DatasetReference{.name = demand.dataset};
}

bool Fits(const v1::Device& device, const Demand& demand) {
  if (device.kind() == "gpu") return demand.device != "cpu";
  return device.kind() == "cpu" && demand.device != "gpu" &&
         (demand.cpus == 0 || device.threads() >= demand.cpus);
}

bool HasFittingDevice(const v1::Worker& worker, const Demand& demand) {
  return std::any_of(worker.devices().begin(), worker.devices().end(),
                     [&](const v1::Device& device) { return Fits(device, demand); });
}

std::string Wanted(const Demand& demand) {
  if (demand.device == "gpu") return "a GPU";
  const std::string cpu =
      demand.cpus == 0 ? "a CPU slot" : absl::StrCat("a CPU slot of ", demand.cpus, " or more threads");
  return demand.device == "cpu" ? cpu : absl::StrCat("a GPU or ", cpu);
}

// "; w1 has ptbxl@1.0.3#1f3870be274f": what goes by the wanted name.
std::string OtherStates(const std::vector<WorkerState>& workers, const DatasetReference& wanted) {
  constexpr size_t kShown = 3;
  std::vector<std::string> others;
  for (const WorkerState& state : workers) {
    for (const v1::WorkerDataset& held : state.worker.datasets()) {
      if (held.name() == wanted.name && others.size() < kShown)
        others.push_back(absl::StrCat(state.worker.name(), " has ", StateOf(held)));
    }
  }
  return others.empty() ? "" : absl::StrCat("; ", absl::StrJoin(others, ", "));
}

std::string Names(const std::vector<const WorkerState*>& workers) {
  constexpr size_t kShown = 5;
  std::vector<std::string> names;
  for (const WorkerState* state : workers) {
    if (names.size() == kShown) {
      names.push_back(absl::StrCat("and ", workers.size() - kShown, " more"));
      break;
    }
    names.push_back(state->worker.name());
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace

v1::Pending MakePending(v1::PendingReason reason, std::string explanation) {
  v1::Pending pending;
  pending.set_reason(reason);
  pending.set_explanation(std::move(explanation));
  return pending;
}

Demand DemandOf(const QueuedJob& job, const std::map<int64_t, std::string>& avoid) {
  Demand demand{.dataset = job.dataset, .device = job.device, .cpus = job.cpus, .avoid = ""};
  if (const auto found = avoid.find(job.id); found != avoid.end()) demand.avoid = found->second;
  return demand;
}

Placement::Placement(const SchedulerSnapshot& snapshot) : snapshot_(snapshot) {
  for (const v1::Attempt& attempt : snapshot.live) {
    for (const std::string& device : attempt.devices()) busy_.emplace(attempt.worker(), device);
  }
}

std::variant<Placement::Place, v1::Pending> Placement::Take(const Demand& demand) {
  if (const auto found = refused_.find(demand); found != refused_.end()) return found->second;
  const DatasetReference wanted = WantedOf(demand);
  std::vector<const WorkerState*> fitting, packed, unpacked, unknown;
  for (const WorkerState& state : snapshot_.workers) {
    const Held held = HeldBy(state.worker, wanted);
    if (held.match == DatasetMatch::kNo || !HasFittingDevice(state.worker, demand)) continue;
    fitting.push_back(&state);
    if (!state.reachable || state.worker.cordoned()) continue;
    (held.match == DatasetMatch::kUnknown ? unknown : held.packed ? packed : unpacked).push_back(&state);
  }
  std::vector<const WorkerState*> open = std::move(packed);  // the best first
  open.insert(open.end(), unpacked.begin(), unpacked.end());
  open.insert(open.end(), unknown.begin(), unknown.end());
  if (open.size() > 1)
    std::erase_if(open, [&](const auto* state) { return state->worker.name() == demand.avoid; });
  for (const bool gpu : {true, false}) {
    for (const WorkerState* state : open) {
      const v1::Device* device = FreeDevice(state->worker, demand, gpu);
      if (device == nullptr) continue;
      busy_.emplace(state->worker.name(), device->id());
      return Place{state->worker.name(), {device->id()}};
    }
  }
  return refused_.emplace(demand, WhyNot(demand, fitting)).first->second;
}

const v1::Device* Placement::FreeDevice(const v1::Worker& worker, const Demand& demand, bool gpu) const {
  const v1::Device* best = nullptr;
  for (const v1::Device& device : worker.devices()) {
    if ((device.kind() == "gpu") != gpu || !Fits(device, demand)) continue;
    if (busy_.contains({worker.name(), device.id()})) continue;
    // The smallest slot that is large enough leaves the others for larger demands.
    if (best == nullptr || (demand.cpus > 0 && device.threads() < best->threads())) best = &device;
  }
  return best;
}

v1::Pending Placement::WhyNot(const Demand& demand, const std::vector<const WorkerState*>& fitting) const {
  if (snapshot_.workers.empty()) return MakePending(v1::NO_FITTING_WORKER, "no worker has registered yet");
  const DatasetReference wanted = WantedOf(demand);
  const bool dataset_known = std::any_of(
      snapshot_.workers.begin(), snapshot_.workers.end(),
      [&](const WorkerState& state) { return HeldBy(state.worker, wanted).match != DatasetMatch::kNo; });
  if (!dataset_known) {
    return MakePending(v1::DATASET, absl::StrCat("no worker has the data set \"", demand.dataset, "\"",
                                                 OtherStates(snapshot_.workers, wanted)));
  }
  if (fitting.empty()) {
    return MakePending(v1::NO_FITTING_WORKER, absl::StrCat("no worker with the data set \"", demand.dataset,
                                                           "\" has ", Wanted(demand)));
  }
  std::vector<const WorkerState*> uncordoned, open;
  for (const WorkerState* state : fitting) {
    if (state->worker.cordoned()) continue;
    uncordoned.push_back(state);
    if (state->reachable) open.push_back(state);
  }
  if (uncordoned.empty()) {
    return MakePending(v1::WORKER_CORDONED,
                       absl::StrCat("cordoned, and nothing else fits: ", Names(fitting)));
  }
  if (open.empty()) {
    return MakePending(v1::WORKER_UNREACHABLE,
                       absl::StrCat("not heard of, and nothing else fits: ", Names(uncordoned)));
  }
  return MakePending(v1::DEVICES_BUSY,
                     absl::StrCat("waits for ", Wanted(demand), ": all are in use on ", Names(open)));
}

}  // namespace ecgtrain
