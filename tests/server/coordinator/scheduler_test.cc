#include "server/coordinator/scheduler.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "server/coordinator/proto_time.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

v1::Job QueuedJob(int64_t id, const std::string& device = "any", const std::string& priority = "normal") {
  v1::Job job;
  job.set_id(id);
  job.set_state(v1::QUEUED);
  job.set_dataset("synthetic");
  job.set_priority(priority);
  *job.mutable_submitted() = ToProtoTime(kNow - absl::Hours(1));
  job.mutable_spec()->mutable_resources()->set_device(device);
  return job;
}

SchedulerSnapshot::WorkerState WorkerWith(const std::string& name, int gpus, int cpus) {
  SchedulerSnapshot::WorkerState state;
  state.worker.set_name(name);
  for (int i = 0; i < gpus + cpus; ++i) {
    v1::Device& device = *state.worker.add_devices();
    device.set_id(i < gpus ? absl::StrCat("GPU-", name, i) : absl::StrCat("cpu/", i - gpus));
    device.set_kind(i < gpus ? "gpu" : "cpu");
    device.set_threads(4);
  }
  state.reachable = true;
  return state;
}

v1::PendingReason ReasonOf(const SchedulerPlan& plan, int64_t id) {
  const auto found = plan.pending.find(id);
  return found == plan.pending.end() ? v1::PENDING_REASON_UNSPECIFIED : found->second.reason();
}

TEST(SchedulerTest, LeasesInOrderOfSubmission) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(3), QueuedJob(1), QueuedJob(2)};
  snapshot.workers = {WorkerWith("w", 2, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 2u);
  EXPECT_EQ(plan.leases[0].job_id, 1);
  EXPECT_EQ(plan.leases[1].job_id, 2);
  EXPECT_EQ(ReasonOf(plan, 3), v1::DEVICES_BUSY);
}

TEST(SchedulerTest, AHigherClassGoesFirst) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1, "any", "low"), QueuedJob(2), QueuedJob(3, "any", "high")};
  snapshot.workers = {WorkerWith("w", 1, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_EQ(plan.leases[0].job_id, 3);
  EXPECT_EQ(plan.pending.at(2).position(), 1u);
  EXPECT_EQ(plan.pending.at(1).position(), 2u);
}

TEST(SchedulerTest, AJobRisesOneClassADay) {
  const v1::Job job = QueuedJob(1, "any", "low");
  const absl::Time submitted = FromProtoTime(job.submitted());
  EXPECT_EQ(PriorityClass(job, submitted), 0);
  EXPECT_EQ(PriorityClass(job, submitted + absl::Hours(24)), 1);
  EXPECT_EQ(PriorityClass(job, submitted + absl::Hours(24 * 30)), 2);
  EXPECT_EQ(PriorityClass(job, submitted - absl::Hours(1)), 0) << "a clock that was set back worsens nothing";
}

TEST(SchedulerTest, AnyTakesAGpuWhereOneIsFreeElseACpuSlot) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1), QueuedJob(2)};
  snapshot.workers = {WorkerWith("a", 0, 1), WorkerWith("b", 1, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 2u);
  EXPECT_EQ(plan.leases[0].devices, std::vector<std::string>{"GPU-b0"});
  EXPECT_EQ(plan.leases[1].devices, std::vector<std::string>{"cpu/0"});
}

TEST(SchedulerTest, ABlockedJobHoldsNobodyUp) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1, "gpu"), QueuedJob(2, "cpu")};
  snapshot.workers = {WorkerWith("w", 0, 1)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_EQ(plan.leases[0].job_id, 2);
  EXPECT_EQ(ReasonOf(plan, 1), v1::NO_FITTING_WORKER);
}

TEST(SchedulerTest, SaysWhyEachJobWaits) {
  SchedulerSnapshot snapshot;
  v1::Job backoff = QueuedJob(1), dependency = QueuedJob(2), dataset = QueuedJob(3),
          large = QueuedJob(4, "cpu");
  *backoff.mutable_not_before() = ToProtoTime(kNow + absl::Seconds(30));
  dependency.add_dependencies(99);
  snapshot.dependencies[99] = v1::RUNNING;
  dataset.set_dataset("ptbxl");
  large.mutable_spec()->mutable_resources()->set_cpus(64);
  snapshot.queued = {backoff, dependency, dataset, large, QueuedJob(5, "cpu"), QueuedJob(6, "cpu")};
  snapshot.workers = {WorkerWith("w", 0, 1)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  EXPECT_EQ(ReasonOf(plan, 1), v1::BACKOFF);
  EXPECT_EQ(ReasonOf(plan, 2), v1::DEPENDENCY);
  EXPECT_THAT(plan.pending.at(2).explanation(), HasSubstr("job/99"));
  EXPECT_EQ(ReasonOf(plan, 3), v1::DATASET);
  EXPECT_EQ(ReasonOf(plan, 4), v1::NO_FITTING_WORKER);
  EXPECT_EQ(ReasonOf(plan, 6), v1::DEVICES_BUSY);
}

TEST(SchedulerTest, CordonedAndUnreachableWorkersGetNothing) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1)};
  snapshot.workers = {WorkerWith("w", 1, 0)};
  snapshot.workers[0].worker.set_cordoned(true);
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::WORKER_CORDONED);
  snapshot.workers[0].worker.set_cordoned(false);
  snapshot.workers[0].reachable = false;
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::WORKER_UNREACHABLE);
}

