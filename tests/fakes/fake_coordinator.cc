#include "tests/fakes/fake_coordinator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/sha256.h"
#include "proto/channel_settings.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kHold = absl::Milliseconds(200);
constexpr absl::Duration kPatience = absl::Seconds(30);

bool Same(const v1::AttemptRef& a, const v1::AttemptRef& b) {
  return a.job_id() == b.job_id() && a.attempt() == b.attempt() && a.token() == b.token();
}

}  // namespace

FakeCoordinator::FakeCoordinator() { Start(); }
FakeCoordinator::~FakeCoordinator() { Stop(); }

void FakeCoordinator::Start() {
  {
    MutexLock lock(mutex_);
    stopping_ = false;
  }
  int port = 0;
  grpc::ServerBuilder builder;
  ApplyServerSettings(builder);
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

void FakeCoordinator::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeCoordinator::Assign(const v1::Assignment& assignment) {
  MutexLock lock(mutex_);
  assignments_.push_back(assignment);
  state_.attempts[assignment.attempt().token()];
  changed_.NotifyAll();
}

void FakeCoordinator::AssignAnyway(const v1::Assignment& assignment, int times) {
  MutexLock lock(mutex_);
  extra_.insert(extra_.end(), times, assignment);
  state_.attempts[assignment.attempt().token()];
  changed_.NotifyAll();
}

void FakeCoordinator::OrderStop(const v1::StopOrder& order) {
  MutexLock lock(mutex_);
  stops_.push_back(order);
  changed_.NotifyAll();
}

void FakeCoordinator::Forget(const v1::AttemptRef& attempt) {
  MutexLock lock(mutex_);
  forgets_.push_back(attempt);
  changed_.NotifyAll();
}

void FakeCoordinator::FailNext(const std::string& method, std::vector<grpc::Status> answers) {
  MutexLock lock(mutex_);
  for (grpc::Status& answer : answers) scripted_[method].push_back(std::move(answer));
}

void FakeCoordinator::CutUploads(int after_chunks, int times) {
  MutexLock lock(mutex_);
  cut_chunks_ = after_chunks;
  cuts_ = times;
}

void FakeCoordinator::CutReads(uint64_t after_bytes, int times) {
  MutexLock lock(mutex_);
  cut_bytes_ = after_bytes;
  read_cuts_ = times;
}

void FakeCoordinator::ForgetRegistration() {
  MutexLock lock(mutex_);
  session_.clear();
  changed_.NotifyAll();
}

void FakeCoordinator::SetStopGrace(absl::Duration grace) {
  MutexLock lock(mutex_);
  stop_grace_ = grace;
}

void FakeCoordinator::With(const std::function<void(FakeState&)>& action) {
  MutexLock lock(mutex_);
  action(state_);
  changed_.NotifyAll();
}

bool FakeCoordinator::WaitFor(const Condition& condition) {
  const absl::Duration deadline = clock_.Monotonic() + kPatience;
  MutexLock lock(mutex_);
  while (!condition(state_)) {
    if (clock_.Monotonic() >= deadline) return false;
    clock_.WaitUntil(changed_, mutex_, deadline);
  }
  return true;
}

std::optional<grpc::Status> FakeCoordinator::Scripted(const std::string& method) {
  std::deque<grpc::Status>& answers = scripted_[method];
  if (answers.empty()) return std::nullopt;
  grpc::Status answer = answers.front();
  answers.pop_front();
  return answer;
}

grpc::Status FakeCoordinator::CheckToken(const v1::AttemptRef& attempt) {
  const auto known = state_.attempts.find(attempt.token());
  if (known == state_.attempts.end() || known->second.unknown) {
    return ToGrpcStatus(WithErrorInfo(absl::AbortedError("no such attempt"), "UNKNOWN_ATTEMPT"));
  }
  if (known->second.stale)
    return ToGrpcStatus(WithErrorInfo(absl::AbortedError("stale token"), "STALE_TOKEN"));
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::RegisterWorker(grpc::ServerContext*, const v1::RegisterWorkerRequest* request,
                                             v1::RegisterWorkerResponse* response) {
  MutexLock lock(mutex_);
  if (const auto answer = Scripted("RegisterWorker")) return *answer;
  state_.registrations.push_back(*request);
  session_ = absl::StrCat("session-", state_.registrations.size());
  response->set_session(session_);
  response->mutable_lease()->set_seconds(300);
  response->mutable_stop_grace()->set_seconds(absl::ToInt64Seconds(stop_grace_));
  response->mutable_stop_grace()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(stop_grace_ % absl::Seconds(1))));
  changed_.NotifyAll();
  return grpc::Status::OK;
}

