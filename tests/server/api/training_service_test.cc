#include "server/api/training_service.h"

#include <set>
#include <thread>

#include "proto/grpc_status.h"
#include "tests/server/api/server_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class TrainingServiceTest : public ServerFixture {
 protected:
  void SetUp() override { Start(); }

  v1::TrainerEvent Metric(uint64_t seq, uint64_t step, double value) {
    v1::TrainerEvent event;
    event.set_seq(seq);
    event.mutable_metrics()->set_step(step);
    (*event.mutable_metrics()->mutable_values())["train/loss"] = value;
    return event;
  }

  v1::ReportEventsRequest Training(const v1::AttemptRef& attempt) {
    v1::ReportEventsRequest report;
    *report.mutable_attempt() = attempt;
    v1::TrainerEvent& phase = *report.add_events();
    phase.set_seq(1);
    phase.mutable_phase()->set_phase("training");
    (*phase.mutable_phase()->mutable_environment())["device"] = "cpu";
    return report;
  }

  // Event numbers of a watch from `after` to the end of the job.
  std::vector<int64_t> WatchToTheEnd(int64_t job, int64_t after) {
    v1::WatchJobRequest request;
    request.set_job(absl::StrCat(job));
    request.set_after_event(after);
    request.set_until_ended(true);
    Call call;
    const auto reader = training_->WatchJob(&call.context, request);
    std::vector<int64_t> events;
    v1::WatchJobResponse response;
    while (reader->Read(&response)) {
      if (response.has_event()) events.push_back(response.event().seq());
    }
    EXPECT_THAT(FromGrpcStatus(reader->Finish()), IsOk());
    return events;
  }
};

TEST_F(TrainingServiceTest, ConcurrentRequestsWithOneIdMakeOneJob) {
  std::vector<int64_t> ids(8);
  std::vector<std::thread> threads;
  for (int64_t& id : ids) threads.emplace_back([&] { id = Submit("same-id"); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()).size(), 1u);
  v1::ListJobsResponse list;
  Call call;
  ASSERT_THAT(FromGrpcStatus(training_->ListJobs(&call.context, v1::ListJobsRequest(), &list)), IsOk());
  EXPECT_EQ(list.jobs_size(), 1);
}

TEST_F(TrainingServiceTest, ARestartKeepsJobsAndAnswers) {
  const int64_t id = Submit("first");
  Stop();
  Start();
  EXPECT_EQ(GetJob(id).name(), "pre");
  EXPECT_EQ(Submit("first"), id);
}

TEST_F(TrainingServiceTest, ErrorsCarryTheFieldThatIsWrong) {
  v1::SubmitJobsRequest request;
  request.set_request_id("x");
  *request.add_specs() = Pretrain();
  request.mutable_specs(0)->set_precision("fp99");
  v1::SubmitJobsResponse response;
  Call call;
  const absl::Status status = FromGrpcStatus(training_->SubmitJobs(&call.context, request, &response));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_EQ(Violations(status).size(), 1u);
  EXPECT_EQ(Violations(status)[0].field, "specs[0].precision");
}

