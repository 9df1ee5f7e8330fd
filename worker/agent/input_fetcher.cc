#include "worker/agent/input_fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "client/retry_policy.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "proto/grpc_status.h"
#include "worker/agent/attempt_directory.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

constexpr int kMaxWrongDownloads = 2;

// False where the file is not there or not the same: it is downloaded then.
bool LinkLocalFile(const std::filesystem::path& source, const v1::ArtifactFile& file,
                   const std::filesystem::path& target) {
  const absl::StatusOr<FileDigest> digest = DigestFile(source);
  return digest.ok() && digest->size == file.size() && digest->sha256 == file.sha256() &&
         link(source.c_str(), target.c_str()) == 0;
}

// One file under way: what has arrived is on disk and in the digest.
class Download {
 public:
  Download(CoordinatorLink& link, const v1::AttemptRef& attempt, const v1::ArtifactFile& file,
           std::filesystem::path target)
      : link_(link), attempt_(attempt), file_(file), target_(std::move(target)) {}

  // Opens the target, empty.
  absl::Status Start() {
    fd_ = UniqueFd(open(target_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!fd_.valid()) return FileError(errno, "create", target_);
    received_ = 0;
    digest_ = Sha256();
    return absl::OkStatus();
  }

  // One call for the rest. DATA_LOSS for a wrong size or digest.
  absl::Status Continue() {
    v1::WorkerReadArtifactRequest request;
    *request.mutable_attempt() = attempt_;
    request.set_sha256(file_.sha256());
    request.set_offset(received_);
    RETURN_IF_ERROR(link_.ReadArtifact(request, file_.size() - received_, [this](absl::string_view data) {
      if (received_ + data.size() > file_.size()) return Wrong("is too long");
      RETURN_IF_ERROR(WriteFully(fd_.get(), data, target_));
      digest_.Update(data);
      received_ += data.size();
      return absl::OkStatus();
    }));
    if (received_ != file_.size()) return Wrong("ended early");
    if (digest_.HexDigest() != file_.sha256()) return Wrong("has another digest");
    return absl::OkStatus();
  }

 private:
  absl::Status Wrong(absl::string_view problem) const {
    return absl::DataLossError(
        absl::StrCat("artifact ", file_.sha256(), " for ", target_.string(), " ", problem));
  }

  CoordinatorLink& link_;
  const v1::AttemptRef& attempt_;
  const v1::ArtifactFile& file_;
  const std::filesystem::path target_;
  UniqueFd fd_;
  uint64_t received_ = 0;
  Sha256 digest_;
};

absl::Status DownloadFile(CoordinatorLink& link, const v1::AttemptRef& attempt, const v1::ArtifactFile& file,
                          const std::filesystem::path& target, Cancellation& stop) {
  Download download(link, attempt, file, target);
  RETURN_IF_ERROR(download.Start());
  Backoff backoff({}, SystemRandom());
  int wrong = 0;
  while (true) {
    const absl::Status status = download.Continue();
    if (status.ok()) return status;
    if (stop.cancelled()) return absl::CancelledError("stopped while fetching inputs");
    if (absl::IsDataLoss(status) && ++wrong < kMaxWrongDownloads) {
      RETURN_IF_ERROR(download.Start());
    } else if (!IsRetryable(status)) {
      return status;
    }
    if (!stop.SleepFor(backoff.Next())) return absl::CancelledError("stopped while fetching inputs");
  }
}

// The end that a failure to fetch means for the attempt.
absl::Status Typed(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return status;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
      return WithErrorInfo(status, "CHECKPOINT_CORRUPT");
    case absl::StatusCode::kResourceExhausted:
      return WithErrorInfo(status, "DISK_FULL");
    default:
      return WithErrorInfo(status, "START_FAILED");
  }
}

absl::Status CheckNames(const v1::Checkpoint& checkpoint) {
  if (!run_directory::CheckpointStep(checkpoint.name()).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", checkpoint.name(), "\" is no checkpoint"));
  }
  for (const v1::ArtifactFile& file : checkpoint.files()) {
    if (!IsPlainFileName(file.name()) || !IsSha256Hex(file.sha256())) {
      return absl::InvalidArgumentError(
          absl::StrCat("bad file \"", file.name(), "\" of ", checkpoint.name()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FetchCheckpoint(CoordinatorLink& link, const v1::AttemptRef& attempt,
                             const v1::Checkpoint& checkpoint, const std::filesystem::path& folder,
                             const std::filesystem::path& attempts, Cancellation& stop) {
  RETURN_IF_ERROR(Typed(CheckNames(checkpoint)));
  RETURN_IF_ERROR(Typed(MakeDirectories(folder)));
  const std::filesystem::path local = attempts /
                                      absl::StrCat(checkpoint.job_id(), ".", checkpoint.attempt()) /
                                      run_directory::kCheckpointsFolder / checkpoint.name();
  for (const v1::ArtifactFile& file : checkpoint.files()) {
    if (stop.cancelled()) return absl::CancelledError("stopped while fetching inputs");
    if (LinkLocalFile(local / file.name(), file, folder / file.name())) continue;
    RETURN_IF_ERROR(Typed(DownloadFile(link, attempt, file, folder / file.name(), stop)));
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
