// ecgctl job verify-resume: proves for a job's specification that an interrupted training computes what an
// uninterrupted one does, by running a short copy of each.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/job_board.h"
#include "client/cli/job_view.h"
#include "client/cli/references.h"
#include "client/cli/resume_proof.h"
#include "client/cli/session.h"
#include "common/status_macros.h"
#include "spec/resolve.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kDefaultSteps = 100;
constexpr absl::Duration kLookAtJob = absl::Milliseconds(100);

// The job's specification, cut to `steps`, as one that can be submitted.
v1::JobSpec ShortCopy(const v1::Job& job, const std::string& name, uint64_t steps) {
  v1::JobSpec spec = job.spec();
  ClearInheritedModel(spec);
  spec.set_name(absl::StrCat("verify-resume-", job.id(), "-", name));
  spec.mutable_schedule()->set_max_steps(static_cast<uint32_t>(steps));
  spec.clear_after();
  (*spec.mutable_labels())["verify-resume"] = absl::StrCat(job.id());
  return spec;
}

absl::StatusOr<std::vector<std::string>> SubmitCopies(TrainingClient& client, const v1::Job& job,
                                                      uint64_t steps) {
  v1::SubmitJobsRequest request;
  for (const char* name : {"whole", "resumed"}) *request.add_specs() = ShortCopy(job, name, steps);
  ASSIGN_OR_RETURN(const v1::SubmitJobsResponse response, client.SubmitJobs(std::move(request)));
  std::vector<std::string> ids;
  for (const v1::Job& copy : response.jobs()) ids.push_back(absl::StrCat(copy.id()));
  return ids;
}

absl::Status EndedTooSoon(const v1::Job& job) {
  return absl::FailedPreconditionError(
      absl::StrCat(JobReferenceText(job), " is ", v1::JobState_Name(job.state()),
                   " already and was not interrupted: nothing is proved; give more --steps"));
}

// Looks at the job until `done`; FAILED_PRECONDITION where it ends before.
template <typename Done>
absl::Status Await(Session& session, TrainingClient& client, const std::string& id, const Done& done) {
  while (true) {
    ASSIGN_OR_RETURN(const v1::GetJobResponse response, client.GetJob(id));
    if (HasEnded(response.job().state())) return EndedTooSoon(response.job());
    if (done(response.job())) return absl::OkStatus();
    if (!session.Sleep(kLookAtJob)) return absl::CancelledError("interrupted");
  }
}

// Stops the training at a step of its own choosing and lets it go on from there in another process.
absl::Status Interrupt(Session& session, TrainingClient& client, const std::string& id) {
  RETURN_IF_ERROR(Await(session, client, id, [](const v1::Job& job) {
    return job.state() == v1::RUNNING && job.progress().step() > 0;
  }));
  RETURN_IF_ERROR(client.PauseJob(id).status());
  RETURN_IF_ERROR(Await(session, client, id, [](const v1::Job& job) { return job.state() == v1::PAUSED; }));
  session.Talk(absl::StrCat("interrupted job/", id, "; it goes on from its checkpoint"));
  return client.ResumeJob(id).status();
}

absl::StatusOr<TrainingOutcome> ReadOutcome(TrainingClient& client, const v1::Job& job) {
  const std::string id = absl::StrCat(job.id());
  TrainingOutcome outcome;
  outcome.result.insert(job.result().begin(), job.result().end());
  ASSIGN_OR_RETURN(const v1::ListCheckpointsResponse all, client.ListCheckpoints(id));
  const auto last = std::find_if(all.checkpoints().begin(), all.checkpoints().end(),
                                 [](const v1::Checkpoint& checkpoint) { return checkpoint.last(); });
  if (last == all.checkpoints().end()) {
    return absl::FailedPreconditionError(absl::StrCat(JobReferenceText(job), " has no stored checkpoint"));
  }
  for (const v1::ArtifactFile& file : last->files()) {
    // The manifest names job and attempt; the rest is the training.
    if (file.name() != "manifest.json") outcome.files[file.name()] = file.sha256();
  }
  v1::ReadMetricsRequest request;
  request.set_job(id);
  RETURN_IF_ERROR(client.ReadMetrics(request, [&outcome](const v1::ReadMetricsResponse& part) {
    for (const v1::MetricPoint& point : part.points()) {
      outcome.points[{point.name(), point.step()}] = point.value();
    }
    return Next::kMore;
  }));
  return outcome;
}

bool RanOnGpu(const v1::GetJobResponse& response) {
  return std::any_of(response.attempts().begin(), response.attempts().end(), [](const v1::Attempt& attempt) {
    const auto device = attempt.environment().find("device");
    return device != attempt.environment().end() && device->second == "gpu";
  });
}

absl::StatusOr<ExitCode> Compare(Session& session, TrainingClient& client,
                                 const std::vector<v1::Job>& copies) {
  for (const v1::Job& copy : copies) {
    if (copy.state() == v1::SUCCEEDED) continue;
    session.Complain(absl::StrCat(JobReferenceText(copy), " is ", StateText(copy), " ", WhyText(copy)));
    return ExitCodeOf(copy.state());
  }
  ASSIGN_OR_RETURN(const TrainingOutcome whole, ReadOutcome(client, copies[0]));
  ASSIGN_OR_RETURN(const TrainingOutcome resumed, ReadOutcome(client, copies[1]));
  const ResumeProof proof = CompareOutcomes(whole, resumed);
  session.output().PrintTable(ProofTable(proof));
  ASSIGN_OR_RETURN(const v1::GetJobResponse interrupted, client.GetJob(absl::StrCat(copies[1].id())));
  const uint64_t step = interrupted.attempts().empty() ? 0 : interrupted.attempts().rbegin()->resumed_step();
  session.Talk(absl::StrCat("job/", copies[1].id(), " went on from step ", step, ": ",
                            proof.equal ? "equal to the last bit" : "NOT equal"));
  if (!proof.equal && RanOnGpu(interrupted)) {
    session.Talk(
        "it ran on a GPU, whose kernels may add in another order; equality is promised on CPUs alone");
  }
  return proof.equal ? ExitCode::kDone : ExitCode::kJobFailed;
}

absl::StatusOr<ExitCode> VerifyResume(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string reference, JobArgument(arguments.Get("JOB")));
  const uint64_t steps = arguments.Integer("--steps").value_or(kDefaultSteps);
  if (steps < 2)
    return absl::InvalidArgumentError("--steps: at least 2, one before the interruption and one after");
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::GetJobResponse original, client->GetJob(reference));
  if (original.job().spec().has_evaluate()) {
    return absl::InvalidArgumentError(
        absl::StrCat(JobReferenceText(original.job()), " is an evaluation: it has no training to resume"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> copies, SubmitCopies(*client, original.job(), steps));
  session.Talk(absl::StrCat("submitted two copies of ", steps, " steps: job/", copies[0],
                            " runs through, job/", copies[1], " is interrupted"));
  RETURN_IF_ERROR(Interrupt(session, *client, copies[1]));
  ASSIGN_OR_RETURN(const std::vector<v1::Job> ended, ShowJobsUntilEnded(session, *client, copies, {}));
  return Compare(session, *client, ended);
}

}  // namespace

std::vector<Command> VerifyResumeCommands() {
  return {
      {"job verify-resume",
       "prove that a job's training, interrupted, computes what it computes uninterrupted: two short copies, "
       "compared to the last bit",
       {{"JOB", OptionKind::kText, "job/42, 42, a name or @last", {}, true},
        {"--steps", OptionKind::kInteger, "steps of each copy (100)"}},
       VerifyResume}};
}

}  // namespace ecgtrain
