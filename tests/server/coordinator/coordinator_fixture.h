// A coordinator over the in-memory store and a fake clock, with a worker driven by hand.
#ifndef ECGTRAIN_TESTS_SERVER_COORDINATOR_COORDINATOR_FIXTURE_H_
#define ECGTRAIN_TESTS_SERVER_COORDINATOR_COORDINATOR_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "server/artifacts/directory_artifact_store.h"
#include "server/coordinator/coordinator.h"
#include "tests/fakes/fake_job_store.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {

// Bound to one thread: the fake store answers before a call returns.
class CoordinatorFixture : public testing::Test {
 protected:
  CoordinatorFixture();

  // "pretrain" of the synthetic data set, tiny.
  static v1::JobSpec Pretrain(const std::string& name = "pre");
  static v1::JobSpec Finetune(const std::string& from, const std::string& name = "fine");

  absl::StatusOr<v1::SubmitJobsResponse> Submit(const std::vector<v1::JobSpec>& specs,
                                                const std::string& request_id = "");
  // Submits one job; its number.
  int64_t SubmitOne(const v1::JobSpec& spec);

  // A worker of this name with one CPU slot.
  void Register(const std::string& worker = "w1", const std::string& incarnation = "i1",
                const std::vector<v1::AttemptRef>& attempts = {});
  // The next beat of the worker, answered at once.
  v1::HeartbeatResponse Beat(const std::vector<v1::HeldAttempt>& held = {}, const std::string& worker = "w1",
                             const std::string& incarnation = "i1");
  // One round of maintenance.
  void Round();
  // Lets the job be leased to w1 and reports that its trainer runs.
  v1::AttemptRef StartAttempt(int64_t job);

  absl::StatusOr<v1::ReportEventsResponse> Report(const v1::ReportEventsRequest& request);
  // Reports one event as the next of the attempt.
  absl::Status ReportEvent(const v1::AttemptRef& attempt, v1::TrainerEvent event);
  absl::StatusOr<v1::FinishAttemptResponse> Finish(const v1::AttemptRef& attempt, v1::EndReason reason,
                                                   const std::string& message = "");
  absl::Status Cancel(int64_t job, bool now = false);
  absl::Status Pause(int64_t job);
  absl::Status Resume(int64_t job);
  absl::Status Requeue(int64_t job, const std::string& from = "");

  v1::Job GetJob(int64_t id);
  v1::Attempt GetAttempt(int64_t job, uint32_t number);
  std::vector<v1::JobEvent> Events(int64_t job);

  static v1::HeldAttempt Held(const v1::AttemptRef& attempt,
                              v1::HeldAttempt::State state = v1::HeldAttempt::TRAINING);
  std::string NextRequestId();

  FakeClock clock_;
  TemporaryFolder folder_;
  FakeJobStore store_{clock_};
  std::unique_ptr<ArtifactStore> artifacts_;
  Observer observer_;
  std::unique_ptr<Coordinator> coordinator_;
  std::map<std::string, std::string> sessions_;  // by incarnation
  std::map<std::string, uint64_t> beats_;
  int requests_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SERVER_COORDINATOR_COORDINATOR_FIXTURE_H_
