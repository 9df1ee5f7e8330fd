#include "client/cli/log_follower.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/exit_code.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kFirstTailBytes = 64 << 10;

// Offset at which the last `lines` lines of `tail` begin, which itself begins at `start`; nothing when it
// holds fewer and is not the whole log.
std::optional<uint64_t> OffsetOfLastLines(absl::string_view tail, uint64_t start, uint64_t lines) {
  if (lines == 0) return start + tail.size();
  uint64_t seen = 0;
  // A line feed at the very end closes the last line.
  for (size_t i = tail.size() > 1 ? tail.size() - 1 : 0; i > 0; --i) {
    if (tail[i - 1] == '\n' && ++seen == lines) return start + i;
  }
  if (start == 0) return 0;
  return std::nullopt;
}

class LogFollower {
 public:
  LogFollower(Session& session, TrainingClient& client, int64_t job, const LogOptions& options)
      : session_(session), client_(client), job_(absl::StrCat(job)), options_(options) {}

  // Prints one attempt from `offset`; the job's state at the end of the log.
  absl::StatusOr<v1::JobState> ShowAttempt(uint32_t attempt, uint64_t offset) {
    v1::ReadLogsRequest request;
    request.set_job(job_);
    request.set_attempt(attempt);
    request.set_offset(offset);
    request.set_follow(options_.follow);
    v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
    RETURN_IF_ERROR(client_.ReadLogs(request, [&](const v1::ReadLogsResponse& response) {
      Write(response.data());
      if (response.has_end()) state = response.end().job_state();
      return response.has_end() ? Next::kStop : Next::kMore;
    }));
    return state;
  }

  absl::StatusOr<uint64_t> TailOffset(uint32_t attempt, uint64_t lines) {
    for (uint64_t bytes = kFirstTailBytes;; bytes *= 4) {
      v1::ReadLogsRequest request;
      request.set_job(job_);
      request.set_attempt(attempt);
      request.set_tail_bytes(bytes);
      std::string tail;
      std::optional<uint64_t> start;
      uint64_t end = 0;
      RETURN_IF_ERROR(client_.ReadLogs(request, [&](const v1::ReadLogsResponse& response) {
        if (!response.data().empty() && !start.has_value()) start = response.offset();
        tail.append(response.data());
        if (response.has_end()) end = response.end().final_offset();
        return response.has_end() ? Next::kStop : Next::kMore;
      }));
      if (!start.has_value()) return end;
      const std::optional<uint64_t> offset = OffsetOfLastLines(tail, *start, lines);
      if (offset.has_value()) return *offset;
    }
  }

  // The state once the job has an attempt after `attempt`, or has ended.
  absl::StatusOr<v1::Job> AwaitAttemptAfter(uint32_t attempt) {
    v1::WatchJobRequest request;
    request.set_job(job_);
    request.set_until_ended(true);
    v1::Job last;
    RETURN_IF_ERROR(client_.WatchJob(request, [&](const v1::WatchJobResponse& response) {
      if (!response.has_snapshot()) return Next::kMore;
      last = response.snapshot();
      return last.attempts() > attempt || HasEnded(last.state()) ? Next::kStop : Next::kMore;
    }));
    return last;
  }

 private:
  void Write(absl::string_view data) {
    if (data.empty()) return;
    session_.output().Write(session_.terminal().out ? EscapeControl(data, /*keep_lines=*/true)
                                                    : std::string(data));
  }

  Session& session_;
  TrainingClient& client_;
  std::string job_;
  const LogOptions& options_;
};

absl::StatusOr<ExitCode> Show(LogFollower& follower, Session& session, v1::Job job,
                              const LogOptions& options) {
  uint32_t attempt = options.attempt != 0 ? options.attempt : job.attempts();
  if (attempt == 0 && options.follow) {
    session.Talk(absl::StrCat("job/", job.id(), " has not started yet; waiting"));
    ASSIGN_OR_RETURN(job, follower.AwaitAttemptAfter(0));
    attempt = job.attempts();
  }
  if (attempt == 0 && HasEnded(job.state())) return ExitCode::kDone;
  if (attempt == 0) {
    return absl::FailedPreconditionError(absl::StrCat("job/", job.id(), " is ",
                                                      v1::JobState_Name(job.state()),
                                                      " and has no log yet; ecgctl job explain ", job.id()));
  }
  uint64_t offset = 0;
  if (options.tail_lines.has_value()) {
    ASSIGN_OR_RETURN(offset, follower.TailOffset(attempt, *options.tail_lines));
  }
  while (true) {
    ASSIGN_OR_RETURN(const v1::JobState state, follower.ShowAttempt(attempt, offset));
    if (!options.follow || options.attempt != 0 || HasEnded(state)) return ExitCode::kDone;
    ASSIGN_OR_RETURN(job, follower.AwaitAttemptAfter(attempt));
    if (job.attempts() <= attempt) return ExitCode::kDone;
    attempt = job.attempts();
    offset = 0;
    session.Talk(absl::StrCat("attempt ", job.id(), ".", attempt));
  }
}

}  // namespace

absl::StatusOr<ExitCode> ShowLogs(Session& session, const std::string& job, const LogOptions& options) {
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(v1::GetJobResponse found, client->GetJob(job));
  LogFollower follower(session, *client, found.job().id(), options);
  const absl::StatusOr<ExitCode> code = Show(follower, session, found.job(), options);
  if (!absl::IsCancelled(code.status())) return code;
  session.Talk(absl::StrCat("detached; ecgctl job logs -f ", found.job().id()));
  return ExitCode::kInterrupted;
}

}  // namespace ecgtrain
