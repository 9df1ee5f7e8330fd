// P37, F19 and the limits of callers, through the coordinator's own calls.
#include "server/coordinator/admission.h"

#include "server/coordinator/submission.h"
#include "tests/fakes/fake_free_space.h"
#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

constexpr uint64_t kMiB = 1 << 20;

class AdmissionTest : public CoordinatorFixture {
 protected:
  AdmissionTest() {
    coordinator_ = std::make_unique<Coordinator>(
        store_, *artifacts_, clock_, observer_,
        CoordinatorOptions{.admission = {.queued_per_user = 3, .queued = 5, .log_bytes_per_second = 1000},
                           .disk = &disk_});
  }

  void SetFree(uint64_t free) {
    space_.Set(free);
    clock_.Advance(absl::Seconds(1));
  }

  absl::Status SubmitAs(const std::string& user, int jobs) {
    v1::SubmitJobsRequest request;
    request.set_request_id(NextRequestId());
    for (int i = 0; i < jobs; ++i) *request.add_specs() = Pretrain(absl::StrCat("job-", i));
    absl::StatusOr<v1::SubmitJobsResponse> answer = absl::UnknownError("no reply");
    SubmitJobs(coordinator_->mutations(), user, request, [&](auto given) { answer = std::move(given); });
    return answer.status();
  }

  // Reports a log from `offset` on; the acknowledged offset.
  uint64_t ReportLog(const v1::AttemptRef& attempt, uint64_t offset, size_t size) {
    v1::ReportEventsRequest request;
    *request.mutable_attempt() = attempt;
    request.set_log_offset(offset);
    request.set_log(std::string(size, 'x'));
    const auto answer = Report(request);
    EXPECT_THAT(answer, IsOk());
    return answer.ok() ? answer->acknowledged_log_offset() : 0;
  }

  absl::Status ReportLoss(const v1::AttemptRef& attempt, double loss) {
    v1::TrainerEvent event;
    (*event.mutable_metrics()->mutable_values())["train/loss"] = loss;
    return ReportEvent(attempt, event);
  }

  size_t PointsOf(int64_t job) {
    size_t points = 0;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
      const auto rows = reader.Metrics({.job_id = job});
      if (rows.ok()) points = rows->size();
      return rows.status();
    }),
                IsOk());
    return points;
  }

  FakeFreeSpace space_{100 * kMiB};
  DiskGuard disk_{clock_,
                  space_,
                  {.logs = 30 * kMiB, .metrics = 20 * kMiB, .new_work = 10 * kMiB, .reserve = 0},
                  folder_.path() / "reserve"};
};

TEST_F(AdmissionTest, AUserMayQueueUpToTheLimitAndNotOneMore) {
  EXPECT_THAT(SubmitAs("ann", 2), IsOk());
  EXPECT_THAT(SubmitAs("ann", 2), StatusIs(absl::StatusCode::kResourceExhausted,
                                           AllOf(HasSubstr("user ann has 2"), HasSubstr("limit of 3"))));
  EXPECT_THAT(SubmitAs("ann", 1), IsOk());
  EXPECT_THAT(SubmitAs("ann", 1), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(AdmissionTest, AllUsersTogetherMayQueueUpToTheLimitAndNotOneMore) {
  EXPECT_THAT(SubmitAs("ann", 3), IsOk());
  EXPECT_THAT(SubmitAs("ben", 3),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("the service has 3 queued jobs")));
  EXPECT_THAT(SubmitAs("ben", 2), IsOk());
  EXPECT_THAT(SubmitAs("eve", 1), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(AdmissionTest, AJobThatLeavesTheQueueMakesRoomForAnother) {
  const int64_t id = SubmitOne(Pretrain());
  EXPECT_THAT(SubmitAs("ann", 2), IsOk());
  EXPECT_THAT(SubmitAs("ann", 1), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Cancel(id), IsOk());
  EXPECT_THAT(SubmitAs("ann", 1), IsOk());
}

TEST_F(AdmissionTest, LogBytesOverTheRateWaitWithTheWorker) {
  Register();
  const v1::AttemptRef attempt = StartAttempt(SubmitOne(Pretrain()));
  EXPECT_EQ(ReportLog(attempt, 0, 1000), 1000u);
  EXPECT_EQ(ReportLog(attempt, 1000, 1), 1000u);
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_EQ(ReportLog(attempt, 1000, 500), 1100u);
}

TEST_F(AdmissionTest, FullDiskRefusesNewJobsAndNothingThatMovesOldOnes) {
  Register();
  const int64_t running = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(running);
  const int64_t queued = SubmitOne(Pretrain("second"));
  const auto known = Submit({Pretrain("third")}, "known");
  ASSERT_THAT(known, IsOk());

  SetFree(10 * kMiB - 1);
  EXPECT_THAT(SubmitAs("ann", 1), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--keep-free")));
  EXPECT_EQ(Submit({Pretrain("third")}, "known")->SerializeAsString(), known->SerializeAsString());
  EXPECT_THAT(Cancel(queued), IsOk());
  EXPECT_EQ(GetJob(queued).state(), v1::CANCELLED);
  EXPECT_THAT(Pause(known->jobs(0).id()), IsOk());
  EXPECT_THAT(Resume(known->jobs(0).id()), IsOk());
  Beat({Held(attempt)});
  EXPECT_THAT(Finish(attempt, v1::COMPLETED), IsOk());
  EXPECT_EQ(GetJob(running).state(), v1::SUCCEEDED);
  EXPECT_EQ(GetAttempt(StartAttempt(known->jobs(0).id()).job_id(), 1).state(), v1::ATTEMPT_RUNNING);

  SetFree(10 * kMiB);
  EXPECT_THAT(SubmitAs("ann", 1), IsOk());
}

TEST_F(AdmissionTest, FillingDiskLeavesLogsThenMetricsButNeverEvents) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  SetFree(30 * kMiB - 1);
  EXPECT_EQ(ReportLog(attempt, 0, 10), 0u);
  EXPECT_THAT(ReportLoss(attempt, 0.5), IsOk());
  EXPECT_EQ(PointsOf(id), 1u);

  SetFree(20 * kMiB - 1);
  EXPECT_THAT(ReportLoss(attempt, 0.4), IsOk()) << "acknowledged, so that the events behind it go on";
  EXPECT_EQ(PointsOf(id), 1u);
  EXPECT_EQ(GetJob(id).metrics().at("train/loss"), 0.4) << "the last value is kept";
  v1::TrainerEvent warning;
  warning.mutable_warning()->set_code("CODE");
  const size_t before = Events(id).size();
  EXPECT_THAT(ReportEvent(attempt, warning), IsOk());
  EXPECT_THAT(Events(id), SizeIs(before + 1));

  SetFree(30 * kMiB);
  EXPECT_EQ(ReportLog(attempt, 0, 10), 10u) << "nothing of the log is lost";
}

TEST_F(AdmissionTest, ChangesOfTheLevelAreEventsOfTheAuditTrail) {
  Round();
  SetFree(20 * kMiB - 1);
  Round();
  Round();
  SetFree(30 * kMiB);
  Round();
  const auto events = Events(0);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].type(), "disk");
  EXPECT_THAT(events[0].message(), HasSubstr("not taken: logs, metrics"));
  EXPECT_THAT(events[1].message(), HasSubstr("room again"));
}

}  // namespace
}  // namespace ecgtrain
