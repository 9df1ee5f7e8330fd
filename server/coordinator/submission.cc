#include "server/coordinator/submission.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/batch.h"
#include "server/coordinator/job_lifecycle.h"
#include "server/coordinator/proto_time.h"
#include "server/coordinator/replay.h"
#include "server/coordinator/scheduler.h"
#include "server/coordinator/snapshot.h"
#include "spec/resolve.h"

namespace ecgtrain {
namespace {

constexpr size_t kLargestSpec = 64 << 10;

absl::Status CheckSize(const google::protobuf::RepeatedPtrField<v1::JobSpec>& specs) {
  if (specs.empty() || specs.size() > kMostJobsInBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("specs holds ", specs.size(), " jobs; expected 1 to ", kMostJobsInBatch));
  }
  for (int i = 0; i < specs.size(); ++i) {
    if (specs[i].ByteSizeLong() <= kLargestSpec) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("specs[", i, "] has ", specs[i].ByteSizeLong(), " bytes; at most ", kLargestSpec));
  }
  return absl::OkStatus();
}

v1::Job NewJob(const BatchJob& prepared, const std::string& user, absl::Time now) {
  v1::Job job;
  *job.mutable_spec() = prepared.spec;
  job.set_name(prepared.spec.name());
  job.set_kind(std::string(KindOf(prepared.spec)));
  job.set_dataset(std::string(DatasetOf(prepared.spec)));
  job.set_priority(prepared.spec.priority());
  job.set_user(user);
  *job.mutable_submitted() = ToProtoTime(now);
  *job.mutable_labels() = prepared.spec.labels();
  return job;
}

// Numbers in place of the names of the batch, now that they are known.
void BindNumbers(const BatchJob& prepared, const std::vector<int64_t>& ids, v1::Job& job) {
  const auto id_of = [&ids](const JobLink& link) { return link.id != 0 ? link.id : ids[link.index]; };
  std::set<int64_t> dependencies;
  for (size_t k = 0; k < prepared.after.size(); ++k) {
    dependencies.insert(id_of(prepared.after[k]));
    job.mutable_spec()->set_after(static_cast<int>(k), absl::StrCat("job/", id_of(prepared.after[k])));
  }
  if (prepared.has_parent) {
    job.set_parent_job(id_of(prepared.parent));
    job.set_parent_selector(prepared.parent_selector);
    dependencies.insert(job.parent_job());
    const std::string from = absl::StrCat("job/", job.parent_job(), "@", prepared.parent_selector);
    if (job.spec().has_finetune()) job.mutable_spec()->mutable_finetune()->set_from(from);
    if (job.spec().has_evaluate()) job.mutable_spec()->mutable_evaluate()->set_from(from);
  }
  job.mutable_dependencies()->Add(dependencies.begin(), dependencies.end());
}

