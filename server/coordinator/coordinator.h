// The coordinator without its network: everything that api/ calls, wired together.
#ifndef ECGTRAIN_SERVER_COORDINATOR_COORDINATOR_H_
#define ECGTRAIN_SERVER_COORDINATOR_COORDINATOR_H_

#include "server/coordinator/admission.h"
#include "server/coordinator/disk_guard.h"
#include "server/coordinator/explanations.h"
#include "server/coordinator/leases.h"
#include "server/coordinator/maintenance.h"
#include "server/coordinator/mutation.h"
#include "server/coordinator/notification_hub.h"
#include "server/coordinator/uploads.h"
#include "server/coordinator/worker_sessions.h"

namespace ecgtrain {

struct CoordinatorOptions {
  LeaseOptions leases;
  MaintenanceOptions maintenance;
  absl::Duration stop_grace = absl::Minutes(2);
  absl::Duration retry_backoff = absl::Seconds(15);  // before a job's first retry; it doubles
  AdmissionLimits admission;
  DiskGuard* disk = nullptr;  // borrowed; null: the disk is not watched
};

// Thread-safe. The references given must outlive it, and the store must have finished all writes before it
// goes.
class Coordinator {
 public:
  Coordinator(JobStore& store, ArtifactStore& artifacts, Clock& clock, Observer& observer,
              const CoordinatorOptions& options)
      : leases_(clock, options.leases),
        explanations_(clock, leases_),
        unwatched_disk_(clock),
        admission_(clock, options.disk != nullptr ? *options.disk : unwatched_disk_, options.admission),
        mutations_(
            store, clock, hub_, observer, admission_,
            [this] {
              explanations_.Invalidate();
              maintenance_.Poke();
            },
            options.retry_backoff),
        maintenance_(mutations_, artifacts, leases_, explanations_, options.maintenance),
        sessions_(mutations_, leases_, options.stop_grace),
        uploads_(mutations_, artifacts),
        artifacts_(artifacts) {}

  NotificationHub& hub() { return hub_; }
  Leases& leases() { return leases_; }
  Explanations& explanations() { return explanations_; }
  Admission& admission() { return admission_; }
  MutationRunner& mutations() { return mutations_; }
  Maintenance& maintenance() { return maintenance_; }
  WorkerSessions& sessions() { return sessions_; }
  Uploads& uploads() { return uploads_; }
  ArtifactStore& artifacts() { return artifacts_; }
  JobStore& store() { return mutations_.store(); }
  Clock& clock() { return mutations_.clock(); }

 private:
  NotificationHub hub_;
  Leases leases_;
  Explanations explanations_;
  DiskGuard unwatched_disk_;
  Admission admission_;
  MutationRunner mutations_;
  Maintenance maintenance_;
  WorkerSessions sessions_;
  Uploads uploads_;
  ArtifactStore& artifacts_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_COORDINATOR_H_
