// Progress of jobs: as lines redrawn in place on a terminal, as plain lines elsewhere.
#ifndef ECGTRAIN_CLIENT_CLI_PROGRESS_H_
#define ECGTRAIN_CLIENT_CLI_PROGRESS_H_

#include <cstddef>
#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/session.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

// "job/42 name RUNNING epoch 3/8 37 % 812 rec/s ETA 2m10s train/loss 0.412"; with `bar` a bar of 20 places
// before the epoch.
std::string ProgressLine(const v1::Job& job, bool bar);

// Time left at the present speed; infinite when it is not known.
absl::Duration TimeLeft(const v1::Progress& progress);

// Lines at the bottom of a terminal that are drawn anew in place; text scrolls above them. Elsewhere only the
// text is written. Bound to one thread.
class LiveLines {
 public:
  LiveLines(std::ostream& out, const Terminal& terminal) : out_(out), terminal_(terminal) {}
  ~LiveLines() { Clear(); }

  bool live() const { return terminal_.out && terminal_.fancy; }
  // Cut to the terminal's width.
  void Show(std::vector<std::string> lines);
  void PrintAbove(const std::string& line);
  // Takes the lines away.
  void Clear();

 private:
  void Erase();
  void Draw();

  std::ostream& out_;
  Terminal terminal_;
  std::vector<std::string> lines_;
  size_t drawn_ = 0;
};

// Which snapshots are worth a plain line: a new state, phase or epoch, or every ten seconds of progress.
// Bound to one thread.
class PlainProgress {
 public:
  explicit PlainProgress(Clock& clock) : clock_(clock) {}
  bool IsDue(const v1::Job& job);

 private:
  struct Shown {
    std::tuple<std::string, std::string, uint32_t, uint32_t> what;
    uint64_t step = 0;
    absl::Duration at;
  };
  Clock& clock_;
  std::map<int64_t, Shown> shown_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_PROGRESS_H_
