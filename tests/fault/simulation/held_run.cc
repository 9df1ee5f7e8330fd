#include "tests/fault/simulation/held_run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "proto/grpc_status.h"
#include "server/coordinator/attempt_reports.h"

namespace ecgtrain::simulation {
namespace {

constexpr absl::Duration kPoll = absl::Seconds(1);
constexpr absl::Duration kDeadline = absl::Seconds(10);
constexpr absl::Duration kUploadTime = absl::Seconds(90);
constexpr size_t kEventsInReport = 8;
constexpr size_t kChunk = 150;

bool IsWorthAnotherTry(const absl::Status& status) {
  return !absl::IsAborted(status) && !absl::IsFailedPrecondition(status) && !absl::IsInvalidArgument(status);
}

}  // namespace

HeldRun::HeldRun(const WorkerContext& context, const Host::Key& key, bool adopt, std::function<void()> over)
    : context_(context),
      key_(key),
      attempt_(context.host.directories.at(key).assignment.attempt()),
      over_(std::move(over)) {
  After(absl::ZeroDuration(), [this] { Ship(); });
  if (!adopt) {
    After(context_.world.random.Between(absl::ZeroDuration(), absl::Seconds(3)), [this] { FetchInputs(); });
    return;
  }
  state_ = State::TRAINING;
  if (directory().stop != v1::STOP_NONE) Stop(directory().stop, /*now=*/false);
  if (!context_.host.trainers.contains(key_)) After(absl::ZeroDuration(), [this] { NoteExit({}); });
}

v1::HeldAttempt HeldRun::Held() const {
  v1::HeldAttempt held;
  *held.mutable_attempt() = attempt();
  held.set_state(state_);
  return held;
}

void HeldRun::After(absl::Duration delay, std::function<void()> event) {
  context_.world.After(delay, [alive = alive_, event = std::move(event)] {
    if (*alive) event();
  });
}

template <typename Response>
void HeldRun::Call(std::function<void(Coordinator&, Done<Response>)> handler, Done<Response> done) {
  const v1::AttemptRef ref = attempt();
  context_.network.Call<Response>(
      context_.host.name, kDeadline,
      [&coordinator = context_.coordinator, ref, handler = std::move(handler)](Done<Response> answer) {
        coordinator.HandleReport<Response>(ref, std::move(answer), handler);
      },
      [alive = alive_, done = std::move(done)](absl::StatusOr<Response> answer) {
        if (*alive) done(std::move(answer));
      });
}

// --- from the order to the trainer ---

void HeldRun::FetchInputs() {
  if (end_ || failed_start_) return;
  const v1::Assignment& assignment = directory().assignment;
  const v1::Checkpoint& input = assignment.has_resume() ? assignment.resume() : assignment.parent();
  if (input.files().empty()) return AwaitDevices();
  const std::string sha256 = input.files(0).sha256();
  Call<std::string>(
      [ref = attempt(), sha256](Coordinator& coordinator, Done<std::string> reply) {
        const absl::Status known =
            coordinator.store().Read([&](StoreReader& reader) { return CheckIsInput(reader, ref, sha256); });
        if (!known.ok()) return reply(known);
        reply(coordinator.artifacts().Read(sha256, 0, 1 << 20));
      },
      [this](absl::StatusOr<std::string> content) {
        if (content.ok()) return AwaitDevices();
        if (absl::IsAborted(content.status())) return Abandon(/*now=*/true);
        if (absl::IsNotFound(content.status()) || absl::IsDataLoss(content.status())) {
          context_.world.Break(
              absl::StrCat("an input of ", AttemptName(attempt()), " is gone: ", content.status().message()));
          return;
        }
        After(context_.world.random.Between(absl::Seconds(1), absl::Seconds(4)), [this] { FetchInputs(); });
      });
}

void HeldRun::AwaitDevices() {
  if (failed_start_) return;
  const auto& devices = directory().assignment.devices();
  if (std::any_of(devices.begin(), devices.end(),
                  [&](const auto& id) { return context_.host.busy.contains(id); }))
    return After(absl::Seconds(1), [this] { AwaitDevices(); });
  directory().prepared = true;
  SpawnTrainer(context_.world, context_.ledger, context_.host, key_);
  state_ = State::TRAINING;
}

void HeldRun::FailStart(const absl::Status& status) {
  failed_start_ = status;
  state_ = State::SHIPPING;
}

// --- from the trainer to its end ---

void HeldRun::Stop(v1::StopRequest why, bool now) {
  stop_ = StrongerStop(stop_, why);
  AskToEnd(now ? absl::ZeroDuration() : kStopGrace);
}

void HeldRun::Abandon(bool now) {
  abandoned_ = true;
  AskToEnd(now ? absl::ZeroDuration() : kStopGrace);
}

void HeldRun::AskToEnd(absl::Duration grace) {
  if (done_) return;
  const absl::Duration deadline = context_.world.Elapsed() + grace;
  kill_at_ = std::min(kill_at_.value_or(deadline), deadline);
  if (state_ == State::PREPARING) return FailStart(absl::CancelledError("stopped before the start"));
  if (state_ == State::SHIPPING) return;
  directory().stop = stop_;
  state_ = State::STOPPING;
  const auto trainer = context_.host.trainers.find(key_);
  if (trainer != context_.host.trainers.end()) trainer->second->Terminate();
  After(*kill_at_ - context_.world.Elapsed(), [this] {
    const auto left = context_.host.trainers.find(key_);
    if (left != context_.host.trainers.end()) left->second->Kill();
  });
}

void HeldRun::NoteExit(const ProcessEnd& end) {
  end_ = end;
  state_ = State::SHIPPING;
}

// --- shipping ---

void HeldRun::Ship() {
  if (finishing_) return;
  const bool gone = end_.has_value() || failed_start_.has_value();
  if (abandoned_) {
    if (gone) return MoveToOrphans();
    return After(kPoll, [this] { Ship(); });
  }
  if (!positioned_) return FindPosition();
  const auto& events = directory().events;
  for (; noted_ < events.size(); ++noted_) {
    for (const v1::ArtifactFile& file : events[noted_].checkpoint().files())
      unnamed_uploads_.emplace_back(noted_ + 1, file);
  }
  ReleaseUploads();
  if (acknowledged_ < events.size() || log_offset_ < directory().log.size()) return Send();
  if (gone && AllShipped()) return Finish();
  After(kPoll, [this] { Ship(); });
}

void HeldRun::FindPosition() {
  v1::ReportEventsRequest question;
  *question.mutable_attempt() = attempt();
  Call<v1::ReportEventsResponse>(
      [question](Coordinator& coordinator, Done<v1::ReportEventsResponse> reply) {
        ReportEvents(coordinator.mutations(), question, std::move(reply));
      },
      [this](absl::StatusOr<v1::ReportEventsResponse> answer) {
        if (!answer.ok()) return NoteRefusal(answer.status());
        positioned_ = true;
        acknowledged_ = answer->acknowledged_seq();
        log_offset_ = answer->acknowledged_log_offset();
        Ship();
      });
}

void HeldRun::Send() {
  v1::ReportEventsRequest report;
  *report.mutable_attempt() = attempt();
  const auto& events = directory().events;
  for (uint64_t seq = acknowledged_;
       seq < events.size() && report.events_size() < static_cast<int>(kEventsInReport); ++seq)
    *report.add_events() = events[seq];
  report.set_log_offset(log_offset_);
  if (log_offset_ < directory().log.size()) report.set_log(directory().log.substr(log_offset_));
  Call<v1::ReportEventsResponse>(
      [report](Coordinator& coordinator, Done<v1::ReportEventsResponse> reply) {
        ReportEvents(coordinator.mutations(), report, std::move(reply));
      },
      [this](absl::StatusOr<v1::ReportEventsResponse> answer) {
        if (!answer.ok()) return NoteRefusal(answer.status());
        directory().reported = true;
        acknowledged_ = answer->acknowledged_seq();
        log_offset_ = answer->acknowledged_log_offset();
        After(absl::Milliseconds(100), [this] { Ship(); });
      });
}

void HeldRun::NoteRefusal(const absl::Status& status) {
  if (absl::IsOutOfRange(status)) positioned_ = false;
  if (absl::IsInvalidArgument(status))
    context_.world.Break(
        absl::StrCat("a report of ", AttemptName(attempt()), " is refused: ", status.message()));
  if (absl::IsAborted(status)) Abandon(/*now=*/ErrorReason(status) != "UNKNOWN_ATTEMPT");
  After(context_.world.random.Between(absl::Milliseconds(500), absl::Seconds(3)), [this] { Ship(); });
}

// --- uploads ---

void HeldRun::ReleaseUploads() {
  while (!unnamed_uploads_.empty() && unnamed_uploads_.front().first <= acknowledged_) {
    ++uploads_;
    Upload(unnamed_uploads_.front().second);
    unnamed_uploads_.pop_front();
  }
}

void HeldRun::Upload(const v1::ArtifactFile& file) {
  if (abandoned_) return UploadOver();
  const auto content = directory().files.find(file.sha256());
  if (content == directory().files.end()) return UploadOver();  // removed before its turn came
  v1::QueryUploadRequest query;
  *query.mutable_attempt() = attempt();
  *query.mutable_file() = file;
  Call<v1::QueryUploadResponse>(
      [query](Coordinator& coordinator, Done<v1::QueryUploadResponse> reply) {
        reply(coordinator.uploads().Query(query));
      },
      [this, file, bytes = content->second](absl::StatusOr<v1::QueryUploadResponse> place) {
        if (!place.ok()) return RetryUpload(place.status(), file);
        if (place->complete()) return UploadOver();
        SendChunks(file, bytes, *place);
      });
}

void HeldRun::SendChunks(const v1::ArtifactFile& file, const std::string& content,
                         const v1::QueryUploadResponse& place) {
  std::vector<v1::UploadArtifactRequest> chunks;
  for (uint64_t offset = place.durable_size(); offset < content.size() || chunks.empty(); offset += kChunk) {
    v1::UploadArtifactRequest& chunk = chunks.emplace_back();
    *chunk.mutable_attempt() = attempt();
    chunk.set_upload_id(place.upload_id());
    chunk.set_offset(offset);
    chunk.set_data(content.substr(offset, kChunk));
    chunk.set_crc32c(Crc32c(chunk.data()));
    if (context_.world.random.Chance(0.05)) break;  // the stream is cut
  }
  Call<v1::UploadArtifactResponse>(
      [chunks](Coordinator& coordinator, Done<v1::UploadArtifactResponse> reply) {
        absl::StatusOr<v1::UploadArtifactResponse> last;
        for (const v1::UploadArtifactRequest& chunk : chunks) {
          last = coordinator.uploads().Append(chunk);
          if (!last.ok()) break;
        }
        reply(std::move(last));
      },
      [this, file](absl::StatusOr<v1::UploadArtifactResponse> answer) {
        if (answer.ok() && answer->complete()) return UploadOver();
        RetryUpload(answer.ok() ? absl::UnavailableError("not complete") : answer.status(), file);
      });
}

void HeldRun::RetryUpload(const absl::Status& status, const v1::ArtifactFile& file) {
  if (!IsWorthAnotherTry(status)) return UploadOver();
  After(context_.world.random.Between(absl::Milliseconds(500), absl::Seconds(3)),
        [this, file] { Upload(file); });
}

bool HeldRun::AllShipped() {
  const absl::Duration now = context_.world.Elapsed();
  if (!give_up_uploads_at_) give_up_uploads_at_ = now + kUploadTime;
  return uploads_ == 0 || now >= *give_up_uploads_at_;
}

// --- the end ---

void HeldRun::Finish() {
  finishing_ = true;
  const AttemptEnd end = failed_start_ ? DecideFailedStart(*failed_start_, stop_)
                                       : DecideEnd(directory().exit, end_.value_or(ProcessEnd{}), stop_);
  v1::FinishAttemptRequest request;
  *request.mutable_attempt() = attempt();
  request.set_reason(end.reason);
  request.set_message(end.message);
  request.set_step(end.step);
  Call<v1::FinishAttemptResponse>(
      [request](Coordinator& coordinator, Done<v1::FinishAttemptResponse> reply) {
        FinishAttempt(coordinator.mutations(), request, std::move(reply));
      },
      [this](absl::StatusOr<v1::FinishAttemptResponse> answer) {
        if (absl::IsAborted(answer.status())) return MoveToOrphans();
        if (!answer.ok())
          return After(context_.world.random.Between(absl::Seconds(1), absl::Seconds(4)),
                       [this] { Finish(); });
        directory().finished = true;
        done_ = true;
        over_();
      });
}

void HeldRun::MoveToOrphans() {
  *alive_ = false;
  done_ = true;
  context_.host.directories.erase(key_);
  over_();
}

}  // namespace ecgtrain::simulation
