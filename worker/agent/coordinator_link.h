// The worker's side of WorkerService: channels, credentials and deadlines. gRPC types go no further.
#ifndef ECGTRAIN_WORKER_AGENT_COORDINATOR_LINK_H_
#define ECGTRAIN_WORKER_AGENT_COORDINATOR_LINK_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ecgtrain/v1/worker_service.pb.h"

namespace ecgtrain {

struct LinkOptions {
  std::string server;                // HOST:PORT
  std::filesystem::path token_file;  // empty: no token
  std::filesystem::path ca_file;     // PEM; empty: plain text, only to this host when there is a token
  absl::Duration heartbeat_deadline = absl::Seconds(15);
  absl::Duration call_deadline = absl::Seconds(10);
  // A transfer gets this long, and a second more for each 256 KiB. One that is cut goes on where it was.
  absl::Duration transfer_deadline = absl::Seconds(60);
};

// Every call waits for the connection until its deadline and is made once: repeating is for the caller, who
// has the patience and the clock. Errors of each call: worker_service.proto; DEADLINE_EXCEEDED and
// UNAVAILABLE when the coordinator is away; CANCELLED after Shutdown. Thread-safe.
class CoordinatorLink {
 public:
  // INVALID_ARGUMENT or the file's error for options that cannot work.
  static absl::StatusOr<std::unique_ptr<CoordinatorLink>> Create(const LinkOptions& options);
  ~CoordinatorLink();

  absl::StatusOr<v1::RegisterWorkerResponse> RegisterWorker(const v1::RegisterWorkerRequest& request);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(const v1::HeartbeatRequest& request);
  absl::StatusOr<v1::ReportEventsResponse> ReportEvents(const v1::ReportEventsRequest& request);
  absl::StatusOr<v1::QueryUploadResponse> QueryUpload(const v1::QueryUploadRequest& request);
  absl::StatusOr<v1::FinishAttemptResponse> FinishAttempt(const v1::FinishAttemptRequest& request);

  // Sends chunks until `next` returns false (no more) or an error, which is then the result. `next` is given
  // the chunk before, whose memory serves again, and sets every field. `size`: bytes to send, for the
  // deadline.
  absl::StatusOr<v1::UploadArtifactResponse> UploadArtifact(
      uint64_t size, absl::FunctionRef<absl::StatusOr<bool>(v1::UploadArtifactRequest&)> next);

  // Hands each chunk, its offset and checksum verified, to `sink`. DATA_LOSS for a bad one.
  absl::Status ReadArtifact(const v1::WorkerReadArtifactRequest& request, uint64_t size,
                            absl::FunctionRef<absl::Status(absl::string_view data)> sink);

  // Ends all calls under way and refuses new ones: what the program does before it leaves.
  void Shutdown();

 private:
  struct State;
  explicit CoordinatorLink(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_COORDINATOR_LINK_H_
