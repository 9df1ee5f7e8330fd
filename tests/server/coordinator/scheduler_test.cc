#include "server/coordinator/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

QueuedJob Waiting(int64_t id, const std::string& device = "any", const std::string& priority = "normal") {
  QueuedJob job;
  job.id = id;
  job.dataset = "synthetic";
  job.priority = priority;
  job.submitted = kNow - absl::Hours(1);
  job.device = device;
  return job;
}

QueuedJobs Queue(const std::vector<QueuedJob>& jobs) {
  QueuedJobs queue;
  for (const QueuedJob& job : jobs) queue.push_back(std::make_shared<const QueuedJob>(job));
  return queue;
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
  snapshot.queued = Queue({Waiting(3), Waiting(1), Waiting(2)});
  snapshot.workers = {WorkerWith("w", 2, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 2u);
  EXPECT_EQ(plan.leases[0].job_id, 1);
  EXPECT_EQ(plan.leases[1].job_id, 2);
  EXPECT_EQ(ReasonOf(plan, 3), v1::DEVICES_BUSY);
}

TEST(SchedulerTest, AHigherClassGoesFirst) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1, "any", "low"), Waiting(2), Waiting(3, "any", "high")});
  snapshot.workers = {WorkerWith("w", 1, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_EQ(plan.leases[0].job_id, 3);
  EXPECT_EQ(plan.pending.at(2).position(), 1u);
  EXPECT_EQ(plan.pending.at(1).position(), 2u);
}

TEST(SchedulerTest, AJobRisesOneClassADay) {
  const QueuedJob job = Waiting(1, "any", "low");
  const absl::Time submitted = job.submitted;
  EXPECT_EQ(PriorityClass(job, submitted), 0);
  EXPECT_EQ(PriorityClass(job, submitted + absl::Hours(24)), 1);
  EXPECT_EQ(PriorityClass(job, submitted + absl::Hours(24 * 30)), 2);
  EXPECT_EQ(PriorityClass(job, submitted - absl::Hours(1)), 0) << "a clock that was set back worsens nothing";
}

TEST(SchedulerTest, AnyTakesAGpuWhereOneIsFreeElseACpuSlot) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1), Waiting(2)});
  snapshot.workers = {WorkerWith("a", 0, 1), WorkerWith("b", 1, 0)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 2u);
  EXPECT_EQ(plan.leases[0].devices, std::vector<std::string>{"GPU-b0"});
  EXPECT_EQ(plan.leases[1].devices, std::vector<std::string>{"cpu/0"});
}

TEST(SchedulerTest, ABlockedJobHoldsNobodyUp) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1, "gpu"), Waiting(2, "cpu")});
  snapshot.workers = {WorkerWith("w", 0, 1)};
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_EQ(plan.leases[0].job_id, 2);
  EXPECT_EQ(ReasonOf(plan, 1), v1::NO_FITTING_WORKER);
}

TEST(SchedulerTest, SaysWhyEachJobWaits) {
  SchedulerSnapshot snapshot;
  QueuedJob backoff = Waiting(1), dependency = Waiting(2), dataset = Waiting(3), large = Waiting(4, "cpu");
  backoff.not_before = kNow + absl::Seconds(30);
  dependency.dependencies = {99};
  snapshot.dependencies[99] = v1::RUNNING;
  dataset.dataset = "ptbxl";
  large.cpus = 64;
  snapshot.queued = Queue({backoff, dependency, dataset, large, Waiting(5, "cpu"), Waiting(6, "cpu")});
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
  snapshot.queued = Queue({Waiting(1)});
  snapshot.workers = {WorkerWith("w", 1, 0)};
  snapshot.workers[0].worker.set_cordoned(true);
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::WORKER_CORDONED);
  snapshot.workers[0].worker.set_cordoned(false);
  snapshot.workers[0].reachable = false;
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::WORKER_UNREACHABLE);
}

TEST(SchedulerTest, WithoutWorkersItSaysSo) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1)});
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::NO_FITTING_WORKER);
}

TEST(SchedulerTest, DevicesOfLiveAttemptsAreTaken) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1)});
  snapshot.workers = {WorkerWith("w", 1, 0)};
  v1::Attempt& live = snapshot.live.emplace_back();
  live.set_worker("w");
  live.add_devices("GPU-w0");
  EXPECT_EQ(ReasonOf(PlanSchedule(snapshot, kNow), 1), v1::DEVICES_BUSY);
}

TEST(SchedulerTest, AvoidsTheWorkerOfTheLastFailureWhereAnotherFits) {
  SchedulerSnapshot snapshot;
  snapshot.queued = Queue({Waiting(1)});
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
  snapshot.lapsed = Queue({Waiting(1)});
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  ASSERT_EQ(plan.leases.size(), 1u);
  EXPECT_TRUE(plan.leases[0].replaces_lost);
  EXPECT_EQ(plan.leases[0].worker, "here");

  snapshot.workers.pop_back();
  EXPECT_TRUE(PlanSchedule(snapshot, kNow).leases.empty());
}

