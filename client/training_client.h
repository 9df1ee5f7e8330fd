// The service's API as typed calls for programs that run at a person's or a script's side.
//
// Every call has a deadline. UNAVAILABLE is retried with growing, jittered delays until the call timeout;
// mutating calls carry a request_id, so that a retry never does a thing twice. Streams go on after a cut
// where they were, without gap or repeat.
//
// Errors are those of the API reference (proto/ecgtrain/v1), and UNAVAILABLE with one line that names the
// server when it was not reached, CANCELLED when the cancellation of the hooks ended the call.
#ifndef ECGTRAIN_CLIENT_TRAINING_CLIENT_H_
#define ECGTRAIN_CLIENT_TRAINING_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cancellation.h"
#include "client/retry_policy.h"
#include "common/clock.h"
#include "ecgtrain/v1/admin_service.pb.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

struct ClientOptions {
  std::string server = "127.0.0.1:7443";
  // PEM file with the authority that signed the server's certificate. Without one: plain text on loopback,
  // elsewhere TLS with the system's authorities.
  std::string ca_file;
  // File with a token; "" for a caller without credentials.
  std::string token_file;
  // Plain text also off loopback.
  bool insecure = false;
  // Of one call, its retries included.
  absl::Duration call_timeout = absl::Seconds(30);
  // How long a stream that has been heard once is tried again without hearing anything.
  absl::Duration follow_timeout = absl::Minutes(15);
  // Of the first mutating call; later ones append ".2", ".3". Default: a new UUID.
  std::string request_id;
  RetryPolicy retry;
};

// What a client needs from its surroundings. Empty functions get the usual ones.
struct ClientHooks {
  Clock& clock;
  Cancellation& cancellation;
  Sleeper sleep;
  RandomSource random;
  // Before each wait of a unary call.
  std::function<void(const absl::Status& failure, absl::Duration delay)> on_retry;
  // Once when a stream broke and is being opened again.
  std::function<void(const absl::Status& failure)> on_reconnect;
};

enum class Next { kMore, kStop };
// Takes one message of a stream. An error ends the stream and is returned by the call.
template <typename Response>
using StreamSink = std::function<absl::StatusOr<Next>(const Response&)>;

class Connection;

// Bound to one thread; only the Cancellation may be used from others.
class TrainingClient {
 public:
  // INVALID_ARGUMENT for a bad address or unreadable credential files. Does not touch the network.
  static absl::StatusOr<std::unique_ptr<TrainingClient>> Create(ClientOptions options, ClientHooks hooks);
  ~TrainingClient();

  // A request without request_id gets the next one of this client.
  absl::StatusOr<v1::SubmitJobsResponse> SubmitJobs(v1::SubmitJobsRequest request);
  absl::StatusOr<v1::ValidateJobsResponse> ValidateJobs(const v1::ValidateJobsRequest& request);
  absl::StatusOr<v1::GetJobResponse> GetJob(absl::string_view job);
  // Pages until `limit` jobs; next_page_token is set when there are more.
  absl::StatusOr<v1::ListJobsResponse> ListJobs(v1::ListJobsRequest request, uint64_t limit);
  absl::StatusOr<v1::Job> CancelJob(absl::string_view job, bool now);
  absl::StatusOr<v1::Job> PauseJob(absl::string_view job);
  absl::StatusOr<v1::Job> ResumeJob(absl::string_view job);
  absl::StatusOr<v1::Job> RequeueJob(absl::string_view job, absl::string_view from);
  absl::StatusOr<v1::ListCheckpointsResponse> ListCheckpoints(absl::string_view job);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers();
  absl::StatusOr<v1::ListDatasetsResponse> ListDatasets();
  absl::StatusOr<v1::Dataset> GetDataset(absl::string_view name);
  absl::StatusOr<v1::Worker> UpdateWorker(absl::string_view name, bool cordoned, absl::string_view reason);
  absl::StatusOr<v1::GetServerStatusResponse> GetServerStatus();
  // The standard health check: true for SERVING.
  absl::StatusOr<bool> CheckHealth();

  // Not retried: its answer cannot be repeated.
  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens();
  absl::StatusOr<v1::Token> RevokeToken(int64_t id);
  absl::StatusOr<v1::BackUpResponse> BackUp();

  // Events above request.after_event, each once, and snapshots. With `until_ended` OK only after the job's
  // end was seen. DEADLINE_EXCEEDED after `max_wait`.
  absl::Status WatchJob(v1::WatchJobRequest request, const StreamSink<v1::WatchJobResponse>& sink,
                        absl::Duration max_wait = absl::InfiniteDuration());
  absl::Status ReadMetrics(v1::ReadMetricsRequest request, const StreamSink<v1::ReadMetricsResponse>& sink);
  // Bytes from request.offset without gap or repeat, then the end marker. DATA_LOSS when the server leaves
  // bytes out.
  absl::Status ReadLogs(v1::ReadLogsRequest request, const StreamSink<v1::ReadLogsResponse>& sink);
  // Chunks from `offset` to the end of the file, their checksums verified. DATA_LOSS when one is wrong.
  absl::Status ReadArtifact(absl::string_view sha256, uint64_t offset,
                            const StreamSink<v1::ReadArtifactResponse>& sink);

  const std::string& server() const;

 private:
  explicit TrainingClient(std::unique_ptr<Connection> connection, std::string request_id);

  std::string NextRequestId();

  struct Stubs;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Stubs> stubs_;
  std::string request_id_;
  int requests_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_TRAINING_CLIENT_H_
