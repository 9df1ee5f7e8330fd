// Limits of callers (service.md, section 7), at the limit and one more.
#include "proto/grpc_status.h"
#include "server/api/follow_limit.h"
#include "server/api/stall_watchdog.h"
#include "tests/server/api/server_fixture.h"
#include "tests/support/gate.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(FollowLimitTest, AUserHasTheLimitAndNotOneMoreUntilOneLeaves) {
  FollowLimit limit(2, 10);
  const auto first = limit.Enter("ann");
  {
    const auto second = limit.Enter("ann");
    ASSERT_THAT(second, IsOk());
    EXPECT_THAT(limit.Enter("ann"), StatusIs(absl::StatusCode::kResourceExhausted,
                                             AllOf(HasSubstr("user ann has 2"), HasSubstr("close one"))));
    EXPECT_THAT(limit.Enter("ben"), IsOk());
  }
  EXPECT_THAT(limit.Enter("ann"), IsOk());
}

TEST(FollowLimitTest, AllUsersTogetherHaveTheLimitAndNotOneMore) {
  FollowLimit limit(2, 3);
  const auto a = limit.Enter("ann"), b = limit.Enter("ann"), c = limit.Enter("ben");
  ASSERT_THAT(c, IsOk());
  EXPECT_THAT(limit.Enter("eve"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("all users together have 3")));
}

TEST(StallWatchdogTest, CutsWhatIsNotSentWithinTheLimitAndNothingElse) {
  FakeClock clock;
  Gate sent_cut, stalled_cut, later_cut;
  int sent = 0, stalled = 0, later = 0;
  StallWatchdog watchdog(clock, absl::Seconds(60));
  watchdog.Sending(&sent, [&] { sent_cut.Open(); });
  watchdog.Sent(&sent);
  watchdog.Sending(&stalled, [&] { stalled_cut.Open(); });
  clock.Advance(absl::Seconds(1));
  watchdog.Sending(&later, [&] { later_cut.Open(); });
  clock.Advance(absl::Seconds(59));
  stalled_cut.Wait();
  EXPECT_FALSE(sent_cut.IsOpen());
  EXPECT_FALSE(later_cut.IsOpen());
  clock.Advance(absl::Seconds(1));
  later_cut.Wait();
  watchdog.Sent(&later);
}

TEST(LoopbackPeerTest, OnlyPeersOnThisMachineAreLoopback) {
  EXPECT_TRUE(IsLoopbackPeer("ipv4:127.0.0.1:52144"));
  EXPECT_TRUE(IsLoopbackPeer("ipv6:[::1]:52144"));
  EXPECT_TRUE(IsLoopbackPeer("ipv6:%5B::1%5D:52144"));
  EXPECT_FALSE(IsLoopbackPeer("ipv4:10.0.127.1:52144"));
  EXPECT_FALSE(IsLoopbackPeer("ipv6:[2001:db8::1]:52144"));
  EXPECT_FALSE(IsLoopbackPeer(""));
}

class LimitsTest : public ServerFixture {
 protected:
  absl::Status GetStatus() {
    v1::GetServerStatusResponse response;
    Call call;
    return FromGrpcStatus(training_->GetServerStatus(&call.context, v1::GetServerStatusRequest(), &response));
  }

  // A stream that has given its first message.
  struct Follow {
    Call call;
    v1::WatchJobResponse response;
    std::unique_ptr<grpc::ClientReader<v1::WatchJobResponse>> reader;
  };
  std::unique_ptr<Follow> Watch(int64_t job) {
    auto follow = std::make_unique<Follow>();
    v1::WatchJobRequest request;
    request.set_job(absl::StrCat(job));
    request.set_until_ended(true);
    follow->reader = training_->WatchJob(&follow->call.context, request);
    return follow;
  }
};

TEST_F(LimitsTest, OneFollowMoreThanTheLimitIsRefusedWhileTheOthersGoOn) {
  options_.limits.follows_per_user = 2;
  Start();
  const int64_t job = Submit("id");
  const auto first = Watch(job), second = Watch(job);
  ASSERT_TRUE(first->reader->Read(&first->response));
  ASSERT_TRUE(second->reader->Read(&second->response));
  const auto third = Watch(job);
  EXPECT_FALSE(third->reader->Read(&third->response));
  EXPECT_THAT(FromGrpcStatus(third->reader->Finish()), StatusIs(absl::StatusCode::kResourceExhausted));
  v1::CancelJobRequest cancel;
  cancel.set_request_id("cancel");
  cancel.set_job(absl::StrCat(job));
  v1::CancelJobResponse response;
  Call call;
  ASSERT_THAT(FromGrpcStatus(training_->CancelJob(&call.context, cancel, &response)), IsOk());
  for (const auto* follow : {first.get(), second.get()}) {
    v1::WatchJobResponse rest;
    while (follow->reader->Read(&rest)) continue;
    EXPECT_THAT(FromGrpcStatus(follow->reader->Finish()), IsOk());
  }
  const auto fourth = Watch(job);
  EXPECT_TRUE(fourth->reader->Read(&fourth->response)) << "places are given back";
}

TEST_F(LimitsTest, OneCallMoreThanTheBurstIsRefused) {
  options_.limits.calls_per_second = 0;  // none comes back
  options_.limits.calls_at_once = 3;
  options_.limits.count_loopback_calls = true;
  Start();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(GetStatus(), IsOk());
  EXPECT_THAT(GetStatus(), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("calls more often")));
}

TEST_F(LimitsTest, WorkersAndCallersOnThisMachineAreNotCounted) {
  options_.limits.calls_per_second = 0;
  options_.limits.calls_at_once = 1;
  Start();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(GetStatus(), IsOk());
}

TEST_F(LimitsTest, AReaderThatStopsReadingIsCut) {
  options_.limits.stall = absl::Milliseconds(100);
  options_.limits.follows_per_user = 1;
  options_.heartbeat_hold = absl::ZeroDuration();
  Start();
  Register();
  const v1::AttemptRef attempt = AwaitStart(Submit("id"));
  v1::ReportEventsRequest report;
  *report.mutable_attempt() = attempt;
  for (int i = 0; i < 3; ++i) {  // more than flow control lets out unread
    report.set_log_offset(static_cast<uint64_t>(i) * (3 << 20));
    report.set_log(std::string(3 << 20, 'x'));
    ASSERT_THAT(Report(report), IsOk());
  }
  v1::ReadLogsRequest request;
  request.set_job(absl::StrCat(attempt.job_id()));
  Call call;
  const auto reader = training_->ReadLogs(&call.context, request);
  v1::ReadLogsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  // Its place is another's once it has been cut.
  bool cut = false;
  while (!cut) {
    const auto other = Watch(attempt.job_id());
    cut = other->reader->Read(&other->response);
    other->call.context.TryCancel();
    other->reader->Finish();
  }
  while (reader->Read(&response)) continue;
  EXPECT_FALSE(response.has_end());
  EXPECT_THAT(FromGrpcStatus(reader->Finish()), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace ecgtrain
