// What people do to jobs and workers: cancel, pause, resume, requeue; cordon. Each one transaction,
// repeatable by request_id, answered from the store whether or not the worker can be reached; asking for a
// state already reached is OK.
#ifndef ECGTRAIN_SERVER_COORDINATOR_JOB_COMMANDS_H_
#define ECGTRAIN_SERVER_COORDINATOR_JOB_COMMANDS_H_

#include <string>

#include "ecgtrain/v1/training_service.pb.h"
#include "server/coordinator/mutation.h"

namespace ecgtrain {

// Who asks, and whose jobs they may act on.
struct Caller {
  std::string name;
  bool any_job = false;  // else own jobs only: PERMISSION_DENIED
};

// Errors as the RPCs'. Thread-safe.
void CancelJob(MutationRunner& runner, const Caller& caller, const v1::CancelJobRequest& request,
               Reply<v1::CancelJobResponse> reply);
void PauseJob(MutationRunner& runner, const Caller& caller, const v1::PauseJobRequest& request,
              Reply<v1::PauseJobResponse> reply);
void ResumeJob(MutationRunner& runner, const Caller& caller, const v1::ResumeJobRequest& request,
               Reply<v1::ResumeJobResponse> reply);
void RequeueJob(MutationRunner& runner, const Caller& caller, const v1::RequeueJobRequest& request,
                Reply<v1::RequeueJobResponse> reply);
void UpdateWorker(MutationRunner& runner, const Caller& caller, const v1::UpdateWorkerRequest& request,
                  Reply<v1::UpdateWorkerResponse> reply);

// Asks the live attempt of a RUNNING job to stop, unless a stronger request is under way.
absl::Status RequestStop(Mutation& mutation, v1::Job& job, v1::StopRequest why, bool now,
                         const std::string& actor, const std::string& message);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_JOB_COMMANDS_H_