// What was looked at before the transaction may have moved: a dependency that failed meanwhile would never
// release the job.
absl::Status CheckDependencies(StoreReader& reader, const v1::Job& job) {
  for (const int64_t dependency : job.dependencies()) {
    ASSIGN_OR_RETURN(const v1::Job parent, reader.GetJob(dependency));
    if (parent.state() != v1::FAILED && parent.state() != v1::CANCELLED) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("job/", dependency, " is ", v1::JobState_Name(parent.state()), "; requeue it first"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::SubmitJobsResponse> InsertBatch(Mutation& mutation, const Batch& batch,
                                                   const std::string& user, bool hold) {
  RETURN_IF_ERROR(
      mutation.admission.CheckNewJobs(mutation.store, user, static_cast<int64_t>(batch.jobs.size())));
  std::vector<int64_t> ids(batch.jobs.size());
  std::vector<v1::Job> inserted(batch.jobs.size());
  for (const size_t i : batch.order) {
    v1::Job job = NewJob(batch.jobs[i], user, mutation.now);
    BindNumbers(batch.jobs[i], ids, job);
    RETURN_IF_ERROR(CheckDependencies(mutation.store, job));
    RETURN_IF_ERROR(TransitionJob(mutation, job,
                                  {.to = hold ? v1::PAUSED : v1::QUEUED,
                                   .event = "submitted",
                                   .actor = user,
                                   .message = hold ? "held" : ""}));
    ids[i] = job.id();
    mutation.effects.observations.push_back(
        [kind = job.kind()](Observer& observer) { observer.OnSubmission(kind, "accepted"); });
    job.clear_spec();
    inserted[i] = std::move(job);
  }
  v1::SubmitJobsResponse response;
  for (v1::Job& job : inserted) *response.add_jobs() = std::move(job);
  return response;
}

void Count(Observer& observer, const v1::SubmitJobsRequest& request, absl::string_view result) {
  for (const v1::JobSpec& spec : request.specs()) observer.OnSubmission(KindOf(spec), result);
}

}  // namespace

void SubmitJobs(MutationRunner& runner, const std::string& user, const v1::SubmitJobsRequest& request,
                Reply<v1::SubmitJobsResponse> reply) {
  RequestKey key{user, request.request_id(), "SubmitJobs"};
  auto batch = std::make_shared<Batch>();  // outlives this call inside the transaction's closure
  std::optional<std::string> first;
  absl::Status status = CheckRequestId(key.request_id);
  if (status.ok()) status = CheckSize(request.specs());
  if (status.ok()) {
    status = runner.store().Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(first, FindAnswer(reader, key, request));
      if (first) return absl::OkStatus();
      ASSIGN_OR_RETURN(*batch, PrepareBatch(reader, request.specs()));
      return BatchStatus(*batch);
    });
  }
  if (!status.ok()) {
    if (absl::IsAlreadyExists(status)) Count(runner.observer(), request, "conflict");
    if (absl::IsInvalidArgument(status) || absl::IsNotFound(status))
      Count(runner.observer(), request, "invalid");
    return reply(std::move(status));
  }
  if (first) {
    Count(runner.observer(), request, "replayed");
    v1::SubmitJobsResponse response;
    if (!response.ParseFromString(*first)) return reply(absl::DataLossError("a kept answer cannot be read"));
    return reply(std::move(response));
  }
  RunReplayable<v1::SubmitJobsRequest, v1::SubmitJobsResponse>(
      runner, std::move(key), request,
      [batch, user, hold = request.hold()](Mutation& mutation) {
        return InsertBatch(mutation, *batch, user, hold);
      },
      std::move(reply));
}

absl::StatusOr<v1::ValidateJobsResponse> ValidateJobs(StoreReader& reader, const Leases& leases,
                                                      absl::Time now,
                                                      const v1::ValidateJobsRequest& request) {
  RETURN_IF_ERROR(CheckSize(request.specs()));
  ASSIGN_OR_RETURN(const Batch batch, PrepareBatch(reader, request.specs()));
  v1::ValidateJobsResponse response;
  for (const BatchProblem& problem : batch.problems) *response.add_problems() = problem.problem;
  for (const BatchJob& job : batch.jobs) *response.add_resolved() = job.spec;
  if (!batch.problems.empty()) return response;

  ASSIGN_OR_RETURN(SchedulerSnapshot alone, ReadSnapshot(reader, leases));
  for (size_t i = 0; i < batch.jobs.size(); ++i) {
    v1::Job job = NewJob(batch.jobs[i], "", now);
    job.set_id(std::numeric_limits<int64_t>::max());
    alone.queued = {std::make_shared<const QueuedJob>(QueuedJobOf(job))};
    const SchedulerPlan plan = PlanSchedule(alone, now);
    response.add_placement(plan.pending.empty()
                               ? absl::StrCat("worker ", plan.leases.front().worker, " has ",
                                              plan.leases.front().devices.front(), " free for it")
                               : plan.pending.begin()->second.explanation());
  }
  return response;
}

}  // namespace ecgtrain
