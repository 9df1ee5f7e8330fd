#include "server/api/artifact_streams.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "proto/channel_settings.h"
#include "server/api/worker_checks.h"

namespace ecgtrain {

ArtifactReader::ArtifactReader(ApiContext& api, const grpc::CallbackServerContext& context,
                               const char* method, What what, Check check)
    : api_(api),
      context_(context),
      method_(method),
      start_(api.Monotonic()),
      what_(std::move(what)),
      offset_(what_.offset) {
  Begin(context, std::move(check));
}

void ArtifactReader::Begin(const grpc::CallbackServerContext& context, Check check) {
  absl::StatusOr<Principal> principal = api_.Authorize(context, method_);
  if (!principal.ok()) return End(principal.status());
  if (!IsSha256Hex(what_.sha256))
    return End(absl::InvalidArgumentError("sha256 is not of 64 lower-case hexadecimal digits"));
  api_.pool().Run([this, principal = *std::move(principal), check = std::move(check)]() mutable {
    Find(principal, std::move(check));
  });
}

void ArtifactReader::Find(const Principal& principal, Check check) {
  const absl::Status allowed = api_.coordinator().store().Read([&](StoreReader& reader) -> absl::Status {
    RETURN_IF_ERROR(check(reader, principal));
    ASSIGN_OR_RETURN(const std::optional<uint64_t> size, reader.StoredFile(what_.sha256));
    if (!size) return absl::NotFoundError(absl::StrCat("no stored file ", what_.sha256));
    size_ = *size;
    return absl::OkStatus();
  });
  if (!allowed.ok()) return End(allowed);
  if (offset_ > size_) {
    return End(absl::OutOfRangeError(absl::StrCat("the file has ", size_, " bytes; none at ", offset_)));
  }
  SendNext();
}

void ArtifactReader::OnWriteDone(bool ok) {
  api_.watchdog().Sent(this);
  if (!ok) return End(absl::CancelledError("the caller is gone"));
  api_.pool().Run([this] { SendNext(); });
}

void ArtifactReader::SendNext() {
  const absl::StatusOr<bool> more = ReadChunk();
  if (!more.ok()) return End(more.status());
  if (*more) {
    api_.watchdog().Sending(this, [this] { context_.TryCancel(); });
    return StartWrite(&response_);
  }
  const bool whole = what_.offset == 0;
  if (whole && digest_.HexDigest() != what_.sha256) {
    return End(
        absl::DataLossError(absl::StrCat("the stored file ", what_.sha256, " is not what its digest says")));
  }
  End(absl::OkStatus());
}

absl::StatusOr<bool> ArtifactReader::ReadChunk() {
  if (offset_ == size_ && (offset_ > what_.offset || response_.size() > 0)) return false;
  ASSIGN_OR_RETURN(std::string bytes,
                   api_.coordinator().artifacts().Read(what_.sha256, offset_, kChunkBytes));
  if (bytes.empty() && offset_ < size_) {
    return absl::DataLossError(
        absl::StrCat("the stored file ", what_.sha256, " ends at ", offset_, " of ", size_, " bytes"));
  }
  digest_.Update(bytes);
  response_.set_offset(offset_);
  response_.set_crc32c(Crc32c(bytes));
  response_.set_size(size_);
  offset_ += bytes.size();
  const bool sendable = !bytes.empty();
  response_.set_data(std::move(bytes));
  return sendable;
}

void ArtifactReader::End(const absl::Status& status) {
  Finish(api_.Ended(RpcType::kServerStream, method_, start_, status));
}

ArtifactUpload::ArtifactUpload(ApiContext& api, const grpc::CallbackServerContext& context,
                               const char* method, v1::UploadArtifactResponse* response)
    : api_(api), method_(method), start_(api.Monotonic()), response_(response) {
  Begin(context);
}

void ArtifactUpload::Begin(const grpc::CallbackServerContext& context) {
  absl::StatusOr<Principal> principal = api_.Authorize(context, method_);
  if (!principal.ok()) return End(principal.status());
  principal_ = *std::move(principal);
  StartRead(&request_);
}

void ArtifactUpload::OnReadDone(bool ok) {
  if (!ok) return End(absl::OkStatus());  // the caller has sent all it wanted
  api_.pool().Run([this] { TakeChunk(); });
}

void ArtifactUpload::TakeChunk() {
  Coordinator& coordinator = api_.coordinator();
  if (absl::Status allowed = CheckOwnAttempt(coordinator, principal_, request_.attempt()); !allowed.ok())
    return End(allowed);
  absl::StatusOr<v1::UploadArtifactResponse> taken = coordinator.uploads().Append(request_);
  if (!taken.ok()) return End(taken.status());
  *response_ = *std::move(taken);
  if (response_->complete()) return End(absl::OkStatus());
  StartRead(&request_);
}

void ArtifactUpload::End(const absl::Status& status) {
  Finish(api_.Ended(RpcType::kClientStream, method_, start_, status));
}

}  // namespace ecgtrain
