// Files in and out: reactors whose disk work runs on the pool.
#ifndef ECGTRAIN_SERVER_API_ARTIFACT_STREAMS_H_
#define ECGTRAIN_SERVER_API_ARTIFACT_STREAMS_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/functional/any_invocable.h"
#include "common/sha256.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Sends a stored file from `offset` in chunks with CRC-32C; from 0 on the whole content is checked against
// the digest: a wrong one is DATA_LOSS after the last chunk. `check` says whether the caller may read it.
// Deletes itself.
class ArtifactReader final : public grpc::ServerWriteReactor<v1::ReadArtifactResponse> {
 public:
  using Check = absl::AnyInvocable<absl::Status(StoreReader&, const Principal&)>;
  struct What {
    std::string sha256;
    uint64_t offset = 0;
  };
  ArtifactReader(ApiContext& api, const grpc::CallbackServerContext& context, const char* method, What what,
                 Check check);

  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Begin(const grpc::CallbackServerContext& context, Check check);
  void Find(const Principal& principal, Check check);
  void SendNext();
  // OUT_OF_RANGE past the end.
  absl::StatusOr<bool> ReadChunk();
  void End(const absl::Status& status);

  ApiContext& api_;
  const grpc::CallbackServerContext& context_;  // gRPC's, until OnDone
  const char* const method_;
  const absl::Duration start_;
  const What what_;
  uint64_t offset_;
  uint64_t size_ = 0;
  Sha256 digest_;
  v1::ReadArtifactResponse response_;
};

// Takes the chunks of one upload. Deletes itself.
class ArtifactUpload final : public grpc::ServerReadReactor<v1::UploadArtifactRequest> {
 public:
  ArtifactUpload(ApiContext& api, const grpc::CallbackServerContext& context, const char* method,
                 v1::UploadArtifactResponse* response);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Begin(const grpc::CallbackServerContext& context);
  void TakeChunk();
  void End(const absl::Status& status);

  ApiContext& api_;
  const char* const method_;
  const absl::Duration start_;
  v1::UploadArtifactResponse* const response_;  // gRPC's, until OnDone
  Principal principal_;
  v1::UploadArtifactRequest request_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_ARTIFACT_STREAMS_H_
