#include "client/cli/job_board.h"

#include <algorithm>
#include <utility>

#include "client/cli/exit_code.h"
#include "client/cli/progress.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(1);

void Show(const std::vector<v1::Job>& jobs, LiveLines& lines, PlainProgress& plain) {
  std::vector<std::string> shown;
  for (const v1::Job& job : jobs) {
    if (lines.live()) {
      shown.push_back(ProgressLine(job, /*bar=*/true));
    } else if (plain.IsDue(job)) {
      lines.PrintAbove(ProgressLine(job, /*bar=*/false));
    }
  }
  lines.Show(std::move(shown));
}

}  // namespace

absl::StatusOr<std::vector<v1::Job>> ShowJobsUntilEnded(Session& session, TrainingClient& client,
                                                        const std::vector<std::string>& jobs,
                                                        const BoardOptions& options) {
  LiveLines lines(session.out(), session.terminal());
  PlainProgress plain(session.clock());
  std::vector<v1::Job> states(jobs.size());
  const absl::Duration deadline = session.clock().Monotonic() + options.max_wait;
  while (true) {
    if (options.check) RETURN_IF_ERROR(options.check());
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (HasEnded(states[i].state())) continue;
      ASSIGN_OR_RETURN(v1::GetJobResponse response, client.GetJob(jobs[i]));
      states[i] = std::move(*response.mutable_job());
    }
    Show(states, lines, plain);
    const bool all_ended =
        std::all_of(states.begin(), states.end(), [](const v1::Job& job) { return HasEnded(job.state()); });
    if (all_ended) break;
    if (session.clock().Monotonic() >= deadline)
      return absl::DeadlineExceededError("the time to wait is over");
    if (!session.Sleep(kInterval)) return absl::CancelledError("interrupted");
  }
  // What is on the screen at the end stays there.
  lines.Clear();
  if (lines.live()) {
    for (const v1::Job& job : states) lines.PrintAbove(ProgressLine(job, /*bar=*/false));
  }
  return states;
}

}  // namespace ecgtrain