TEST_F(TrainingServiceTest, AnUnknownJobIsNotFound) {
  v1::GetJobRequest request;
  request.set_job("99");
  v1::GetJobResponse response;
  Call call;
  EXPECT_THAT(FromGrpcStatus(training_->GetJob(&call.context, request, &response)),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(TrainingServiceTest, PagesOfAListHoldEachJobOnce) {
  for (int i = 0; i < 25; ++i) Submit(absl::StrCat("id-", i));
  std::vector<int64_t> ids;
  v1::ListJobsRequest request;
  request.set_page_size(10);
  do {
    v1::ListJobsResponse page;
    Call call;
    ASSERT_THAT(FromGrpcStatus(training_->ListJobs(&call.context, request, &page)), IsOk());
    for (const v1::Job& job : page.jobs()) {
      ids.push_back(job.id());
      EXPECT_EQ(job.pending().reason(), v1::NO_FITTING_WORKER);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids.size(), 25u);
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
}

TEST_F(TrainingServiceTest, AWatchResumesWithoutGapOrRepeat) {
  Register();
  const int64_t id = Submit("job");
  const v1::AttemptRef attempt = AwaitStart(id);
  ASSERT_THAT(Report(Training(attempt)), IsOk());
  ASSERT_THAT(Finish(attempt, v1::COMPLETED), IsOk());
  const std::vector<int64_t> all = WatchToTheEnd(id, 0);
  ASSERT_GE(all.size(), 4u);  // submitted, leased, started, phase, succeeded
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<int64_t> rest = WatchToTheEnd(id, all[i]);
    EXPECT_EQ(rest, std::vector<int64_t>(all.begin() + static_cast<long>(i) + 1, all.end()));
  }
}

TEST_F(TrainingServiceTest, AWatchFollowsALiveJobToItsEnd) {
  Register();
  const int64_t id = Submit("job");
  std::vector<int64_t> watched;
  std::thread watcher([&] { watched = WatchToTheEnd(id, 0); });
  const v1::AttemptRef attempt = AwaitStart(id);
  ASSERT_THAT(Report(Training(attempt)), IsOk());
  ASSERT_THAT(Finish(attempt, v1::COMPLETED), IsOk());
  watcher.join();
  EXPECT_EQ(watched, WatchToTheEnd(id, 0));
}

TEST_F(TrainingServiceTest, ShutdownTellsWatchersToComeBack) {
  const int64_t id = Submit("job");
  v1::WatchJobRequest request;
  request.set_job(absl::StrCat(id));
  Call call;
  const auto reader = training_->WatchJob(&call.context, request);
  v1::WatchJobResponse response;
  ASSERT_TRUE(reader->Read(&response));
  std::thread stopper([&] { server_->Shutdown(); });
  while (reader->Read(&response)) continue;
  EXPECT_THAT(FromGrpcStatus(reader->Finish()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("going away")));
  stopper.join();
}

TEST_F(TrainingServiceTest, MetricsFollowToTheEndAndLeaveOutWhatALaterAttemptRepeated) {
  Register();
  const int64_t id = Submit("job");
  const v1::AttemptRef first = AwaitStart(id);
  v1::ReportEventsRequest report = Training(first);
  *report.add_events() = Metric(2, 10, 0.9);
  *report.add_events() = Metric(3, 20, 0.8);
  ASSERT_THAT(Report(report), IsOk());
  ASSERT_THAT(Finish(first, v1::DEVICE_BUSY), IsOk());  // free and at once: a second attempt from the start
  const v1::AttemptRef second = AwaitStart(id);
  report = Training(second);
  *report.add_events() = Metric(2, 10, 0.5);
  ASSERT_THAT(Report(report), IsOk());

  v1::ReadMetricsRequest request;
  request.set_job(absl::StrCat(id));
  request.set_names("train/.*");
  request.set_follow(true);
  Call call;
  const auto reader = training_->ReadMetrics(&call.context, request);
  v1::ReadMetricsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_EQ(response.points_size(), 1);
  EXPECT_EQ(response.points(0).attempt(), 2u);
  ASSERT_THAT(Finish(second, v1::COMPLETED), IsOk());
  v1::JobState final_state = v1::JOB_STATE_UNSPECIFIED;
  while (reader->Read(&response)) final_state = response.final_state();
  EXPECT_EQ(final_state, v1::SUCCEEDED);
  EXPECT_THAT(FromGrpcStatus(reader->Finish()), IsOk());

  request.set_all_attempts(true);
  Call again;
  const auto everything = training_->ReadMetrics(&again.context, request);
  int points = 0;
  while (everything->Read(&response)) points += response.points_size();
  EXPECT_EQ(points, 3);
}

TEST_F(TrainingServiceTest, ABadPatternOfNamesIsRefused) {
  v1::ReadMetricsRequest request;
  request.set_job(absl::StrCat(Submit("job")));
  request.set_names("(");
  Call call;
  const auto reader = training_->ReadMetrics(&call.context, request);
  v1::ReadMetricsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_THAT(FromGrpcStatus(reader->Finish()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TrainingServiceTest, LogsAreReadFromAnyOffsetToAnEndMarker) {
  Register();
  const int64_t id = Submit("job");
  v1::ReportEventsRequest report = Training(AwaitStart(id));
  report.set_log(std::string(700'000, 'x') + "end");
  ASSERT_THAT(Report(report), IsOk());
  ASSERT_THAT(Finish(report.attempt(), v1::COMPLETED), IsOk());

  const auto read = [&](uint64_t offset, uint64_t tail) {
    v1::ReadLogsRequest request;
    request.set_job(absl::StrCat(id));
    request.set_offset(offset);
    request.set_tail_bytes(tail);
    request.set_follow(true);
    Call call;
    const auto reader = training_->ReadLogs(&call.context, request);
    std::string text;
    v1::ReadLogsResponse response;
    while (reader->Read(&response)) text += response.data();
    EXPECT_EQ(response.end().final_offset(), 700'003u);
    EXPECT_EQ(response.end().job_state(), v1::SUCCEEDED);
    EXPECT_THAT(FromGrpcStatus(reader->Finish()), IsOk());
    return text;
  };
  EXPECT_EQ(read(0, 0).size(), 700'003u);
  EXPECT_EQ(read(699'999, 0), "xend");
  EXPECT_EQ(read(0, 3), "end");
}

TEST_F(TrainingServiceTest, StatusTellsWhatIsThere) {
  Submit("job");
  v1::GetServerStatusResponse status;
  Call call;
  ASSERT_THAT(
      FromGrpcStatus(training_->GetServerStatus(&call.context, v1::GetServerStatusRequest(), &status)),
      IsOk());
  EXPECT_EQ(status.jobs().at(v1::QUEUED), 1);
  EXPECT_FALSE(status.insecure());
}

}  // namespace
}  // namespace ecgtrain
