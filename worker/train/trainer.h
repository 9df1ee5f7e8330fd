// One attempt from its specification to its exit: what ecg-trainer does once its arguments are read.
#ifndef ECGTRAIN_WORKER_TRAIN_TRAINER_H_
#define ECGTRAIN_WORKER_TRAIN_TRAINER_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/clock.h"
#include "worker/run_directory/run_directory.h"
#include "worker/train/controls.h"

namespace ecgtrain {

struct TrainerExit {
  run_directory::ExitReason reason = run_directory::ExitReason::kInternal;
  std::string message;
  uint64_t step = 0;
};

// Trains what `spec_file` says in `folder`, which is made when absent, and writes events.jsonl, checkpoints,
// artifacts and, last, exit.json. Call it once in a process: it sets LibTorch up. No exception leaves it.
TrainerExit RunTrainer(const std::filesystem::path& spec_file, const std::filesystem::path& folder,
                       Controls& controls, Clock& clock);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_TRAINER_H_
