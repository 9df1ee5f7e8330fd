#include "server/api/worker_checks.h"

#include "common/status_macros.h"

namespace ecgtrain {

absl::Status CheckOwnAttempt(Coordinator& coordinator, const Principal& principal,
                             const v1::AttemptRef& attempt) {
  std::string worker;
  bool current = false;
  const absl::Status found = coordinator.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Attempt row, reader.GetAttempt(attempt.job_id(), attempt.attempt()));
    worker = row.worker();
    current = row.token() == attempt.token() && row.state() != v1::ENDED;
    return absl::OkStatus();
  });
  if (absl::IsNotFound(found)) return absl::OkStatus();
  RETURN_IF_ERROR(found);
  RETURN_IF_ERROR(CheckSpeaksFor(principal, worker));
  if (current) coordinator.leases().Heard(worker);
  return absl::OkStatus();
}

}  // namespace ecgtrain
