// One job of the real coordinator and worker, with a trainer that goes on only when told, so that a test can
// hold it at any phase of its life.
#ifndef ECGTRAIN_TESTS_FAULT_PROCESS_STAGED_JOB_H_
#define ECGTRAIN_TESTS_FAULT_PROCESS_STAGED_JOB_H_

#include <filesystem>
#include <string>
#include <vector>

#include "common/unique_fd.h"
#include "tests/integration/lab.h"

namespace ecgtrain::testing {

// Bound to one thread.
class StagedJob {
 public:
  // Starts the coordinator. `on_lost` as in a specification.
  explicit StagedJob(std::string on_lost);

  Lab& lab() { return lab_; }
  int64_t id() const { return id_; }

  // Its trainers obey `script` (fake_trainer.cc), then what Tell says. Checkpoints have `size` bytes.
  void Submit(const std::string& script, size_t size = 700'000);
  void Tell(const std::string& commands);

  // Holds attempts where their data set is being packed.
  void HoldPreparation();
  void ReleasePreparation();
  // Waits until an attempt is held there.
  void AwaitPreparation();

  // Until a trainer of this attempt or a later one has reported the step.
  void AwaitStep(uint64_t step, uint32_t attempt = 1);
  // Until the worker is shown as unreachable, or its attempt has been taken from it.
  void AwaitUnreachable();
  void AwaitLapse();
  bool has_owner();

  std::filesystem::path RunFolder(uint32_t attempt) const { return lab_.RunDirectory(id_, attempt); }
  // Trainers by attempt, as far as they have been started; none for an attempt that never had one.
  std::vector<pid_t> Trainers();

  // What holds after any fault: at most one attempt is live, tokens rise, no trainer of an earlier attempt
  // runs beside a later one's.
  void ExpectOneOwner();
  // At the end: no trainer runs; every metric step is there once; the log of every attempt is the file's,
  // byte for byte, or its beginning where attempts were taken from the worker (`lapsed`).
  void ExpectNothingLostOrDoubled(bool lapsed);

 private:
  std::filesystem::path State() const { return lab_.folder() / "worker"; }
  // A file of the attempt's run directory, also when that has become an orphan; "" without one.
  std::string RunFile(const v1::Attempt& attempt, const std::string& name) const;

  Lab lab_;
  const std::string on_lost_;
  int64_t id_ = 0;
  UniqueFd gate_;
};

}  // namespace ecgtrain::testing

#endif  // ECGTRAIN_TESTS_FAULT_PROCESS_STAGED_JOB_H_
