#include "server/store/queued_job.h"

namespace ecgtrain {
namespace {

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

QueuedJob QueuedJobOf(const v1::Job& job) {
  QueuedJob queued;
  queued.id = job.id();
  queued.priority = job.priority();
  queued.submitted = TimeOf(job.submitted());
  queued.dataset = job.dataset();
  const v1::ResourceSpec& resources = job.spec().resources();
  if (resources.has_device()) queued.device = resources.device();
  queued.cpus = resources.cpus();
  queued.dependencies.assign(job.dependencies().begin(), job.dependencies().end());
  if (job.has_not_before()) queued.not_before = TimeOf(job.not_before());
  queued.attempts = job.attempts();
  queued.reason = job.reason();
  queued.requeued_after_attempt = job.requeued_after_attempt();
  return queued;
}

int PriorityRank(absl::string_view priority) { return priority == "low" ? 0 : priority == "high" ? 2 : 1; }

}  // namespace ecgtrain
