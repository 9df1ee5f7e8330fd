// A coordinator comes back and all of its workers come at once (service.md F16, F7, P5, P6).
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/coordinator/submission.h"
#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/host.h"
#include "tests/fault/simulation/worker_process.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain::simulation {
namespace {

constexpr int kWorkers = 1000;

class ThunderingReturnTest : public testing::Test {
 protected:
  ThunderingReturnTest() {
    EXPECT_TRUE(coordinator_.Start().ok());
    hosts_.resize(kWorkers);
    for (int i = 0; i < kWorkers; ++i) {
      hosts_[i].name = absl::StrCat("w", i);
      v1::Device& device = hosts_[i].devices.emplace_back();
      device.set_id("cpu/0");
      device.set_kind("cpu");
      device.set_threads(1);
      agents_.push_back(std::make_unique<WorkerProcess>(
          WorkerContext{world_, network_, coordinator_, ledger_, hosts_[i]}, "i"));
    }
  }
  ~ThunderingReturnTest() override { agents_.clear(); }

  void SubmitAJobForEach() {
    v1::SubmitJobsRequest request;
    request.set_request_id("r");
    for (int i = 0; i < kWorkers; ++i) {
      v1::JobSpec& spec = *request.add_specs();
      spec.set_name(absl::StrCat("job", i));
      spec.mutable_pretrain()->set_dataset("synthetic");
      spec.mutable_model()->set_preset("tiny");
    }
    absl::Status submitted = absl::UnknownError("no answer");
    coordinator_.Handle<v1::SubmitJobsResponse>(
        [&submitted](const auto& answer) { submitted = answer.status(); },
        [&](Coordinator& c, auto reply) { SubmitJobs(c.mutations(), "ann", request, std::move(reply)); });
    ASSERT_TRUE(submitted.ok()) << submitted;
  }

  void RunFor(absl::Duration duration) {
    bool over = false;
    world_.After(duration, [&over] { over = true; });
    while (!over && world_.Step()) {
    }
    ASSERT_EQ(world_.broken(), "");
  }

  int ReachableWorkers() {
    int reachable = 0;
    for (const Host& host : hosts_)
      reachable += coordinator_.coordinator().leases().IsReachable(host.name) ? 1 : 0;
    return reachable;
  }

  // Every job runs in its first attempt, on the trainer that it began with.
  void ExpectUndisturbed() {
    for (const auto& [token, times] : ledger_.spawned) EXPECT_EQ(times, 1);
    const absl::Status read = coordinator_.store().Read([&](StoreReader& reader) -> absl::Status {
      const auto attempts = reader.LiveAttempts("");
      EXPECT_TRUE(attempts.ok() && attempts->size() == kWorkers);
      for (const v1::Attempt& attempt : *attempts) {
        EXPECT_EQ(attempt.number(), 1u);
        EXPECT_EQ(attempt.state(), v1::ATTEMPT_RUNNING);
        EXPECT_FALSE(attempt.has_unreachable_since());
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    for (const Host& host : hosts_) EXPECT_EQ(host.trainers.size(), 1u) << host.name;
  }

  TemporaryFolder folder_;
  World world_{1};
  Network network_{world_, {.lost = 0, .doubled = 0, .late = 0}};
  CoordinatorProcess coordinator_{world_, folder_.path(), ShortTimes()};
  Ledger ledger_;
  std::vector<Host> hosts_;
  std::vector<std::unique_ptr<WorkerProcess>> agents_;
};

TEST_F(ThunderingReturnTest, AThousandWorkersSettleWithinThreeHeartbeatsAndNoJobNotices) {
  SubmitAJobForEach();
  while (ledger_.spawned.size() < kWorkers) RunFor(kHold);
  // What trainers write is not what this test is about.
  for (Host& host : hosts_) host.trainers.begin()->second->Hang();
  RunFor(kHold);
  ExpectUndisturbed();

  coordinator_.Crash(/*power_lost=*/true);
  RunFor(absl::Seconds(3));
  ASSERT_TRUE(coordinator_.Start().ok());
  EXPECT_EQ(ReachableWorkers(), 0);
  RunFor(3 * kHold);
  EXPECT_EQ(ReachableWorkers(), kWorkers);
  ExpectUndisturbed();
}

}  // namespace
}  // namespace ecgtrain::simulation
