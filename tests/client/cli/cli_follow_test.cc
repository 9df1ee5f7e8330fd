#include <gmock/gmock.h>

#include <thread>

#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class CliFollowTest : public CliFixture {
 protected:
  static FakeState WithWatch(std::vector<v1::WatchJobResponse> messages, bool held = false) {
    FakeState state;
    state.jobs = {MakeJob(42, "pre", v1::RUNNING)};
    state.jobs[0].set_attempts(1);
    state.watches = {{std::move(messages), grpc::Status::OK, held}};
    return state;
  }

  static v1::ReadLogsResponse LogPart(uint64_t offset, const std::string& data, v1::JobState state) {
    v1::ReadLogsResponse part;
    part.set_attempt(1);
    part.set_offset(offset);
    part.set_data(data);
    part.mutable_end()->set_final_offset(offset + data.size());
    part.mutable_end()->set_job_state(state);
    return part;
  }
};

TEST_F(CliFollowTest, WaitHasTheExitCodeOfTheJob) {
  for (const auto& [state, code] : {std::pair{v1::SUCCEEDED, 0}, {v1::FAILED, 1}, {v1::CANCELLED, 6}}) {
    Serve(WithWatch({MakeEvent(9, "ended", state)}));
    const CliResult result = Run({"job", "wait", "42"});
    EXPECT_EQ(result.code, code);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("job/42 " + v1::JobState_Name(state)));
  }
}

TEST_F(CliFollowTest, WaitForAnEndedJobAsksNoFurther) {
  FakeState state;
  state.jobs = {MakeJob(42, "pre", v1::FAILED)};
  Serve(state);
  EXPECT_EQ(Run({"job", "wait", "pre"}).code, 1);
  EXPECT_TRUE(fake_->record().watches.empty());
}

