#include "server/coordinator/checkpoints.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

auto Age(const v1::Checkpoint& checkpoint) {
  return std::make_tuple(checkpoint.attempt(), checkpoint.step());
}

std::vector<const v1::Checkpoint*> Stored(const std::vector<v1::Checkpoint>& checkpoints) {
  std::vector<const v1::Checkpoint*> stored;
  for (const v1::Checkpoint& checkpoint : checkpoints) {
    if (checkpoint.state() == v1::STORED) stored.push_back(&checkpoint);
  }
  std::sort(stored.begin(), stored.end(), [](const auto* a, const auto* b) { return Age(*a) < Age(*b); });
  return stored;
}

// Best first; those without a metric are left out.
std::vector<const v1::Checkpoint*> ByMetric(const std::vector<v1::Checkpoint>& checkpoints) {
  std::vector<const v1::Checkpoint*> ranked = Stored(checkpoints);
  std::erase_if(ranked, [](const auto* checkpoint) { return checkpoint->metric_name().empty(); });
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto* a, const auto* b) {
    return IsBetterValue(a->metric_name(), a->metric_value(), b->metric_value());
  });
  return ranked;
}

}  // namespace

std::string CheckpointName(const v1::Checkpoint& checkpoint) {
  return absl::StrCat(checkpoint.job_id(), ".", checkpoint.attempt(), "/", checkpoint.name());
}

const v1::Checkpoint* FindCheckpoint(const std::vector<v1::Checkpoint>& checkpoints, absl::string_view name) {
  for (const v1::Checkpoint& checkpoint : checkpoints) {
    if (CheckpointName(checkpoint) == name) return &checkpoint;
  }
  return nullptr;
}

bool IsBetterValue(absl::string_view metric, double a, double b) {
  if (std::isnan(a)) return false;
  if (std::isnan(b)) return true;
  return absl::EndsWith(metric, "loss") ? a < b : a > b;
}

const v1::Checkpoint* BestCheckpoint(const std::vector<v1::Checkpoint>& checkpoints) {
  const auto ranked = ByMetric(checkpoints);
  return ranked.empty() ? nullptr : ranked.front();
}

const v1::Checkpoint* LastCheckpoint(const std::vector<v1::Checkpoint>& checkpoints) {
  const auto stored = Stored(checkpoints);
  return stored.empty() ? nullptr : stored.back();
}

absl::StatusOr<const v1::Checkpoint*> SelectCheckpoint(const std::vector<v1::Checkpoint>& checkpoints,
                                                       absl::string_view selector) {
  const v1::Checkpoint* found = nullptr;
  absl::string_view number = selector;
  uint64_t step = 0;
  if (selector == "best") {
    found = BestCheckpoint(checkpoints);
  } else if (selector == "last") {
    found = LastCheckpoint(checkpoints);
  } else if (absl::ConsumePrefix(&number, "step:") && absl::SimpleAtoi(number, &step)) {
    for (const auto* checkpoint : Stored(checkpoints)) {
      if (checkpoint->step() == step) found = checkpoint;
    }
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", selector, "\" names no checkpoint; expected best, last or step:N"));
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("no stored checkpoint \"", selector, "\""));
  return found;
}

absl::StatusOr<const v1::Checkpoint*> ResumeCheckpoint(const v1::Job& job,
                                                       const std::vector<v1::Attempt>& attempts,
                                                       const std::vector<v1::Checkpoint>& checkpoints) {
  std::set<std::string> corrupt;
  for (const v1::Attempt& attempt : attempts) {
    if (attempt.reason() == v1::CHECKPOINT_CORRUPT) corrupt.insert(attempt.resumed_from());
  }
  std::vector<v1::Checkpoint> sound, recent;
  for (const v1::Checkpoint& checkpoint : checkpoints) {
    if (corrupt.contains(CheckpointName(checkpoint))) continue;
    sound.push_back(checkpoint);
    if (checkpoint.attempt() > job.requeued_after_attempt()) recent.push_back(checkpoint);
  }
  const v1::Checkpoint* chosen = LastCheckpoint(recent);
  if (chosen == nullptr && job.restart_from() != "scratch") {
    if (job.restart_from().empty()) {
      chosen = LastCheckpoint(sound);
    } else {
      ASSIGN_OR_RETURN(chosen, SelectCheckpoint(sound, job.restart_from()));
    }
    if (chosen == nullptr && sound.size() < checkpoints.size()) {
      return absl::NotFoundError("every stored checkpoint proved corrupt; requeue from scratch starts over");
    }
  }
  // Rows of `checkpoints` outlive this call, the copies do not.
  return chosen == nullptr ? nullptr : FindCheckpoint(checkpoints, CheckpointName(*chosen));
}

std::vector<v1::Checkpoint> SuperfluousCheckpoints(const v1::CheckpointSpec& spec,
                                                   const std::vector<v1::Checkpoint>& checkpoints,
                                                   const std::set<std::string>& keep) {
  std::set<std::string> kept = keep;
  const auto stored = Stored(checkpoints);
  for (size_t i = 0; i < stored.size() && i < std::max(1u, spec.keep_last()); ++i) {
    kept.insert(CheckpointName(*stored[stored.size() - 1 - i]));
  }
  const auto ranked = ByMetric(checkpoints);
  for (size_t i = 0; i < ranked.size() && i < std::max(1u, spec.keep_best()); ++i) {
    kept.insert(CheckpointName(*ranked[i]));
  }
  std::vector<v1::Checkpoint> superfluous;
  for (const auto* checkpoint : stored) {
    if (!kept.contains(CheckpointName(*checkpoint))) superfluous.push_back(*checkpoint);
  }
  return superfluous;
}

void MarkBestAndLast(std::vector<v1::Checkpoint>& checkpoints) {
  const v1::Checkpoint* best = BestCheckpoint(checkpoints);
  const v1::Checkpoint* last = LastCheckpoint(checkpoints);
  for (v1::Checkpoint& checkpoint : checkpoints) {
    checkpoint.set_best(&checkpoint == best);
    checkpoint.set_last(&checkpoint == last);
  }
}

}  // namespace ecgtrain
