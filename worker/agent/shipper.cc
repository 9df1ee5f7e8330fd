#include "worker/agent/shipper.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "worker/agent/event_parser.h"

namespace ecgtrain {
namespace {

constexpr size_t kMaxEventBytes = 768 << 10;
constexpr int kMaxEvents = 5000;
constexpr size_t kMaxLogBytes = 256 << 10;
constexpr absl::Duration kCursorInterval = absl::Seconds(2);

uint64_t StepOf(const v1::TrainerEvent& event) {
  switch (event.event_case()) {
    case v1::TrainerEvent::kProgress:
      return event.progress().step();
    case v1::TrainerEvent::kMetrics:
      return event.metrics().step();
    case v1::TrainerEvent::kCheckpoint:
      return event.checkpoint().step();
    default:
      return 0;
  }
}

}  // namespace

Shipper::Shipper(const AttemptDirectory& directory, Cursor& cursor, CoordinatorLink& link, Uploader& uploader,
                 Clock& clock, const ShipperOptions& options)
    : directory_(directory),
      cursor_(cursor),
      link_(link),
      uploader_(uploader),
      clock_(clock),
      options_(options),
      reader_(directory.File(run_directory::kEventsFile)),
      log_(directory.File(run_directory::kLogFile), options.log),
      cursor_saved_(clock.Monotonic()) {
  *batch_.mutable_attempt() = directory.attempt();
}

Shipper::Outcome Shipper::Run() {
  Backoff backoff(options_.retry, SystemRandom());
  std::optional<Outcome> outcome;
  while (!outcome.has_value()) {
    const absl::StatusOr<Next> next = positioned_ ? Fill() : absl::StatusOr<Next>(Next::kSend);
    absl::Status status = next.status();
    if (next.ok() && *next == Next::kDone) outcome = Outcome::kShipped;
    if (next.ok() && *next == Next::kWait && !WaitFor(options_.poll)) outcome = Outcome::kLeft;
    if (next.ok() && *next == Next::kSend) status = positioned_ ? Send() : FindPosition();
    // Its rate is bounded, or its disk full: what waits is on our disk.
    if (std::exchange(log_waits_, false) && !WaitFor(options_.poll)) outcome = Outcome::kLeft;
    if (status.ok()) {
      backoff.Reset();
      SaveCursor(/*now=*/false);
      continue;
    }
    outcome = OutcomeOf(status);
    if (!outcome.has_value() && !WaitFor(backoff.Next())) outcome = Outcome::kLeft;
  }
  uploader_.Cancel(directory_.attempt());
  SaveCursor(/*now=*/true);
  return *outcome;
}

void Shipper::TrainerGone() {
  MutexLock lock(mutex_);
  gone_ = true;
  changed_.NotifyAll();
}

void Shipper::Leave() {
  MutexLock lock(mutex_);
  leaving_ = true;
  changed_.NotifyAll();
}

std::optional<Shipper::Outcome> Shipper::OutcomeOf(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (leaving_) return Outcome::kLeft;
  }
  if (absl::IsAborted(status)) {
    return ErrorReason(status) == "UNKNOWN_ATTEMPT" ? Outcome::kUnknown : Outcome::kStale;
  }
  LogWarning("report not taken, trying again",
             {{"attempt", AttemptName(directory_.attempt())}, {"error", status.ToString()}});
  return std::nullopt;
}

bool Shipper::WaitFor(absl::Duration duration) {
  const absl::Duration deadline = clock_.Monotonic() + duration;
  MutexLock lock(mutex_);
  const bool was_gone = gone_;
  while (!leaving_ && gone_ == was_gone && clock_.Monotonic() < deadline) {
    clock_.WaitUntil(changed_, mutex_, deadline);
  }
  return !leaving_;
}

// An empty report changes nothing and is answered with the acknowledged numbers.
absl::Status Shipper::FindPosition() {
  v1::ReportEventsRequest question;
  *question.mutable_attempt() = directory_.attempt();
  // From where we believe to be, so that an empty report is no gap; the answer decides.
  const CursorRecord remembered = cursor_.Get();
  question.set_log_offset(remembered.log_offset);
  ASSIGN_OR_RETURN(const v1::ReportEventsResponse answer, link_.ReportEvents(question));
  Rewind(answer.acknowledged_seq());
  log_offset_ = answer.acknowledged_log_offset();
  positioned_ = true;
  return absl::OkStatus();
}

void Shipper::Rewind(uint64_t acknowledged) {
  reader_.Rewind();
  batch_.clear_events();
  acknowledged_ = acknowledged;
  // A coordinator that went back in time has forgotten uploads too.
  noted_ = std::min(noted_, acknowledged);
  std::erase_if(unnamed_uploads_, [this](const auto& upload) { return upload.first > noted_; });
}

absl::StatusOr<Shipper::Next> Shipper::Fill() {
  bool gone = false;
  {
    MutexLock lock(mutex_);
    if (leaving_) return absl::CancelledError("leaving");
    gone = gone_;  // looked at before the files: what they hold now is all they will ever hold
  }
  RETURN_IF_ERROR(FillEvents());
  ReleaseUploads();
  batch_.clear_log();
  if (single_until_ <= acknowledged_ && !LogIsGivenUp(gone)) RETURN_IF_ERROR(FillLog(gone));
  if (batch_.events_size() > 0 || !batch_.log().empty()) return Next::kSend;
  return gone && UploadsAreOver() ? Next::kDone : Next::kWait;
}

