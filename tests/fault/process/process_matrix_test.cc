// T6: whoever is killed, at whatever phase of a job's life, for however long: the job reaches its right end,
// has one owner at a time, and loses and doubles nothing (P4-P7, P12, P21, P22; F1, F3, F6-F8, F30).
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fault/process/staged_job.h"
#include "tests/support/long_tests.h"

namespace ecgtrain::testing {
namespace {

enum class Victim { kCoordinator, kWorker, kTrainer, kAll };
enum class Phase { kQueued, kLeased, kStep, kCheckpoint, kUpload, kStop, kFinish };
enum class Away { kAtOnce, kWithinLease, kPastLease };

struct Cell {
  Victim victim;
  Phase phase;
  Away away;
};

constexpr const char* kVictims[] = {"Coordinator", "Worker", "Trainer", "All"};
constexpr const char* kPhases[] = {"Queued", "Leased", "Step", "Checkpoint", "Upload", "Stop", "Finish"};
constexpr const char* kAways[] = {"AtOnce", "WithinLease", "PastLease"};

std::string NameOf(const Cell& cell) {
  return absl::StrCat(kVictims[static_cast<int>(cell.victim)], kPhases[static_cast<int>(cell.phase)],
                      kAways[static_cast<int>(cell.away)]);
}

// A trainer is there from the first step to the end only, and it is its worker that starts it again, at once.
bool IsPossible(const Cell& cell) {
  if (cell.victim != Victim::kTrainer) return true;
  return cell.away == Away::kAtOnce && cell.phase != Phase::kQueued && cell.phase != Phase::kLeased &&
         cell.phase != Phase::kFinish;
}

// All cells in the long form; otherwise one of each row of victim and phase, every downtime in turn.
std::vector<Cell> Cells() {
  std::vector<Cell> cells;
  int row = 0;
  for (const Victim victim : {Victim::kCoordinator, Victim::kWorker, Victim::kTrainer, Victim::kAll}) {
    for (const Phase phase : {Phase::kQueued, Phase::kLeased, Phase::kStep, Phase::kCheckpoint,
                              Phase::kUpload, Phase::kStop, Phase::kFinish}) {
      ++row;
      for (const Away away : {Away::kAtOnce, Away::kWithinLease, Away::kPastLease}) {
        const Cell cell{victim, phase, away};
        const bool chosen = victim == Victim::kTrainer || row % 3 == static_cast<int>(away);
        if (IsPossible(cell) && (LongTests() || chosen)) cells.push_back(cell);
      }
    }
  }
  return cells;
}

class ProcessMatrix : public ::testing::TestWithParam<Cell> {
 protected:
  Lab& lab() { return job_.lab(); }
  Phase phase() const { return GetParam().phase; }
  Away away() const { return GetParam().away; }
  bool Kills(Victim victim) const { return GetParam().victim == victim || GetParam().victim == Victim::kAll; }
  // The lease lapsed while the worker was gone, and there was one.
  bool Lapses() const {
    return Kills(Victim::kWorker) && away() == Away::kPastLease && phase() != Phase::kQueued;
  }

  void ReachPhase() {
    if (phase() == Phase::kLeased) job_.HoldPreparation();
    lab().StartWorker();
    if (phase() == Phase::kQueued) {
      lab().AwaitRegistration();
      lab().Cordon(true);
    }
    constexpr size_t kSmall = 700'000, kLarge = 48 << 20;
    job_.Submit(phase() == Phase::kStop ? "hss" : "ss", phase() == Phase::kUpload ? kLarge : kSmall);
    if (phase() == Phase::kQueued) return;
    if (phase() == Phase::kLeased) return job_.AwaitPreparation();
    job_.AwaitStep(2);
    if (phase() == Phase::kCheckpoint) {
      job_.Tell("p");
      ASSERT_TRUE(AwaitFile(RunFolder() / "checkpoints/step-000000002/model.safetensors").ok());
    } else if (phase() == Phase::kUpload) {
      job_.Tell("c");
      lab().Until([this] { return lab().Checkpoints(job_.id()).checkpoints_size() > 0; });
    } else if (phase() == Phase::kStop) {
      lab().Cancel(job_.id());
    } else if (phase() == Phase::kFinish) {
      lab().worker().Signal(SIGSTOP);  // the end does not get through before the kill
      job_.Tell("e");
      ASSERT_TRUE(AwaitFile(RunFolder() / "exit.json").ok());
    }
  }

  void Kill() {
    const std::vector<pid_t> trainers = job_.Trainers();
    if (Kills(Victim::kCoordinator)) lab().KillCoordinator();
    if (Kills(Victim::kWorker)) lab().KillWorker();
    if (Kills(Victim::kTrainer)) {
      for (const pid_t trainer : trainers) kill(-trainer, SIGKILL);
    }
    if (phase() == Phase::kFinish && !Kills(Victim::kWorker)) lab().worker().Signal(SIGCONT);
  }

  void StartAgain() {
    if (Kills(Victim::kCoordinator)) {
      if (!Kills(Victim::kWorker)) StayAway();
      lab().StartCoordinator();
    }
    if (Kills(Victim::kWorker)) {
      const bool owned = job_.has_owner();
      if (owned && away() == Away::kWithinLease) job_.AwaitUnreachable();
      if (owned && away() == Away::kPastLease) job_.AwaitLapse();
      if (!owned) StayAway();
      lab().StartWorker();
    }
    if (phase() == Phase::kQueued) lab().Cordon(false);
    if (phase() == Phase::kLeased) job_.ReleasePreparation();
  }

  // QuickTimes: unreachable after 0.4 s, lost after 1.2 s.
  void StayAway() {
    if (away() == Away::kWithinLease) PassTime(absl::Milliseconds(600));
    if (away() == Away::kPastLease) PassTime(absl::Milliseconds(1500));
  }

  uint32_t ExpectedAttempts() const {
    if (phase() == Phase::kQueued || phase() == Phase::kStop) return 1;
    if (Lapses()) return 2;
    const bool trainer_lost =
        Kills(Victim::kTrainer) && phase() != Phase::kLeased && phase() != Phase::kFinish;
    return trainer_lost ? 2 : 1;
  }

  std::filesystem::path RunFolder() const { return job_.RunFolder(1); }

  StagedJob job_{GetParam().away == Away::kPastLease ? "requeue" : "wait"};
};

TEST_P(ProcessMatrix, JobReachesItsRightEndWithOneOwnerAndNothingLost) {
  ASSERT_NO_FATAL_FAILURE(ReachPhase());
  Kill();
  StartAgain();
  if (phase() != Phase::kStop && (phase() != Phase::kFinish || Lapses())) {
    job_.AwaitStep(2, ExpectedAttempts());
    job_.ExpectOneOwner();
    job_.Tell("se");
  }
  const v1::Job job = lab().AwaitEnd(job_.id());
  EXPECT_EQ(job.state(), phase() == Phase::kStop ? v1::CANCELLED : v1::SUCCEEDED) << job.message();
  EXPECT_EQ(job.attempts(), ExpectedAttempts());
  job_.ExpectNothingLostOrDoubled(Lapses());
  if (phase() == Phase::kUpload && !Lapses()) lab().AwaitStored(job_.id());
  RecordCount("process_matrix_cells", 1);
}

INSTANTIATE_TEST_SUITE_P(Cells, ProcessMatrix, ::testing::ValuesIn(Cells()),
                         [](const auto& cell) { return NameOf(cell.param); });

}  // namespace
}  // namespace ecgtrain::testing
