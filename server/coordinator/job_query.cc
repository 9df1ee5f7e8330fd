#include "server/coordinator/job_query.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/proto_time.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kLargestPage = 1000;

void SetPending(const SchedulerPlan& plan, v1::Job& job) {
  if (job.state() != v1::QUEUED) return;
  if (const auto found = plan.pending.find(job.id()); found != plan.pending.end()) {
    *job.mutable_pending() = found->second;
    return;
  }
  // Placed by the plan: between its decision and the transaction that carries it out.
  job.mutable_pending()->set_reason(v1::DEVICES_BUSY);
  job.mutable_pending()->set_explanation("is about to be leased");
  job.mutable_pending()->set_position(1);
}

}  // namespace

absl::StatusOr<int64_t> FindJob(StoreReader& reader, absl::string_view reference, absl::string_view user) {
  ASSIGN_OR_RETURN(const JobReference parsed, ParseJobReference(reference));
  if (parsed.id != 0) return parsed.id;
  if (parsed.newest) {
    ASSIGN_OR_RETURN(const std::optional<int64_t> newest, reader.NewestJobOf(user));
    if (!newest) return absl::NotFoundError(absl::StrCat("user ", user, " has submitted no job yet"));
    return *newest;
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> ids, reader.FindJobsByName(parsed.name));
  if (ids.empty()) return absl::NotFoundError(absl::StrCat("there is no job named \"", parsed.name, "\""));
  if (ids.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("several jobs are named \"", parsed.name, "\": job/",
                                                   absl::StrJoin(ids, ", job/"), "; name one by its number"));
  }
  return ids.front();
}

absl::StatusOr<v1::GetJobResponse> DescribeJob(StoreReader& reader, const v1::GetJobRequest& request,
                                               absl::string_view user,
                                               const Explanations::Question& explanations) {
  ASSIGN_OR_RETURN(const int64_t id, FindJob(reader, request.job(), user));
  v1::GetJobResponse response;
  ASSIGN_OR_RETURN(*response.mutable_job(), reader.GetJob(id));
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> attempts, reader.ListAttempts(id));
  response.mutable_attempts()->Add(attempts.begin(), attempts.end());
  if (response.job().state() == v1::QUEUED) {
    ASSIGN_OR_RETURN(const auto plan, explanations.Recent(reader));
    SetPending(*plan, *response.mutable_job());
  }
  return response;
}

absl::StatusOr<v1::ListJobsResponse> ListJobs(StoreReader& reader, const v1::ListJobsRequest& request,
                                              absl::string_view user,
                                              const Explanations::Question& explanations) {
  if (request.mine() && !request.user().empty())
    return absl::InvalidArgumentError("mine and user go not together");
  JobQuery query;
  for (const int state : request.states()) query.states.push_back(static_cast<v1::JobState>(state));
  query.user = request.mine() ? std::string(user) : request.user();
  query.labels.insert(request.labels().begin(), request.labels().end());
  if (request.has_submitted_after()) query.submitted_after = FromProtoTime(request.submitted_after());
  if (!request.page_token().empty() &&
      (!absl::SimpleAtoi(request.page_token(), &query.below_id) || query.below_id <= 0)) {
    return absl::InvalidArgumentError("page_token is not one of an earlier answer");
  }
  if (request.page_size() > kLargestPage) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size is ", request.page_size(), "; at most ", kLargestPage));
  }
  query.limit = request.page_size() == 0 ? kDefaultPage : static_cast<int>(request.page_size());
  ASSIGN_OR_RETURN(std::vector<v1::Job> jobs, reader.ListJobs(query));
  const bool any_queued =
      std::any_of(jobs.begin(), jobs.end(), [](const v1::Job& job) { return job.state() == v1::QUEUED; });
  if (any_queued) {
    ASSIGN_OR_RETURN(const auto plan, explanations.Recent(reader));
    for (v1::Job& job : jobs) SetPending(*plan, job);
  }
  v1::ListJobsResponse response;
  if (static_cast<int>(jobs.size()) == query.limit)
    response.set_next_page_token(absl::StrCat(jobs.back().id()));
  for (v1::Job& job : jobs) *response.add_jobs() = std::move(job);
  return response;
}

absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints(StoreReader& reader, absl::string_view reference,
                                                            absl::string_view user) {
  ASSIGN_OR_RETURN(const int64_t id, FindJob(reader, reference, user));
  RETURN_IF_ERROR(reader.GetJob(id).status());
  ASSIGN_OR_RETURN(std::vector<v1::Checkpoint> checkpoints, reader.Checkpoints(id));
  ASSIGN_OR_RETURN(const std::vector<v1::Artifact> artifacts, reader.Artifacts(id));
  MarkBestAndLast(checkpoints);
  v1::ListCheckpointsResponse response;
  for (auto it = checkpoints.rbegin(); it != checkpoints.rend(); ++it)
    *response.add_checkpoints() = std::move(*it);
  response.mutable_artifacts()->Add(artifacts.begin(), artifacts.end());
  return response;
}

absl::StatusOr<std::vector<v1::Worker>> DescribeWorkers(StoreReader& reader, const Leases& leases) {
  ASSIGN_OR_RETURN(std::vector<v1::Worker> workers, reader.ListWorkers());
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> live, reader.LiveAttempts(""));
  for (v1::Worker& worker : workers) {
    worker.set_reachable(leases.IsReachable(worker.name()));
    if (const auto heard = leases.LastHeard(worker.name()))
      *worker.mutable_last_heartbeat() = ToProtoTime(*heard);
    for (const v1::Attempt& attempt : live) {
      if (attempt.worker() == worker.name())
        worker.add_attempts(absl::StrCat(attempt.job_id(), ".", attempt.number()));
    }
  }
  return workers;
}

}  // namespace ecgtrain
