#include "server/coordinator/worker_guard.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/coordinator/proto_time.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kWindow = absl::Minutes(30);
constexpr size_t kJobs = 3;

bool IsWorkersFault(v1::EndReason reason) {
  return reason == v1::START_FAILED || reason == v1::TRAINER_CRASHED;
}

}  // namespace

absl::Status CordonIfFailing(Mutation& mutation, const v1::Attempt& attempt) {
  if (!IsWorkersFault(attempt.reason())) return absl::OkStatus();
  absl::StatusOr<v1::Worker> worker = mutation.store.GetWorker(attempt.worker());
  if (absl::IsNotFound(worker.status())) return absl::OkStatus();
  RETURN_IF_ERROR(worker.status());
  if (worker->cordoned()) return absl::OkStatus();
  const absl::Time since = std::max(
      {mutation.now - kWindow, FromProtoTime(worker->registered()), FromProtoTime(worker->uncordoned())});
  ASSIGN_OR_RETURN(const auto recent, mutation.store.RecentAttempts(attempt.worker()));
  std::set<int64_t> jobs;
  for (const v1::Attempt& ended : recent) {
    if (IsWorkersFault(ended.reason()) && FromProtoTime(ended.ended()) >= since) jobs.insert(ended.job_id());
  }
  if (jobs.size() < kJobs) return absl::OkStatus();
  worker->set_cordoned(true);
  worker->set_cordon_reason(absl::StrCat(
      "attempts of job/", absl::StrJoin(jobs, ", job/"), " could not start or crashed here within ",
      absl::FormatDuration(kWindow), ", the last one with ", v1::EndReason_Name(attempt.reason())));
  LogWarning("worker cordoned", {{"worker", worker->name()}, {"reason", worker->cordon_reason()}});
  return mutation.store.PutWorker(*worker);
}

}  // namespace ecgtrain