TEST_F(CliFollowTest, WaitGoesOnThroughAPauseAndSaysSo) {
  Serve(WithWatch({MakeEvent(8, "paused", v1::PAUSED), MakeEvent(9, "succeeded", v1::SUCCEEDED)}));
  const CliResult result = Run({"job", "wait", "42"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr("PAUSED; still waiting"));
}

TEST_F(CliFollowTest, MaxWaitLeavesTheJobAndIsCodeSeven) {
  Serve(WithWatch({}, /*held=*/true));
  const CliResult result = Run({"job", "wait", "42", "--max-wait", "1ms"});
  EXPECT_EQ(result.code, 7);
  EXPECT_THAT(result.err, HasSubstr("job/42 is RUNNING; ecgctl job wait 42"));
}

TEST_F(CliFollowTest, CtrlCDetachesAndSaysHowToComeBack) {
  Serve(WithWatch({}, /*held=*/true));
  std::thread user([this] {
    // The stream has been opened once it is on record.
    while (fake_->record().watches.empty()) std::this_thread::yield();
    cancellation_.Cancel();
  });
  const CliResult result = Run({"job", "watch", "42"});
  user.join();
  EXPECT_EQ(result.code, 130);
  EXPECT_THAT(result.err, HasSubstr("detached; job/42 is RUNNING; ecgctl job watch 42"));
}

TEST_F(CliFollowTest, WatchWritesPlainLinesWithoutATerminal) {
  v1::Job job = MakeJob(42, "pre", v1::RUNNING);
  job.mutable_progress()->set_total_steps(4);
  job.mutable_progress()->set_step(1);
  job.mutable_progress()->set_epoch(1);
  job.mutable_progress()->set_epochs(2);
  Serve(WithWatch({MakeSnapshot(job, 0), MakeEvent(9, "succeeded", v1::SUCCEEDED)}));
  const CliResult result = Run({"job", "watch", "42"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.out,
            "job/42 pre RUNNING\n"
            "job/42 pre RUNNING epoch 1/2 25 %\n"
            "2027-01-15T08:00:09Z job/42 succeeded\n");
}

TEST_F(CliFollowTest, WatchDrawsABarOnATerminal) {
  terminal_.out = terminal_.fancy = true;
  Serve(WithWatch({MakeEvent(9, "succeeded", v1::SUCCEEDED)}));
  EXPECT_THAT(Run({"job", "watch", "42"}).out, HasSubstr("\x1b[1A\x1b[2K"));
}

TEST_F(CliFollowTest, WatchIsJsonLinesForPrograms) {
  Serve(WithWatch({MakeEvent(9, "succeeded", v1::SUCCEEDED)}));
  EXPECT_THAT(Run({"job", "watch", "42", "-o", "jsonl"}).out,
              HasSubstr("{\"event\":{\"seq\":\"9\",\"job_id\":\"42\",\"time\":\"2027-01-15T08:00:09Z\","
                        "\"type\":\"succeeded\",\"state\":\"SUCCEEDED\"},\"last_event\":\"9\"}\n"));
}

TEST_F(CliFollowTest, RestartOfTheServerIsOneNotice) {
  FakeState state = WithWatch({MakeEvent(1, "leased", v1::RUNNING)});
  state.watches[0].end = kGoingAway;
  state.watches.push_back({{}, kGoingAway});
  state.watches.push_back({{MakeEvent(2, "succeeded", v1::SUCCEEDED)}, grpc::Status::OK});
  Serve(state);
  const CliResult result = Run({"job", "wait", "42"});
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.err, "connection lost (going away); reconnecting\njob/42 SUCCEEDED\n");
}

TEST_F(CliFollowTest, SeveralJobsShareOneScreen) {
  FakeState state;
  state.jobs = {MakeJob(1, "a", v1::SUCCEEDED), MakeJob(2, "b", v1::CANCELLED)};
  Serve(state);
  const CliResult result = Run({"job", "watch", "1", "2"});
  EXPECT_EQ(result.code, 6);
  EXPECT_EQ(result.out, "job/1 a SUCCEEDED\njob/2 b CANCELLED\n");
}

TEST_F(CliFollowTest, LogsArePrintedAsTheyAre) {
  FakeState state = WithWatch({});
  state.logs = {{{LogPart(0, "one\x1b[0m\ntwo\n", v1::RUNNING)}, grpc::Status::OK}};
  Serve(state);
  const CliResult result = Run({"job", "logs", "42"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "one\x1b[0m\ntwo\n");
}

TEST_F(CliFollowTest, LogsOnATerminalAreEscaped) {
  terminal_.out = true;
  FakeState state = WithWatch({});
  state.logs = {{{LogPart(0, "one\x1b[0m\ntwo\n", v1::RUNNING)}, grpc::Status::OK}};
  Serve(state);
  EXPECT_EQ(Run({"logs", "42"}).out, "one\\x1b[0m\ntwo\n");
}

TEST_F(CliFollowTest, TailBeginsWithTheLastLines) {
  FakeState state = WithWatch({});
  state.logs = {{{LogPart(0, "one\ntwo\nthree\n", v1::RUNNING)}, grpc::Status::OK},
                {{LogPart(4, "two\nthree\n", v1::RUNNING)}, grpc::Status::OK}};
  Serve(state);
  EXPECT_EQ(Run({"logs", "42", "--tail", "2"}).out, "two\nthree\n");
  EXPECT_EQ(fake_->record().logs[1].offset(), 4u);
}

TEST_F(CliFollowTest, FollowedLogGoesOnWithTheNextAttempt) {
  v1::Job retried = MakeJob(42, "pre", v1::RUNNING);
  retried.set_attempts(2);
  FakeState state = WithWatch({MakeSnapshot(retried, 5)});
  state.logs = {{{LogPart(0, "first\n", v1::QUEUED)}, grpc::Status::OK},
                {{LogPart(0, "second\n", v1::SUCCEEDED)}, grpc::Status::OK}};
  Serve(state);
  const CliResult result = Run({"logs", "-f", "42"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "first\nsecond\n");
  EXPECT_EQ(fake_->record().logs[1].attempt(), 2u);
}

TEST_F(CliFollowTest, JobThatHasNotStartedHasNoLogYet) {
  FakeState state;
  state.jobs = {MakeJob(42, "pre", v1::QUEUED)};
  Serve(state);
  const CliResult result = Run({"logs", "42"});
  EXPECT_EQ(result.code, 8);
  EXPECT_THAT(result.err, HasSubstr("ecgctl job explain 42"));
}

}  // namespace
}  // namespace ecgtrain
