#include "tests/fault/simulation/history.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "tests/fault/simulation/lab.h"

namespace ecgtrain::simulation {
namespace {

using Kind = Operation::Kind;

constexpr absl::Duration kTroubled = absl::Minutes(4);  // then everything has to settle
constexpr uint64_t kFewest = 6;
constexpr uint64_t kMost = 30;

struct Choice {
  Kind kind;
  const char* name;
  uint64_t weight;
};
constexpr std::array kChoices = {Choice{Kind::kSubmit, "submit", 24},
                                 Choice{Kind::kCancel, "cancel", 8},
                                 Choice{Kind::kPause, "pause", 8},
                                 Choice{Kind::kResume, "resume", 8},
                                 Choice{Kind::kRequeue, "requeue", 8},
                                 Choice{Kind::kCordon, "cordon", 3},
                                 Choice{Kind::kKillCoordinator, "kill coordinator", 5},
                                 Choice{Kind::kCutPower, "cut power of coordinator", 4},
                                 Choice{Kind::kCrashInStore, "crash in store", 5},
                                 Choice{Kind::kCrashInFiles, "crash in files", 4},
                                 Choice{Kind::kFillDisk, "fill disk", 3},
                                 Choice{Kind::kKillAgent, "kill agent", 6},
                                 Choice{Kind::kDrainAgent, "drain agent", 3},
                                 Choice{Kind::kKillTrainer, "kill trainer", 4},
                                 Choice{Kind::kHangTrainer, "hang trainer", 2},
                                 Choice{Kind::kCutPowerOfHost, "cut power of host", 3},
                                 Choice{Kind::kReplaceDiskOfHost, "replace disk of host", 2},
                                 Choice{Kind::kCutLink, "cut link", 8}};

Kind RandomKind(Random& random) {
  uint64_t sum = 0;
  for (const Choice& choice : kChoices) sum += choice.weight;
  uint64_t left = random.Below(sum);
  for (const Choice& choice : kChoices) {
    if (left < choice.weight) return choice.kind;
    left -= choice.weight;
  }
  return Kind::kSubmit;
}

}  // namespace

std::string Describe(const Operation& operation) {
  for (const Choice& choice : kChoices) {
    if (choice.kind == operation.kind)
      return absl::StrCat("[", absl::FormatDuration(operation.at), " ", choice.name, " ", operation.choice,
                          "]");
  }
  return "[unknown]";
}

std::vector<Operation> PlanOperations(uint64_t seed) {
  // Another stream than the history's own, which begins with the seed itself.
  Random random(seed ^ 0x5eed5eed5eed5eed);
  std::vector<Operation> operations(kFewest + random.Below(kMost - kFewest + 1));
  for (Operation& operation : operations) {
    operation.at = random.Between(absl::Seconds(1), kTroubled - absl::Seconds(20));
    operation.kind = RandomKind(random);
    operation.choice = random.Next();
  }
  std::sort(operations.begin(), operations.end(),
            [](const Operation& a, const Operation& b) { return a.at < b.at; });
  operations.front().kind = Kind::kSubmit;
  return operations;
}

Outcome RunHistory(uint64_t seed, const std::vector<Operation>& operations) {
  Lab lab(seed);
  for (const Operation& operation : operations) lab.Schedule(operation);
  lab.RunUntil(kTroubled);
  if (!lab.broken()) lab.Settle();
  return lab.Finish();
}

std::vector<Operation> Shrink(uint64_t seed, std::vector<Operation> operations) {
  for (size_t size = std::max<size_t>(operations.size() / 2, 1);; size = std::max<size_t>(size / 2, 1)) {
    bool shrunk = false;
    for (size_t begin = 0; begin < operations.size();) {
      std::vector<Operation> fewer = operations;
      const auto first = fewer.begin() + static_cast<int64_t>(begin);
      fewer.erase(first, first + static_cast<int64_t>(std::min(size, operations.size() - begin)));
      if (RunHistory(seed, fewer).broken.empty()) {
        begin += size;
      } else {
        operations = std::move(fewer);
        shrunk = true;
      }
    }
    if (size == 1 && !shrunk) return operations;
  }
}

}  // namespace ecgtrain::simulation
