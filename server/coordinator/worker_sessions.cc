#include "server/coordinator/worker_sessions.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/attempt_lifecycle.h"
#include "server/coordinator/checkpoints.h"
#include "server/coordinator/proto_time.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

constexpr size_t kLongestWorkerName = 63;
constexpr int kMostDevices = 256;
constexpr int kMostDatasets = 256;
constexpr size_t kMostDatasetBytes = 64 << 10;
constexpr int kMostHeld = 1024;

absl::Status CheckDataset(const v1::WorkerDataset& dataset) {
  if (!IsIdentifier(dataset.name()) || dataset.name().size() > 63) {
    return absl::InvalidArgumentError(
        absl::StrCat("data set name \"", dataset.name(), "\" is not an identifier"));
  }
  if (dataset.ByteSizeLong() > kMostDatasetBytes) {
    return absl::InvalidArgumentError(absl::StrCat("data set ", dataset.name(), " is described by ",
                                                   dataset.ByteSizeLong(), " bytes; the limit is ",
                                                   kMostDatasetBytes));
  }
  if (!dataset.version().empty() && !IsIdentifier(dataset.version())) {
    return absl::InvalidArgumentError(
        absl::StrCat("data set ", dataset.name(), ": version is not an identifier"));
  }
  for (const v1::DatasetPack& pack : dataset.packs()) {
    if (!IsSha256Hex(pack.source_digest()) || !IsSha256Hex(pack.digest())) {
      return absl::InvalidArgumentError(
          absl::StrCat("data set ", dataset.name(), ": a digest is not of 64 lower-case hexadecimal digits"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDevices(const v1::RegisterWorkerRequest& request) {
  std::set<std::string> ids;
  for (const v1::Device& device : request.devices()) {
    if (device.kind() != "gpu" && device.kind() != "cpu") {
      return absl::InvalidArgumentError(absl::StrCat("device \"", device.id(), "\" is of kind \"",
                                                     device.kind(), "\"; expected gpu or cpu"));
    }
    if (device.id().empty() || device.id().size() > 128 || !ids.insert(device.id()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("device id \"", device.id(), "\" is empty, too long or doubled"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRegistration(const v1::RegisterWorkerRequest& request) {
  RETURN_IF_ERROR(CheckWorkerName(request.name()));
  if (request.incarnation().empty() || request.incarnation().size() > 128) {
    return absl::InvalidArgumentError("incarnation must have 1 to 128 bytes");
  }
  if (request.devices_size() > kMostDevices || request.datasets_size() > kMostDatasets ||
      request.attempts_size() > kMostHeld) {
    return absl::InvalidArgumentError(absl::StrCat("a worker has at most ", kMostDevices, " devices, ",
                                                   kMostDatasets, " data sets and ", kMostHeld, " attempts"));
  }
  for (const v1::WorkerDataset& dataset : request.datasets()) RETURN_IF_ERROR(CheckDataset(dataset));
  return CheckDevices(request);
}

v1::Worker RowOf(const v1::RegisterWorkerRequest& request, absl::Time now) {
  v1::Worker worker;
  worker.set_name(request.name());
  worker.set_host(request.host());
  worker.set_version(request.version());
  worker.set_incarnation(request.incarnation());
  *worker.mutable_devices() = request.devices();
  *worker.mutable_datasets() = request.datasets();
  *worker.mutable_registered() = ToProtoTime(now);
  return worker;
}

// Of the data set that the attempts since submit or requeue were trained on; "" before the first of them was.
absl::StatusOr<std::string> SourceDigest(StoreReader& reader, const v1::Job& job) {
  ASSIGN_OR_RETURN(const std::vector<v1::Attempt> attempts, reader.ListAttempts(job.id()));
  for (const v1::Attempt& attempt : attempts) {
    const auto digest = attempt.environment().find("source_digest");
    if (attempt.number() > job.requeued_after_attempt() && digest != attempt.environment().end())
      return digest->second;
  }
  return "";
}

absl::StatusOr<std::vector<LiveAttempt>> ReadLive(StoreReader& reader, const std::string& worker) {
  ASSIGN_OR_RETURN(std::vector<v1::Attempt> attempts, reader.LiveAttempts(worker));
  std::vector<LiveAttempt> live;
  for (v1::Attempt& attempt : attempts) {
    ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(attempt.job_id()));
    live.push_back({std::move(attempt), job.stop_requested(), job.stop_now()});
  }
  return live;
}

absl::Status EndLost(Mutation& mutation, const std::vector<v1::Attempt>& lost) {
  for (const v1::Attempt& candidate : lost) {
    ASSIGN_OR_RETURN(v1::Attempt attempt, mutation.store.GetAttempt(candidate.job_id(), candidate.number()));
    if (attempt.state() == v1::ENDED) continue;
    ASSIGN_OR_RETURN(v1::Job job, mutation.store.GetJob(attempt.job_id()));
    RETURN_IF_ERROR(EndAttempt(
        mutation, job, attempt,
        {.reason = v1::WORKER_LOST,
         .message = absl::StrCat("worker ", attempt.worker(), " has nothing of this attempt any more"),
         .actor = "coordinator",
         .step = job.progress().step()}));
  }
  return absl::OkStatus();
}

absl::Status RegisterInStore(Mutation& mutation, const v1::RegisterWorkerRequest& request,
                             const Leases& leases) {
  v1::Worker worker = RowOf(request, mutation.now);
  absl::StatusOr<v1::Worker> before = mutation.store.GetWorker(request.name());
  if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
  if (before.ok()) {
    if (before->incarnation() != request.incarnation() && before->host() != request.host() &&
        leases.IsReachable(request.name())) {
      return WithErrorInfo(absl::AlreadyExistsError(
                               absl::StrCat("worker ", request.name(), " is alive on host ", before->host(),
                                            "; start this one with another --name, or stop that one")),
                           "WORKER_NAME_TAKEN");
    }
    worker.set_cordoned(before->cordoned());
    worker.set_cordon_reason(before->cordon_reason());
    if (before->has_uncordoned()) *worker.mutable_uncordoned() = before->uncordoned();
  }
  RETURN_IF_ERROR(mutation.store.PutWorker(worker));
  mutation.effects.plan = true;
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWorkerName(absl::string_view name) {
  if (IsIdentifier(name) && name.size() <= kLongestWorkerName) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "worker name \"", name.substr(0, kLongestWorkerName),
      "\" is not of at most 63 letters, digits, '.', '_' and '-', beginning with a letter or digit"));
}

void WorkerSessions::Register(const v1::RegisterWorkerRequest& request,
                              Reply<v1::RegisterWorkerResponse> reply) {
  if (absl::Status status = CheckRegistration(request); !status.ok()) return reply(std::move(status));
  runner_.RunFor<v1::RegisterWorkerResponse>(
      [this, request](Mutation& mutation) -> absl::StatusOr<v1::RegisterWorkerResponse> {
        RETURN_IF_ERROR(RegisterInStore(mutation, request, leases_));
        v1::RegisterWorkerResponse response;
        response.set_session(NewUuid());
        *response.mutable_lease() = ToProtoDuration(leases_.options().lease);
        *response.mutable_stop_grace() = ToProtoDuration(stop_grace_);
        return response;
      },
      [this, name = request.name(),
       reply = std::move(reply)](absl::StatusOr<v1::RegisterWorkerResponse> response) mutable {
        if (response.ok()) {
          leases_.Register(name, response->session());
          MutexLock lock(mutex_);
          told_.erase(name);
        }
        reply(std::move(response));
      });
}

absl::StatusOr<bool> WorkerSessions::Accept(const v1::HeartbeatRequest& request) {
  RETURN_IF_ERROR(CheckWorkerName(request.worker()));
  if (request.attempts_size() > kMostHeld) {
    return absl::InvalidArgumentError(absl::StrCat("a beat names at most ", kMostHeld, " attempts"));
  }
  const Leases::Beat beat = leases_.Heard(request.worker(), request.session(), request.beat());
  if (beat != Leases::Beat::kUnknown) return beat == Leases::Beat::kCounts;
  return WithErrorInfo(
      absl::FailedPreconditionError(absl::StrCat("the session of worker ", request.worker(),
                                                 " is over, by a restart or another one; register first")),
      "REGISTER_FIRST");
}

absl::StatusOr<std::optional<v1::HeartbeatResponse>> WorkerSessions::Answer(
    const v1::HeartbeatRequest& request, bool arrived, bool must_answer) {
  const std::vector<v1::HeldAttempt> held(request.attempts().begin(), request.attempts().end());
  Reconciliation orders;
  std::optional<v1::HeartbeatResponse> response;
  RETURN_IF_ERROR(runner_.store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<LiveAttempt> live, ReadLive(reader, request.worker()));
    orders = Reconcile(live, held);
    if (!must_answer && !HasNews(request.worker(), orders)) return absl::OkStatus();
    ASSIGN_OR_RETURN(response, Respond(reader, orders));
    return absl::OkStatus();
  }));
  if (response) {
    MutexLock lock(mutex_);
    told_[request.worker()].Remember(orders);
  }
  if (arrived && !orders.lost.empty()) {
    runner_.Run([lost = orders.lost](Mutation& mutation) { return EndLost(mutation, lost); },
                [worker = request.worker()](const absl::Status& status) {
                  if (!status.ok())
                    LogWarning("lost attempts not ended", {{"worker", worker}, {"error", status.message()}});
                });
  }
  return response;
}

bool WorkerSessions::HasNews(const std::string& worker, const Reconciliation& orders) {
  MutexLock lock(mutex_);
  return told_[worker].HasNews(orders);
}

absl::StatusOr<v1::HeartbeatResponse> WorkerSessions::Respond(StoreReader& reader,
                                                              const Reconciliation& orders) {
  v1::HeartbeatResponse response;
  for (const v1::Attempt& attempt : orders.start) {
    ASSIGN_OR_RETURN(const v1::Job job, reader.GetJob(attempt.job_id()));
    v1::Assignment& assignment = *response.add_start();
    *assignment.mutable_attempt() = RefOf(attempt);
    *assignment.mutable_spec() = job.spec();
    *assignment.mutable_devices() = attempt.devices();
    ASSIGN_OR_RETURN(*assignment.mutable_source_digest(), SourceDigest(reader, job));
    if (!attempt.resumed_from().empty()) {
      ASSIGN_OR_RETURN(const auto own, reader.Checkpoints(job.id()));
      if (const auto* resume = FindCheckpoint(own, attempt.resumed_from()))
        *assignment.mutable_resume() = *resume;
    }
    if (!attempt.parent_checkpoint().empty()) {
      ASSIGN_OR_RETURN(const auto of_parent, reader.Checkpoints(job.parent_job()));
      if (const auto* parent = FindCheckpoint(of_parent, attempt.parent_checkpoint()))
        *assignment.mutable_parent() = *parent;
    }
  }
  response.mutable_stop()->Add(orders.stop.begin(), orders.stop.end());
  response.mutable_forget()->Add(orders.forget.begin(), orders.forget.end());
  return response;
}

}  // namespace ecgtrain