absl::Status Shipper::FillEvents() {
  // A batch that did not arrive is sent again as it is.
  if (batch_.events_size() > 0) return absl::OkStatus();
  const int limit = single_until_ > acknowledged_ ? 1 : kMaxEvents;
  size_t bytes = 0;
  while (bytes < kMaxEventBytes && batch_.events_size() < limit) {
    ASSIGN_OR_RETURN(std::optional<v1::TrainerEvent> event, reader_.Next());
    if (!event.has_value()) break;
    TakeNote(*event);
    if (event->seq() <= acknowledged_) continue;
    bytes += event->ByteSizeLong();
    *batch_.add_events() = *std::move(event);
  }
  return absl::OkStatus();
}

absl::Status Shipper::FillLog(bool complete) {
  ASSIGN_OR_RETURN(*batch_.mutable_log(), log_.Read(log_offset_, kMaxLogBytes, complete));
  batch_.set_log_offset(log_offset_);
  return absl::OkStatus();
}

// Nothing holds up the end of an attempt for ever.
bool Shipper::LogIsGivenUp(bool gone) const {
  return gone && log_refused_since_.has_value() &&
         clock_.Monotonic() >= *log_refused_since_ + options_.upload_time;
}

absl::Status Shipper::Send() {
  const absl::StatusOr<v1::ReportEventsResponse> response = link_.ReportEvents(batch_);
  if (response.ok()) return Settle(*response);
  if (absl::IsOutOfRange(response.status())) positioned_ = false;
  if (absl::IsInvalidArgument(response.status())) return AfterRefusal(response.status());
  return response.status();
}

absl::Status Shipper::Settle(const v1::ReportEventsResponse& response) {
  const uint64_t sent = batch_.events_size() > 0 ? batch_.events().rbegin()->seq() : acknowledged_;
  log_waits_ =
      !batch_.log().empty() && response.acknowledged_log_offset() < batch_.log_offset() + batch_.log().size();
  if (!log_waits_ || response.acknowledged_log_offset() > batch_.log_offset()) {
    log_refused_since_.reset();
  } else if (!log_refused_since_.has_value()) {
    log_refused_since_ = clock_.Monotonic();
  }
  log_offset_ = response.acknowledged_log_offset();
  batch_.clear_events();
  // Less than we sent: the coordinator was restored from a backup.
  if (response.acknowledged_seq() < sent) Rewind(response.acknowledged_seq());
  acknowledged_ = response.acknowledged_seq();
  return absl::OkStatus();
}

// One event that the coordinator will never take must not hold up the others: they go one by one, and the one
// that is refused is replaced by a warning that says so.
absl::Status Shipper::AfterRefusal(const absl::Status& refusal) {
  if (batch_.events_size() == 0) return refusal;
  const uint64_t last = batch_.events().rbegin()->seq();
  if (batch_.events_size() > 1 || !batch_.log().empty()) {
    single_until_ = std::max(single_until_, last);
    Rewind(acknowledged_);
    return absl::OkStatus();
  }
  v1::TrainerEvent& event = *batch_.mutable_events(0);
  if (event.has_warning()) return refusal;
  const double time = event.time();
  event = BadEvent(last, refusal);
  event.set_time(time);
  return absl::OkStatus();
}

void Shipper::TakeNote(const v1::TrainerEvent& event) {
  if (StepOf(event) > 0) step_ = StepOf(event);
  if (event.seq() <= noted_) return;
  noted_ = event.seq();
  if (event.has_checkpoint()) {
    const std::filesystem::path folder =
        directory_.File(run_directory::kCheckpointsFolder) / event.checkpoint().name();
    for (const v1::ArtifactFile& file : event.checkpoint().files())
      AddUpload(event, file, folder / file.name());
  }
  if (event.has_artifact()) {
    AddUpload(event, event.artifact().file(),
              directory_.File(run_directory::kArtifactsFolder) / event.artifact().path());
  }
}

void Shipper::AddUpload(const v1::TrainerEvent& event, const v1::ArtifactFile& file,
                        const std::filesystem::path& path) {
  UploadJob job{.attempt = directory_.attempt(), .file = file, .path = path};
  job.done = [this, path](const absl::Status& status) {
    // Mostly a checkpoint that the trainer's retention has removed before its turn came.
    if (!status.ok()) LogWarning("upload given up", {{"file", path.string()}, {"error", status.ToString()}});
    MutexLock lock(mutex_);
    --uploads_;
  };
  unnamed_uploads_.emplace_back(event.seq(), std::move(job));
}

void Shipper::ReleaseUploads() {
  while (!unnamed_uploads_.empty() && unnamed_uploads_.front().first <= acknowledged_) {
    {
      MutexLock lock(mutex_);
      ++uploads_;
    }
    uploader_.Add(std::move(unnamed_uploads_.front().second));
    unnamed_uploads_.pop_front();
  }
}

bool Shipper::UploadsAreOver() {
  const absl::Duration now = clock_.Monotonic();
  if (!give_up_uploads_at_.has_value()) give_up_uploads_at_ = now + options_.upload_time;
  MutexLock lock(mutex_);
  if (uploads_ > 0 && now < *give_up_uploads_at_) return false;
  if (uploads_ > 0) {
    LogWarning("uploads given up", {{"attempt", AttemptName(directory_.attempt())}, {"files", uploads_}});
  }
  return true;
}

void Shipper::SaveCursor(bool now) {
  const CursorRecord saved = cursor_.Get();
  if (saved.seq == acknowledged_ && saved.log_offset == log_offset_) return;
  if (!positioned_ || (!now && clock_.Monotonic() < cursor_saved_ + kCursorInterval)) return;
  cursor_saved_ = clock_.Monotonic();
  const absl::Status status = cursor_.Update([this](CursorRecord& record) {
    record.seq = acknowledged_;
    record.log_offset = log_offset_;
  });
  // Only a hint for people and for our successor, whom the coordinator tells the same.
  if (!status.ok()) LogWarning("cursor not written", {{"error", status.message()}});
}

}  // namespace ecgtrain
