// A worker and a fake coordinator in one process; trainers are real processes that do what the test writes
// into their gate.
#ifndef ECGTRAIN_TESTS_WORKER_AGENT_AGENT_FIXTURE_H_
#define ECGTRAIN_TESTS_WORKER_AGENT_AGENT_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/unique_fd.h"
#include "tests/fakes/fake_coordinator.h"
#include "worker/agent/agent.h"
#include "worker/agent/attempt_directory.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/settings.h"

namespace ecgtrain {

class AgentFixture : public testing::Test {
 protected:
  AgentFixture();
  ~AgentFixture() override;

  void StartAgent();
  // As SIGUSR2, then as a new process.
  void StopAgent();
  // Waits until the agent says that it is over.
  bool AgentIsOver();

  // An attempt whose trainer runs `script` and then reads its gate.
  v1::Assignment MakeAssignment(int64_t job, const std::string& script,
                                const std::string& dataset = "synthetic") const;
  // More commands for the trainer.
  void Tell(const std::string& commands);

  bool WaitForEvents(int64_t token, size_t count);
  bool WaitForFinish(int64_t token);
  // Waits until a beat has stated the attempt in this state.
  bool WaitForState(int64_t token, v1::HeldAttempt::State state);
  FakeAttempt Attempt(int64_t token);
  std::filesystem::path Directory(int64_t job) const;
  // Waits until it is noted.
  pid_t TrainerPid(const v1::Assignment& assignment);
  // Waits for the end of a trainer that is a child of this process, as init does for a real one.
  static void Reap(pid_t pid);
  static std::string ReadAll(const std::filesystem::path& path);

  RealClock clock_;
  FakeCoordinator coordinator_;
  std::filesystem::path folder_;
  AgentSettings settings_;
  std::vector<v1::Device> devices_;
  std::unique_ptr<CoordinatorLink> link_;
  std::unique_ptr<Agent> agent_;
  UniqueFd gate_;
  Mutex mutex_;
  CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_AGENT_AGENT_FIXTURE_H_