bool FakeCoordinator::FillAnswer(const v1::HeartbeatRequest& request, v1::HeartbeatResponse& response) {
  for (const v1::Assignment& assignment : assignments_) {
    const bool held =
        std::any_of(request.attempts().begin(), request.attempts().end(),
                    [&](const auto& attempt) { return Same(attempt.attempt(), assignment.attempt()); });
    const FakeAttempt& known = state_.attempts[assignment.attempt().token()];
    if (!held && !known.finish.has_value() && !known.stale) *response.add_start() = assignment;
  }
  if (!extra_.empty()) {
    *response.add_start() = extra_.front();
    extra_.pop_front();
  }
  for (const v1::StopOrder& order : std::exchange(stops_, {})) *response.add_stop() = order;
  for (const v1::AttemptRef& attempt : std::exchange(forgets_, {})) *response.add_forget() = attempt;
  return response.ByteSizeLong() > 0;
}

grpc::Status FakeCoordinator::Heartbeat(grpc::ServerContext*, const v1::HeartbeatRequest* request,
                                        v1::HeartbeatResponse* response) {
  const absl::Duration deadline = clock_.Monotonic() + kHold;
  MutexLock lock(mutex_);
  if (const auto answer = Scripted("Heartbeat")) return *answer;
  state_.beats.push_back(*request);
  changed_.NotifyAll();
  while (!session_.empty() && request->session() == session_ && !stopping_ &&
         !FillAnswer(*request, *response) && clock_.Monotonic() < deadline) {
    clock_.WaitUntil(changed_, mutex_, deadline);
  }
  if (stopping_) return {grpc::StatusCode::UNAVAILABLE, "going away"};
  return !session_.empty() && request->session() == session_
             ? grpc::Status::OK
             : grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "register first");
}