TEST(SchedulerTest, SpaceForASmallDemandIsTheSmallestSlotThatFits) {
  SchedulerSnapshot snapshot;
  QueuedJob job = Waiting(1, "cpu");
  job.cpus = 2;
  snapshot.queued = Queue({job});
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
      snapshot.queued.push_back(
          std::make_shared<const QueuedJob>(Waiting(id, devices[random() % 3], priorities[random() % 3])));
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
      const QueuedJob& leased = *snapshot.queued[static_cast<size_t>(lease.job_id - 1)];
      for (const auto& [id, pending] : plan.pending) {
        const QueuedJob& waiting = *snapshot.queued[static_cast<size_t>(id - 1)];
        if (waiting.device != leased.device) continue;
        const int waiting_class = PriorityClass(waiting, kNow), leased_class = PriorityClass(leased, kNow);
        EXPECT_FALSE(waiting_class > leased_class || (waiting_class == leased_class && id < leased.id))
            << "job " << leased.id << " passed job " << id;
      }
    }
  }
}

constexpr char kDigestA[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
constexpr char kDigestB[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

// One CPU slot and the data set "lab"; not packed yet without a digest.
SchedulerSnapshot::WorkerState HolderOf(const std::string& name, const std::string& digest,
                                        const std::string& version = "") {
  SchedulerSnapshot::WorkerState state = WorkerWith(name, 0, 1);
  v1::WorkerDataset& held = *state.worker.add_datasets();
  held.set_name("lab");
  held.set_version(version);
  if (!digest.empty()) held.add_packs()->set_source_digest(digest);
  return state;
}

// Where the jobs for these data sets go, in order; the reason in parentheses for those that wait.
std::vector<std::string> Places(const std::vector<std::string>& datasets,
                                std::vector<SchedulerSnapshot::WorkerState> workers) {
  SchedulerSnapshot snapshot;
  std::vector<QueuedJob> jobs;
  for (size_t i = 0; i < datasets.size(); ++i) {
    jobs.push_back(Waiting(static_cast<int64_t>(i) + 1));
    jobs.back().dataset = datasets[i];
  }
  snapshot.queued = Queue(jobs);
  snapshot.workers = std::move(workers);
  const SchedulerPlan plan = PlanSchedule(snapshot, kNow);
  std::vector<std::string> places(datasets.size());
  for (const LeaseDecision& lease : plan.leases) places[static_cast<size_t>(lease.job_id) - 1] = lease.worker;
  for (const auto& [id, pending] : plan.pending)
    places[static_cast<size_t>(id) - 1] = absl::StrCat("(", pending.explanation(), ")");
  return places;
}

TEST(SchedulerTest, AWorkerThatHasPackedTheDataSetGoesFirst) {
  EXPECT_THAT(Places({"lab", "lab"}, {HolderOf("a", ""), HolderOf("b", kDigestA)}), ElementsAre("b", "a"));
  // A GPU is worth more than a pack.
  SchedulerSnapshot::WorkerState gpu = HolderOf("c", "");
  gpu.worker.mutable_devices(0)->set_kind("gpu");
  EXPECT_THAT(Places({"lab"}, {HolderOf("b", kDigestA), gpu}), ElementsAre("c"));
}

TEST(SchedulerTest, APinnedDataSetGoesWhereItIsThatState) {
  const std::vector<SchedulerSnapshot::WorkerState> workers = {
      HolderOf("a", ""), HolderOf("b", kDigestA, "1.0.1"), HolderOf("c", kDigestB, "1.0.3")};
  EXPECT_THAT(Places({"lab#bbbbbbbbbbbb"}, workers), ElementsAre("c"));
  EXPECT_THAT(Places({"lab@1.0.1"}, workers), ElementsAre("b"));
  // Where nobody is known to have it, one that has not packed it yet may.
  EXPECT_THAT(Places({"lab#cccccccccccc"}, workers), ElementsAre("a"));
  EXPECT_THAT(Places({"lab@1.0.3#aaaaaaaaaaaa"}, workers),
              ElementsAre("(no worker has the data set \"lab@1.0.3#aaaaaaaaaaaa\"; a has lab, b has "
                          "lab@1.0.1#aaaaaaaaaaaa, c has lab@1.0.3#bbbbbbbbbbbb)"));
}

TEST(SchedulerTest, SyntheticDataOfAKnownStateNeedsAWorkerThatStatesIt) {
  SchedulerSnapshot::WorkerState knowing = WorkerWith("a", 0, 1);
  v1::WorkerDataset& held = *knowing.worker.add_datasets();
  held.set_name("synthetic");
  held.add_packs()->set_source_digest(kDigestA);
  EXPECT_THAT(Places({"synthetic#aaaaaaaaaaaa"}, {WorkerWith("b", 0, 1), knowing}), ElementsAre("a"));
  EXPECT_THAT(Places({"synthetic"}, {WorkerWith("b", 0, 1)}), ElementsAre("b"));
}

}  // namespace
}  // namespace ecgtrain
