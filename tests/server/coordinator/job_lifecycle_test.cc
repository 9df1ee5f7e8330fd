#include "server/coordinator/job_lifecycle.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "tests/fakes/fake_job_store.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

TEST(JobLifecycleTest, AllowsTheEdgesOfThePictureAndNoOthers) {
  const std::set<std::pair<int, int>> edges = {{v1::JOB_STATE_UNSPECIFIED, v1::QUEUED},
                                               {v1::JOB_STATE_UNSPECIFIED, v1::PAUSED},
                                               {v1::QUEUED, v1::RUNNING},
                                               {v1::QUEUED, v1::PAUSED},
                                               {v1::QUEUED, v1::CANCELLED},
                                               {v1::RUNNING, v1::QUEUED},
                                               {v1::RUNNING, v1::PAUSED},
                                               {v1::RUNNING, v1::SUCCEEDED},
                                               {v1::RUNNING, v1::FAILED},
                                               {v1::RUNNING, v1::CANCELLED},
                                               {v1::PAUSED, v1::QUEUED},
                                               {v1::PAUSED, v1::CANCELLED},
                                               {v1::SUCCEEDED, v1::QUEUED},
                                               {v1::FAILED, v1::QUEUED},
                                               {v1::CANCELLED, v1::QUEUED}};
  for (int from = 0; from <= v1::CANCELLED; ++from) {
    for (int to = 0; to <= v1::CANCELLED; ++to) {
      EXPECT_EQ(IsAllowedTransition(static_cast<v1::JobState>(from), static_cast<v1::JobState>(to)),
                edges.contains({from, to}))
          << v1::JobState_Name(static_cast<v1::JobState>(from)) << " to "
          << v1::JobState_Name(static_cast<v1::JobState>(to));
    }
  }
}

class JobTransitionTest : public testing::Test {
 protected:
  absl::Status Move(v1::Job& job, v1::JobState to) {
    return store_.WriteAndWait([&](StoreTransaction& store) {
      Mutation mutation{store, effects_, clock_.Now(), admission_};
      return TransitionJob(mutation, job, {.to = to, .event = "test", .actor = "somebody"});
    });
  }

  FakeClock clock_;
  FakeJobStore store_{clock_};
  DiskGuard disk_{clock_};
  Admission admission_{clock_, disk_, {}};
  Effects effects_;
};

TEST_F(JobTransitionTest, EveryMoveWritesOneEventWithStateAndActor) {
  v1::Job job;
  ASSERT_THAT(Move(job, v1::QUEUED), IsOk());
  ASSERT_THAT(Move(job, v1::RUNNING), IsOk());
  ASSERT_THAT(store_.Read([&](StoreReader& reader) {
    const auto events = *reader.Events(job.id(), 0, 10);
    EXPECT_EQ(events.size(), 2u);
    EXPECT_EQ(events.back().state(), v1::RUNNING);
    EXPECT_EQ(events.back().actor(), "somebody");
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_F(JobTransitionTest, ARefusedMoveNamesStateAndVerbsAndWritesNothing) {
  v1::Job job;
  ASSERT_THAT(Move(job, v1::QUEUED), IsOk());
  ASSERT_THAT(Move(job, v1::CANCELLED), IsOk());
  EXPECT_THAT(Move(job, v1::PAUSED),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is CANCELLED and cannot be")));
  EXPECT_EQ(job.state(), v1::CANCELLED);
}

TEST_F(JobTransitionTest, LeavingRunningClearsStopRequestAndWorker) {
  v1::Job job;
  ASSERT_THAT(Move(job, v1::QUEUED), IsOk());
  job.set_worker("w1");
  ASSERT_THAT(Move(job, v1::RUNNING), IsOk());
  EXPECT_EQ(job.worker(), "w1");
  job.set_stop_requested(v1::STOP_PAUSE);
  ASSERT_THAT(Move(job, v1::PAUSED), IsOk());
  EXPECT_EQ(job.stop_requested(), v1::STOP_NONE);
  EXPECT_EQ(job.worker(), "");
}

TEST_F(JobTransitionTest, RequeueForgetsTheEnd) {
  v1::Job job;
  ASSERT_THAT(Move(job, v1::QUEUED), IsOk());
  ASSERT_THAT(Move(job, v1::CANCELLED), IsOk());
  EXPECT_TRUE(job.has_ended());
  ASSERT_THAT(Move(job, v1::QUEUED), IsOk());
  EXPECT_FALSE(job.has_ended());
}

}  // namespace
}  // namespace ecgtrain
