// The streaming calls of TrainingClient: each keeps the cursor of the last message it passed on.
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/connection.h"
#include "client/stubs.h"
#include "client/training_client.h"
#include "common/crc32c.h"

namespace ecgtrain {
namespace {

bool HasEnded(v1::JobState state) {
  return state == v1::SUCCEEDED || state == v1::FAILED || state == v1::CANCELLED;
}

}  // namespace

absl::Status TrainingClient::WatchJob(v1::WatchJobRequest request,
                                      const StreamSink<v1::WatchJobResponse>& sink, absl::Duration max_wait) {
  bool ended = false;
  const StreamSink<v1::WatchJobResponse> once =
      [&](const v1::WatchJobResponse& response) -> absl::StatusOr<Next> {
    const int64_t seen = request.after_event();
    request.set_after_event(std::max(seen, response.last_event()));
    if (response.has_event()) {
      if (response.event().seq() <= seen) return Next::kMore;
      request.set_after_event(std::max(request.after_event(), response.event().seq()));
      ended = HasEnded(response.event().state());
    } else if (response.has_snapshot()) {
      ended = HasEnded(response.snapshot().state());
    } else {
      return Next::kMore;
    }
    return sink(response);
  };
  return connection_->Follow<v1::WatchJobResponse>(
      [&](grpc::ClientContext* context) { return stubs_->training->WatchJob(context, request); }, once,
      [&] { return ended || !request.until_ended(); }, max_wait);
}

absl::Status TrainingClient::ReadMetrics(v1::ReadMetricsRequest request,
                                         const StreamSink<v1::ReadMetricsResponse>& sink) {
  bool final = false;
  const auto behind = [&](const v1::MetricCursor& cursor) {
    const v1::MetricCursor& seen = request.after();
    return std::make_pair(cursor.attempt(), cursor.seq()) <= std::make_pair(seen.attempt(), seen.seq());
  };
  const StreamSink<v1::ReadMetricsResponse> once =
      [&](const v1::ReadMetricsResponse& response) -> absl::StatusOr<Next> {
    final = final || response.final_state() != v1::JOB_STATE_UNSPECIFIED;
    const bool repeated = !response.points().empty() && response.has_cursor() && behind(response.cursor());
    if (response.has_cursor() && !behind(response.cursor())) *request.mutable_after() = response.cursor();
    return repeated ? Next::kMore : sink(response);
  };
  return connection_->Follow<v1::ReadMetricsResponse>(
      [&](grpc::ClientContext* context) { return stubs_->training->ReadMetrics(context, request); }, once,
      [&] { return final || !request.follow(); }, absl::InfiniteDuration());
}

absl::Status TrainingClient::ReadLogs(v1::ReadLogsRequest request,
                                      const StreamSink<v1::ReadLogsResponse>& sink) {
  bool final = false;
  // With tail_bytes only the server knows the first offset.
  bool offset_known = request.tail_bytes() == 0;
  const StreamSink<v1::ReadLogsResponse> once =
      [&](const v1::ReadLogsResponse& response) -> absl::StatusOr<Next> {
    if (response.attempt() != 0) request.set_attempt(response.attempt());
    final = final || response.has_end();
    if (response.data().empty()) return response.has_end() ? sink(response) : Next::kMore;
    if (!offset_known) request.set_offset(response.offset());
    offset_known = true;
    request.clear_tail_bytes();
    const uint64_t expected = request.offset();
    if (response.offset() > expected) {
      return absl::DataLossError(absl::StrCat("the log of ", request.job(), " goes on at byte ",
                                              response.offset(), " where byte ", expected, " was expected"));
    }
    const uint64_t repeated = expected - response.offset();
    if (repeated >= response.data().size()) return response.has_end() ? sink(response) : Next::kMore;
    v1::ReadLogsResponse rest = response;
    rest.set_offset(expected);
    rest.set_data(response.data().substr(repeated));
    request.set_offset(expected + rest.data().size());
    return sink(rest);
  };
  return connection_->Follow<v1::ReadLogsResponse>(
      [&](grpc::ClientContext* context) { return stubs_->training->ReadLogs(context, request); }, once,
      [&] { return final; }, absl::InfiniteDuration());
}

absl::Status TrainingClient::ReadArtifact(absl::string_view sha256, uint64_t offset,
                                          const StreamSink<v1::ReadArtifactResponse>& sink) {
  v1::ReadArtifactRequest request;
  request.set_sha256(std::string(sha256));
  request.set_offset(offset);
  bool complete = false;
  const StreamSink<v1::ReadArtifactResponse> checked =
      [&](const v1::ReadArtifactResponse& response) -> absl::StatusOr<Next> {
    if (response.offset() != request.offset() ||
        response.size() < response.offset() + response.data().size()) {
      return absl::DataLossError(absl::StrCat("sha256:", sha256, ": the server sent byte ", response.offset(),
                                              " where byte ", request.offset(), " was expected"));
    }
    if (Crc32c(response.data()) != response.crc32c()) {
      return absl::DataLossError(
          absl::StrCat("sha256:", sha256, ": wrong checksum of the chunk at byte ", response.offset()));
    }
    request.set_offset(response.offset() + response.data().size());
    complete = request.offset() == response.size();
    return sink(response);
  };
  return connection_->Follow<v1::ReadArtifactResponse>(
      [&](grpc::ClientContext* context) { return stubs_->training->ReadArtifact(context, request); }, checked,
      [&] { return complete; }, absl::InfiniteDuration());
}

}  // namespace ecgtrain