grpc::Status FakeCoordinator::ReportEvents(grpc::ServerContext*, const v1::ReportEventsRequest* request,
                                           v1::ReportEventsResponse* response) {
  MutexLock lock(mutex_);
  if (const auto answer = Scripted("ReportEvents")) return *answer;
  if (const grpc::Status status = CheckToken(request->attempt()); !status.ok()) return status;
  FakeAttempt& attempt = state_.attempts[request->attempt().token()];
  for (const v1::TrainerEvent& event : request->events()) {
    if (event.seq() > attempt.events.size() + 1) return {grpc::StatusCode::OUT_OF_RANGE, "gap in the events"};
    if (event.seq() == attempt.events.size() + 1) {
      attempt.events.push_back(event);
    } else {
      ++attempt.repeated_events;
    }
  }
  if (!request->log().empty() && request->log_offset() > attempt.log.size()) {
    return {grpc::StatusCode::OUT_OF_RANGE, "gap in the log"};
  }
  if (state_.takes_logs && request->log_offset() + request->log().size() > attempt.log.size() &&
      !request->log().empty()) {
    attempt.log += request->log().substr(attempt.log.size() - request->log_offset());
  }
  response->set_acknowledged_seq(attempt.events.size());
  response->set_acknowledged_log_offset(attempt.log.size());
  changed_.NotifyAll();
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::QueryUpload(grpc::ServerContext*, const v1::QueryUploadRequest* request,
                                          v1::QueryUploadResponse* response) {
  MutexLock lock(mutex_);
  if (const auto answer = Scripted("QueryUpload")) return *answer;
  if (const grpc::Status status = CheckToken(request->attempt()); !status.ok()) return status;
  const std::string& digest = request->file().sha256();
  if (state_.attempts[request->attempt().token()].files.contains(digest)) {
    response->set_complete(true);
    return grpc::Status::OK;
  }
  Upload& upload = uploads_[digest];
  upload.attempt = request->attempt();
  upload.file = request->file();
  response->set_upload_id(digest);
  response->set_durable_size(upload.data.size());
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::TakeChunk(const v1::UploadArtifactRequest& chunk) {
  if (const grpc::Status status = CheckToken(chunk.attempt()); !status.ok()) return status;
  Upload& upload = uploads_[chunk.upload_id()];
  if (chunk.offset() != upload.data.size()) return {grpc::StatusCode::OUT_OF_RANGE, "gap in the upload"};
  if (chunk.crc32c() != Crc32c(chunk.data())) return {grpc::StatusCode::DATA_LOSS, "checksum"};
  upload.data += chunk.data();
  ++state_.chunks;
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::UploadArtifact(grpc::ServerContext*,
                                             grpc::ServerReader<v1::UploadArtifactRequest>* reader,
                                             v1::UploadArtifactResponse* response) {
  v1::UploadArtifactRequest chunk;
  std::string id;
  int taken = 0;
  {
    MutexLock lock(mutex_);
    ++state_.upload_calls;
  }
  while (reader->Read(&chunk)) {
    MutexLock lock(mutex_);
    id = chunk.upload_id();
    if (cuts_ > 0 && taken == cut_chunks_) {
      --cuts_;
      return {grpc::StatusCode::UNAVAILABLE, "cut"};
    }
    if (const grpc::Status status = TakeChunk(chunk); !status.ok()) return status;
    ++taken;
  }
  MutexLock lock(mutex_);
  if (!uploads_.contains(id)) return {grpc::StatusCode::INVALID_ARGUMENT, "no chunk"};
  Upload& upload = uploads_[id];
  response->set_durable_size(upload.data.size());
  if (upload.data.size() < upload.file.size()) return grpc::Status::OK;
  if (Sha256Hex(upload.data) != upload.file.sha256()) {
    uploads_.erase(id);
    return {grpc::StatusCode::DATA_LOSS, "digest"};
  }
  state_.attempts[upload.attempt.token()].files[upload.file.sha256()] = upload.data;
  response->set_complete(true);
  changed_.NotifyAll();
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::ReadArtifact(grpc::ServerContext*, const v1::WorkerReadArtifactRequest* request,
                                           grpc::ServerWriter<v1::ReadArtifactResponse>* writer) {
  std::string content;
  uint64_t limit = UINT64_MAX;
  {
    MutexLock lock(mutex_);
    ++state_.read_calls;
    const auto artifact = state_.artifacts.find(request->sha256());
    if (artifact == state_.artifacts.end()) return {grpc::StatusCode::NOT_FOUND, "no such artifact"};
    content = artifact->second;
    if (read_cuts_ > 0) {
      --read_cuts_;
      limit = cut_bytes_;
    }
  }
  uint64_t sent = 0;
  for (uint64_t offset = request->offset(); offset < content.size() && sent < limit;) {
    v1::ReadArtifactResponse chunk;
    chunk.set_offset(offset);
    chunk.set_data(content.substr(offset, std::min<uint64_t>(kChunkBytes, limit - sent)));
    chunk.set_crc32c(Crc32c(chunk.data()));
    chunk.set_size(content.size());
    offset += chunk.data().size();
    sent += chunk.data().size();
    writer->Write(chunk);
  }
  return sent < limit ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
}

grpc::Status FakeCoordinator::FinishAttempt(grpc::ServerContext*, const v1::FinishAttemptRequest* request,
                                            v1::FinishAttemptResponse* response) {
  MutexLock lock(mutex_);
  if (const auto answer = Scripted("FinishAttempt")) return *answer;
  if (const grpc::Status status = CheckToken(request->attempt()); !status.ok()) return status;
  FakeAttempt& attempt = state_.attempts[request->attempt().token()];
  if (!attempt.finish.has_value()) attempt.finish = *request;
  ++attempt.finishes;
  response->set_job_state(v1::QUEUED);
  changed_.NotifyAll();
  return grpc::Status::OK;
}

}  // namespace ecgtrain
