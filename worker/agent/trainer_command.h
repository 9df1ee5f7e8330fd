// How ecg-trainer is called: arguments and an environment built from nothing.
#ifndef ECGTRAIN_WORKER_AGENT_TRAINER_COMMAND_H_
#define ECGTRAIN_WORKER_AGENT_TRAINER_COMMAND_H_

#include <filesystem>
#include <string>
#include <vector>

#include "worker/agent/attempt_directory.h"
#include "worker/agent/child_process.h"

namespace ecgtrain {

// The few variables that a child may have from us: search paths, home, language, time zone, temporary folder.
std::vector<std::string> InheritedEnvironment();

// Standard output and error go to `log_fd`. A trainer sees the GPUs of `device` and no others.
ChildOptions TrainerCommand(const std::filesystem::path& program, const AttemptDirectory& directory,
                            const TrainerDevice& device, int log_fd);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_TRAINER_COMMAND_H_