TEST(SchedulerTest, WithoutWorkersItSaysSo) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1)};
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::NO_FITTING_WORKER);
}

TEST(SchedulerTest, DevicesOfLiveAttemptsAreTaken) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1)};
  snapshot.workers = {WorkerWith("w", 1, 0)};
  v1::Attempt& live = snapshot.live.emplace_back();
  live.set_worker("w");
  live.add_devices("GPU-w0");
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::DEVICES_BUSY);
}

TEST(SchedulerTest, AvoidsTheWorkerOfTheLastFailureWhereAnotherFits) {
  SchedulerSnapshot snapshot;
  snapshot.queued = {QueuedJob(1)};
  snapshot.workers = {WorkerWith("a", 1, 0), WorkerWith("b", 1, 0)};
  snapshot.avoid[1] = "a";
  EXPECT_EQ(PlanSchedule(snapshot, kNow).leases.at(0).worker, "b");
  snapshot.workers.pop_back();
  EXPECT_EQ(PlanSchedule(snapshot, kNow).leases.at(0).worker, "a") << "better there than nowhere";
}

TEST(SchedulerTest, ALapsedJobIsReplacedOnlyWhenADeviceIsFreeElsewhere) {
  SchedulerSnapshot snapshot;
  snapshot.workers = {WorkerWith("gone", 1, 0), WorkerWith("here", 1, 0)};
  snapshot.workers[0].reachable = false;
  v1::Job lapsed = QueuedJob(1);
  lapsed.set_state(v1::RUNNING);
  snapshot.lapsed = {lapsed};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_TRUE(plan.leases[0].replaces_lost);
  EXPECT_EQ(plan.leases[0].worker, "here");

  snapshot.workers.pop_back();
  EXPECT_TRUE(PlanSchedule(snapshot, kNow).leases.empty());
}

TEST(SchedulerTest, SpaceForASmallDemandIsTheSmallestSlotThatFits) {
  SchedulerSnapshot snapshot;
  v1::Job job = QueuedJob(1, "cpu");
  job.mutable_spec()->mutable_resources()->set_cpus(2);
  snapshot.queued = {job};
  snapshot.workers = {WorkerWith("w", 0, 2)};
  snapshot.workers[0].worker.mutable_devices(0)->set_threads(16);
  EXPECT_EQ(PlanSchedule(snapshot, kNow).leases.at(0).devices.at(0), "cpu/1");
}

// Random queues: every queued job is leased or has exactly one reason, no device is given twice, and no job
// is passed by a later one of no higher class that wants the same.
TEST(SchedulerTest, RandomQueuesKeepOrderAndDevices) {
  std::mt19937 random(20260101);
  const std::vector<std::string> devices = {"any", "gpu", "cpu"}, priorities = {"low", "normal", "high"};
  for (int round = 0; round < 200; ++round) {
    SchedulerSnapshot snapshot;
    for (int64_t id = 1; id <= 30; ++id) {
      snapshot.queued.push_back(QueuedJob(id, devices[random() % 3], priorities[random() % 3]));
    }
    for (int i = 0; i < 3; ++i) {
      snapshot.workers.push_back(
          WorkerWith(absl::StrCat("w", i), static_cast<int>(random() % 3), static_cast<int>(random() % 3)));
    }
    const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
    EXPECT_EQ(plan.leases.size() + plan.pending.size(), snapshot.queued.size());
    std::set<std::pair<std::string, std::string>> given;
    for (const LeaseDecision& lease : plan.leases)
      EXPECT_TRUE(given.emplace(lease.worker, lease.devices.at(0)).second);
    for (const LeaseDecision& lease : plan.leases) {
      const v1::Job& leased = snapshot.queued[static_cast<size_t>(lease.job_id - 1)];
      for (const auto& [id, pending] : plan.pending) {
        const v1::Job& waiting = snapshot.queued[static_cast<size_t>(id - 1)];
        if (waiting.spec().resources().device() != leased.spec().resources().device()) continue;
        const int waiting_class = PriorityClass(waiting, kNow), leased_class = PriorityClass(leased, kNow);
        EXPECT_FALSE(waiting_class > leased_class || (waiting_class == leased_class && id < leased.id()))
            << "job " << leased.id() << " passed job " << id;
      }
    }
  }
}

}  // namespace
}  // namespace ecgtrain
