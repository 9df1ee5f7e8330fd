#include "client/cli/progress.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/job_view.h"
#include "client/cli/text.h"
#include "common/quoted.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

constexpr int kBarPlaces = 20;
constexpr absl::Duration kPlainInterval = absl::Seconds(10);

std::string Bar(double ratio) {
  const int full = static_cast<int>(ratio * kBarPlaces);
  return absl::StrCat("[", std::string(full, '#'), std::string(kBarPlaces - full, '.'), "]");
}

// The losses and the scores of the validation, in the order of their names.
std::string CurrentMetrics(const v1::Job& job) {
  const std::map<std::string, double> sorted(job.metrics().begin(), job.metrics().end());
  std::string text;
  for (const auto& [name, value] : sorted) {
    if (absl::EndsWith(name, "/loss") || absl::EndsWith(name, "/auroc_macro")) {
      absl::StrAppend(&text, " ", name, " ", ShortNumber(value));
    }
  }
  return text;
}

}  // namespace

absl::Duration TimeLeft(const v1::Progress& progress) {
  if (progress.step_seconds() <= 0 || progress.total_steps() <= progress.step())
    return absl::InfiniteDuration();
  return absl::Seconds(progress.step_seconds()) *
         static_cast<double>(progress.total_steps() - progress.step());
}

std::string ProgressLine(const v1::Job& job, bool bar) {
  std::string line = absl::StrCat(JobReferenceText(job), " ", job.name(), " ", StateText(job));
  const std::string why = WhyText(job);
  if (!why.empty()) absl::StrAppend(&line, " ", why);
  if (job.state() == v1::RUNNING && job.has_progress()) {
    const v1::Progress& progress = job.progress();
    if (bar) absl::StrAppend(&line, " ", Bar(ProgressRatio(progress)));
    if (progress.phase() != "training" && !progress.phase().empty())
      absl::StrAppend(&line, " ", progress.phase());
    if (progress.total_steps() > 0) {
      absl::StrAppendFormat(&line, " epoch %d/%d %.0f %%", progress.epoch(), progress.epochs(),
                            100 * ProgressRatio(progress));
    }
    if (progress.records_per_second() > 0)
      absl::StrAppendFormat(&line, " %.0f rec/s", progress.records_per_second());
    if (const absl::Duration left = TimeLeft(progress); left != absl::InfiniteDuration()) {
      absl::StrAppend(&line, " ETA ", HumanDuration(left));
    }
  }
  absl::StrAppend(&line, CurrentMetrics(job));
  return EscapeControl(line);
}

void LiveLines::Show(std::vector<std::string> lines) {
  if (!live()) return;
  Erase();
  lines_ = std::move(lines);
  Draw();
}

void LiveLines::PrintAbove(const std::string& line) {
  Erase();
  out_ << line << "\n";
  Draw();
}

void LiveLines::Clear() {
  Erase();
  lines_.clear();
  out_ << std::flush;
}

void LiveLines::Erase() {
  // Up one line and clear it, for each.
  for (; drawn_ > 0; --drawn_) out_ << "\x1b[1A\x1b[2K";
}

void LiveLines::Draw() {
  for (const std::string& line : lines_) {
    out_ << CutToWidth(line, terminal_.width) << "\n";
    ++drawn_;
  }
  out_ << std::flush;
}

bool PlainProgress::IsDue(const v1::Job& job) {
  const v1::Progress& progress = job.progress();
  const absl::Duration now = clock_.Monotonic();
  Shown next{{StateText(job), progress.phase(), progress.epoch(), job.attempts()}, progress.step(), now};
  const auto found = shown_.find(job.id());
  if (found != shown_.end() && found->second.what == next.what &&
      (found->second.step == next.step || now - found->second.at < kPlainInterval)) {
    return false;
  }
  shown_[job.id()] = std::move(next);
  return true;
}

}  // namespace ecgtrain
