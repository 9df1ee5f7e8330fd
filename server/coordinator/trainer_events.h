// One trainer event into rows. docs/run-directory.md says what the events mean.
#ifndef ECGTRAIN_SERVER_COORDINATOR_TRAINER_EVENTS_H_
#define ECGTRAIN_SERVER_COORDINATOR_TRAINER_EVENTS_H_

#include <vector>

#include "absl/status/status.h"
#include "ecgtrain/v1/worker_service.pb.h"
#include "server/coordinator/mutation.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Applies the events of one report, in order, to the rows of job and attempt (written by the caller at the
// end) and to those beside them. Bound to the writer thread; lives for one transaction.
class TrainerEventSink {
 public:
  TrainerEventSink(Mutation& mutation, v1::Job& job, v1::Attempt& attempt)
      : mutation_(mutation), job_(job), attempt_(attempt) {}

  absl::Status Apply(const v1::TrainerEvent& event);
  // Writes what was collected: the metric points of all events in one go.
  absl::Status Flush();

 private:
  absl::Status Apply(const v1::PhaseEvent& phase);
  void Apply(const v1::Progress& progress);
  void Apply(const v1::MetricsEvent& metrics, const v1::TrainerEvent& event);
  absl::Status Apply(const v1::CheckpointEvent& checkpoint);
  absl::Status Apply(const v1::CheckpointRemovedEvent& removed);
  absl::Status Apply(const v1::ArtifactEvent& artifact);
  absl::Status Record(const char* type, std::string message);

  Mutation& mutation_;
  v1::Job& job_;
  v1::Attempt& attempt_;
  std::vector<MetricRow> metrics_;
};

// INVALID_ARGUMENT for an event that no trainer of ours writes: names, digests, sizes and numbers out of
// bounds.
absl::Status CheckTrainerEvent(const v1::TrainerEvent& event);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_TRAINER_EVENTS_H_
