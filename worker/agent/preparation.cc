#include "worker/agent/preparation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "spec/dataset_reference.h"
#include "spec/resolve.h"
#include "worker/agent/input_fetcher.h"

namespace ecgtrain {
namespace {

const v1::SignalSpec& SignalOf(const v1::JobSpec& spec) {
  if (spec.has_finetune()) return spec.finetune().signal();
  return spec.has_evaluate() ? spec.evaluate().signal() : spec.pretrain().signal();
}

// DATA_MISSING where this worker's is not the state that the job names: another worker may have that.
absl::Status CheckState(const PackStore& packs, const DatasetReference& wanted, const KnownPack& pack) {
  v1::WorkerDataset held;
  held.set_name(wanted.name);
  held.set_version(packs.VersionOf(wanted.name));
  *held.add_packs() = pack.description;
  if (Match(wanted, held) == DatasetMatch::kYes) return absl::OkStatus();
  return WithErrorInfo(absl::NotFoundError(absl::StrCat("this worker has ", StateOf(held), ", not the ",
                                                        FormatReference(wanted), " that the job asks for")),
                       "DATA_MISSING");
}

absl::StatusOr<std::filesystem::path> EnsurePack(PackStore& packs, const v1::JobSpec& spec, int log_fd,
                                                 Cancellation& stop) {
  ASSIGN_OR_RETURN(const DatasetReference wanted, ParseDatasetReference(DatasetOf(spec)));
  const v1::SignalSpec& signal = SignalOf(spec);
  const PackRequest request = {.dataset = wanted.name,
                               .rate = signal.rate(),
                               .highpass = signal.has_highpass() ? signal.highpass() : true};
  ASSIGN_OR_RETURN(const KnownPack pack, packs.Ensure(request, log_fd, stop));
  RETURN_IF_ERROR(CheckState(packs, wanted, pack));
  return pack.path;
}

absl::StatusOr<TrainerDevice> ChooseDevice(const std::vector<v1::Device>& devices,
                                           const v1::Assignment& assignment) {
  if (assignment.devices().empty()) return absl::InvalidArgumentError("the assignment names no device");
  TrainerDevice chosen{.kind = "cpu", .threads = 0};
  for (const std::string& id : assignment.devices()) {
    const auto known = std::find_if(devices.begin(), devices.end(),
                                    [&id](const v1::Device& candidate) { return candidate.id() == id; });
    if (known == devices.end()) return absl::NotFoundError(absl::StrCat("this worker has no device ", id));
    chosen.threads += known->threads();
    chosen.kind = known->kind();
    if (known->kind() == "gpu") chosen.uuids.push_back(id);
  }
  const uint32_t wanted = assignment.spec().resources().cpus();
  if (chosen.kind == "cpu" && wanted > 0) chosen.threads = std::min(chosen.threads, wanted);
  return chosen;
}

}  // namespace

absl::StatusOr<TrainerSpec> PrepareAttempt(const RunnerServices& services, const v1::Assignment& assignment,
                                           const AttemptDirectory& directory, int log_fd,
                                           Cancellation& stop) {
  TrainerSpec spec{.spec = assignment.spec(),
                   .source_digest = assignment.source_digest(),
                   .parent = assignment.has_parent(),
                   .resume = assignment.has_resume()};
  ASSIGN_OR_RETURN(spec.device, ChooseDevice(services.devices, assignment));
  if (spec.parent) {
    RETURN_IF_ERROR(FetchCheckpoint(services.link, directory.attempt(), assignment.parent(),
                                    directory.File(run_directory::kParentFolder), services.attempts, stop));
  }
  if (spec.resume) {
    RETURN_IF_ERROR(FetchCheckpoint(services.link, directory.attempt(), assignment.resume(),
                                    directory.File(run_directory::kResumeFolder), services.attempts, stop));
  }
  ASSIGN_OR_RETURN(spec.pack, EnsurePack(services.packs, spec.spec, log_fd, stop));
  RETURN_IF_ERROR(directory.WriteSpec(spec));
  return spec;
}

}  // namespace ecgtrain
