#include "server/coordinator/worker_sessions.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/coordinator/job_commands.h"
#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;
using WorkerSessionsTest = CoordinatorFixture;

TEST_F(WorkerSessionsTest, ALeaseIsToldUntilTheWorkerHoldsIt) {
  Register();
  SubmitOne(Pretrain());
  Round();
  ASSERT_EQ(Beat().start_size(), 1);
  const v1::HeartbeatResponse again = Beat();
  ASSERT_EQ(again.start_size(), 1) << "the first answer may have been lost";
  EXPECT_EQ(Beat({Held(again.start(0).attempt(), v1::HeldAttempt::PREPARING)}).start_size(), 0);
}

TEST_F(WorkerSessionsTest, AnUnknownAttemptIsToBeForgotten) {
  Register();
  v1::AttemptRef stranger;
  stranger.set_job_id(99);
  stranger.set_attempt(1);
  stranger.set_token(12345);
  const v1::HeartbeatResponse orders = Beat({Held(stranger)});
  ASSERT_EQ(orders.forget_size(), 1);
  EXPECT_EQ(orders.forget(0).job_id(), 99);
}

// A worker registers anew after each pack, too.
TEST_F(WorkerSessionsTest, RegisteringAgainKeepsWhenACordonWasLifted) {
  Register();
  const auto worker = [this] {
    v1::Worker row;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(row, reader.GetWorker("w1"));
      return absl::OkStatus();
    }),
                IsOk());
    return row;
  };
  v1::UpdateWorkerRequest request;
  request.set_request_id(NextRequestId());
  request.set_name("w1");
  UpdateWorker(coordinator_->mutations(), {"ann"}, request,
               [](const auto& reply) { EXPECT_TRUE(reply.ok()); });
  const v1::Worker before = worker();
  ASSERT_TRUE(before.has_uncordoned());
  clock_.Advance(absl::Seconds(1));
  Register();
  EXPECT_EQ(worker().uncordoned().seconds(), before.uncordoned().seconds());
}

TEST_F(WorkerSessionsTest, HostileDescriptionsOfDataSetsAreRefused) {
  const auto refused = [this](const std::function<void(v1::WorkerDataset&)>& spoil) {
    v1::RegisterWorkerRequest request;
    request.set_name("w1");
    request.set_incarnation("i1");
    v1::WorkerDataset& dataset = *request.add_datasets();
    dataset.set_name("lab");
    v1::DatasetPack& pack = *dataset.add_packs();
    pack.set_digest(std::string(64, 'a'));
    pack.set_source_digest(std::string(64, 'b'));
    spoil(dataset);
    absl::Status answer = absl::UnknownError("no reply");
    coordinator_->sessions().Register(request, [&answer](const auto& reply) { answer = reply.status(); });
    return answer;
  };
  EXPECT_THAT(refused([](v1::WorkerDataset&) {}), IsOk());
  for (const auto& spoil : std::vector<std::function<void(v1::WorkerDataset&)>>{
           [](v1::WorkerDataset& dataset) { dataset.set_name("../lab"); },
           [](v1::WorkerDataset& dataset) { dataset.set_version("1 0"); },
           [](v1::WorkerDataset& dataset) { dataset.mutable_packs(0)->set_digest("short"); },
           [](v1::WorkerDataset& dataset) {
             dataset.mutable_packs(0)->set_source_digest(std::string(64, 'X'));
           },
           [](v1::WorkerDataset& dataset) {
             dataset.mutable_packs(0)->add_notes(std::string(70000, 'n'));
           }}) {
    EXPECT_THAT(refused(spoil), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("data set")));
  }
}

TEST_F(WorkerSessionsTest, ABeatThatIsNotNewCountsForNothing) {
  Register();
  v1::HeartbeatRequest beat;
  beat.set_worker("w1");
  beat.set_session(sessions_["i1"]);
  beat.set_beat(5);
  EXPECT_TRUE(*coordinator_->sessions().Accept(beat));
  EXPECT_FALSE(*coordinator_->sessions().Accept(beat));
  beat.set_beat(4);
  EXPECT_FALSE(*coordinator_->sessions().Accept(beat));
}

TEST_F(WorkerSessionsTest, ABeatOfNoSessionIsAskedToRegister) {
  Register();
  v1::HeartbeatRequest beat;
  beat.set_worker("w1");
  beat.set_session("other");
  beat.set_beat(1);
  EXPECT_THAT(coordinator_->sessions().Accept(beat),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("register")));
}

// P5, F15: what was on its way when the coordinator died says nothing of today.
TEST_F(WorkerSessionsTest, ABeatFromBeforeTheRestartLosesNoAttempt) {
  Register();
  const std::string session = sessions_["i1"];
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  coordinator_ = std::make_unique<Coordinator>(store_, *artifacts_, clock_, observer_, CoordinatorOptions{});
  v1::HeartbeatRequest late;  // sent before the attempt was there
  late.set_worker("w1");
  late.set_session(session);
  late.set_beat(1);
  EXPECT_THAT(coordinator_->sessions().Accept(late), StatusIs(absl::StatusCode::kFailedPrecondition));
  Register("w1", "i1", {attempt});
  EXPECT_THAT(coordinator_->sessions().Accept(late), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Beat({Held(attempt)}).forget_size(), 0);
  EXPECT_EQ(GetJob(id).attempts(), 1u);
  EXPECT_EQ(GetAttempt(id, 1).state(), v1::ATTEMPT_RUNNING);
}

// F13: a doubled or late registration, also of a process that is gone, costs a new registration and nothing
// else.
TEST_F(WorkerSessionsTest, ALateRegistrationLosesNoAttempt) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  const std::string session = sessions_["i1"];
  Register("w1", "i0");
  v1::HeartbeatRequest beat;
  beat.set_worker("w1");
  beat.set_session(session);
  beat.set_beat(100);
  EXPECT_THAT(coordinator_->sessions().Accept(beat), StatusIs(absl::StatusCode::kFailedPrecondition));
  Register("w1", "i1", {attempt});
  EXPECT_EQ(Beat({Held(attempt)}).forget_size(), 0);
  EXPECT_EQ(GetAttempt(id, 1).state(), v1::ATTEMPT_RUNNING);
}

TEST_F(WorkerSessionsTest, ARestartedCoordinatorKeepsTheAttemptsOfAWorkerThatReturns) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  coordinator_ = std::make_unique<Coordinator>(store_, *artifacts_, clock_, observer_, CoordinatorOptions{});
  Register("w1", "i1", {attempt});
  const v1::HeartbeatResponse orders = Beat({Held(attempt)});
  EXPECT_EQ(orders.start_size() + orders.stop_size() + orders.forget_size(), 0);
  EXPECT_EQ(GetJob(id).state(), v1::RUNNING);
}

TEST_F(WorkerSessionsTest, NothingLapsesBecauseTheCoordinatorWasAway) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  StartAttempt(id);
  clock_.Advance(absl::Hours(10));
  coordinator_ = std::make_unique<Coordinator>(store_, *artifacts_, clock_, observer_, CoordinatorOptions{});
  Register("w2", "i2");
  Round();
  EXPECT_EQ(GetJob(id).worker(), "w1");
  EXPECT_EQ(GetJob(id).attempts(), 1u);
}

TEST_F(WorkerSessionsTest, AnExpiredLeaseMovesTheJobWhereADeviceIsFree) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef old = StartAttempt(id);
  clock_.Advance(absl::Minutes(6));
  Round();
  EXPECT_EQ(GetJob(id).attempts(), 1u) << "nowhere else to run it";
  EXPECT_TRUE(GetAttempt(id, 1).has_unreachable_since());
  EXPECT_EQ(GetJob(id).state(), v1::RUNNING);
  EXPECT_TRUE(GetJob(id).has_unreachable_since());
  Register("w2", "i2");
  Round();
  EXPECT_EQ(GetJob(id).attempts(), 2u);
  EXPECT_EQ(GetJob(id).worker(), "w2");
  EXPECT_FALSE(GetJob(id).has_unreachable_since());
  EXPECT_EQ(GetAttempt(id, 1).reason(), v1::WORKER_LOST);
  // The zombie comes back.
  EXPECT_EQ(Beat({Held(old)}).forget_size(), 1);
  EXPECT_THAT(Finish(old, v1::COMPLETED), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(GetJob(id).state(), v1::RUNNING);
}

TEST_F(WorkerSessionsTest, ExpiredLeaseReturnsJobToQueueWhereTheSpecSaysSo) {
  Register();
  v1::JobSpec spec = Pretrain();
  spec.set_on_lost("requeue");
  const int64_t id = SubmitOne(spec);
  StartAttempt(id);
  clock_.Advance(absl::Minutes(6));
  Round();
  EXPECT_EQ(GetJob(id).state(), v1::QUEUED);
}

// F23: what the first attempt was trained on binds the next ones, until the job is queued anew.
TEST_F(WorkerSessionsTest, ARetryIsToldTheDataSetOfTheAttemptBefore) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  Round();
  EXPECT_EQ(Beat().start(0).source_digest(), "");
  const v1::AttemptRef first = StartAttempt(id);
  v1::TrainerEvent event;
  event.mutable_phase()->set_phase("training");
  (*event.mutable_phase()->mutable_environment())["source_digest"] = "d1";
  ASSERT_THAT(ReportEvent(first, event), IsOk());
  ASSERT_THAT(Finish(first, v1::TRAINER_CRASHED), IsOk());
  clock_.Advance(absl::Hours(1));
  Beat();
  Round();
  v1::HeartbeatResponse orders = Beat();
  ASSERT_EQ(orders.start_size(), 1);
  EXPECT_EQ(orders.start(0).source_digest(), "d1");
  ASSERT_THAT(Finish(orders.start(0).attempt(), v1::DATA_CHANGED), IsOk());
  EXPECT_EQ(GetJob(id).state(), v1::FAILED);

  ASSERT_THAT(Requeue(id, "scratch"), IsOk());
  Round();
  orders = Beat();
  ASSERT_EQ(orders.start_size(), 1);
  EXPECT_EQ(orders.start(0).source_digest(), "");
}

TEST_F(WorkerSessionsTest, OnLostWaitWaitsForTheWorker) {
  Register();
  v1::JobSpec spec = Pretrain();
  spec.set_on_lost("wait");
  const int64_t id = SubmitOne(spec);
  const v1::AttemptRef attempt = StartAttempt(id);
  clock_.Advance(absl::Hours(5));
  Register("w2", "i2");
  Round();
  EXPECT_EQ(GetJob(id).worker(), "w1");
  Beat({Held(attempt)});
  Round();
  EXPECT_FALSE(GetAttempt(id, 1).has_unreachable_since());
  EXPECT_FALSE(GetJob(id).has_unreachable_since());
}

TEST_F(WorkerSessionsTest, ANewIncarnationWithoutTheTrainerLosesTheAttempt) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  StartAttempt(id);
  Register("w1", "i2");
  Beat({}, "w1", "i2");
  EXPECT_EQ(GetAttempt(id, 1).reason(), v1::WORKER_LOST);
  EXPECT_EQ(GetJob(id).state(), v1::QUEUED);
}

TEST_F(WorkerSessionsTest, ANewIncarnationThatAdoptedTheTrainerKeepsTheAttempt) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  const v1::AttemptRef attempt = StartAttempt(id);
  Register("w1", "i2", {attempt});
  EXPECT_EQ(GetAttempt(id, 1).state(), v1::ATTEMPT_RUNNING);
  EXPECT_EQ(Beat({Held(attempt)}, "w1", "i2").forget_size(), 0);
}

TEST_F(WorkerSessionsTest, ASecondHostCannotTakeALivingWorkersName) {
  Register();
  v1::RegisterWorkerRequest request;
  request.set_name("w1");
  request.set_host("elsewhere");
  request.set_incarnation("i9");
  absl::StatusOr<v1::RegisterWorkerResponse> answer;
  coordinator_->sessions().Register(request, [&](auto given) { answer = given; });
  EXPECT_THAT(answer, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("host-w1")));
  clock_.Advance(absl::Minutes(1));
  coordinator_->sessions().Register(request, [&](auto given) { answer = given; });
  EXPECT_THAT(answer, IsOk());
}

class FailingWorkerTest : public WorkerSessionsTest {
 protected:
  // A job whose only attempt ends on w1 like this.
  void Fail(v1::EndReason reason) {
    v1::JobSpec spec = Pretrain(absl::StrCat("job-", ++jobs_));
    spec.mutable_retry()->set_infrastructure(0);
    Beat();  // it is alive
    const v1::AttemptRef attempt = StartAttempt(SubmitOne(spec));
    ASSERT_THAT(Finish(attempt, reason), IsOk());
  }
  v1::Worker Worker() {
    v1::Worker worker;
    EXPECT_THAT(store_.Read([&](StoreReader& reader) -> absl::Status {
      ASSIGN_OR_RETURN(worker, reader.GetWorker("w1"));
      return absl::OkStatus();
    }),
                IsOk());
    return worker;
  }
  int jobs_ = 0;
};

TEST_F(FailingWorkerTest, IsCordonedAfterThreeJobsWithTheReasonShown) {
  Register();
  Fail(v1::TRAINER_CRASHED);
  Fail(v1::START_FAILED);
  Fail(v1::NON_FINITE);  // a fault of the job
  EXPECT_FALSE(Worker().cordoned());
  Fail(v1::TRAINER_CRASHED);
  EXPECT_TRUE(Worker().cordoned());
  EXPECT_THAT(Worker().cordon_reason(), HasSubstr("job/1, job/2, job/4"));
  const int64_t waiting = SubmitOne(Pretrain("waiting"));
  Round();
  EXPECT_EQ(GetJob(waiting).state(), v1::QUEUED);
}

TEST_F(FailingWorkerTest, IsTrustedAnewWhenTheCordonIsLifted) {
  Register();
  for (int i = 0; i < 3; ++i) Fail(v1::TRAINER_CRASHED);
  ASSERT_TRUE(Worker().cordoned());
  clock_.Advance(absl::Seconds(1));
  v1::UpdateWorkerRequest request;
  request.set_request_id(NextRequestId());
  request.set_name("w1");
  absl::Status answer = absl::UnknownError("no reply");
  UpdateWorker(coordinator_->mutations(), {"ann"}, request,
               [&answer](const absl::StatusOr<v1::UpdateWorkerResponse>& reply) { answer = reply.status(); });
  ASSERT_THAT(answer, IsOk());
  Fail(v1::TRAINER_CRASHED);
  Fail(v1::TRAINER_CRASHED);
  EXPECT_FALSE(Worker().cordoned());
  Fail(v1::TRAINER_CRASHED);
  EXPECT_TRUE(Worker().cordoned());
}

TEST_F(FailingWorkerTest, FaultsOfOneJobOrOfAnHourAreNoReason) {
  Register();
  for (int i = 0; i < 4; ++i) {
    Fail(v1::TRAINER_CRASHED);
    clock_.Advance(absl::Minutes(16));
  }
  EXPECT_FALSE(Worker().cordoned());
  Register();
  Fail(v1::TRAINER_CRASHED);
  EXPECT_FALSE(Worker().cordoned()) << "a worker that was started anew begins anew";
}

TEST_F(WorkerSessionsTest, AHeldCallIsAnsweredForNewsOnly) {
  Register();
  v1::HeartbeatRequest beat;
  beat.set_worker("w1");
  beat.set_session(sessions_["i1"]);
  beat.set_beat(1);
  ASSERT_TRUE(*coordinator_->sessions().Accept(beat));
  EXPECT_FALSE(coordinator_->sessions().Answer(beat, true, false)->has_value());
  SubmitOne(Pretrain());
  Round();
  EXPECT_TRUE(coordinator_->sessions().Answer(beat, false, false)->has_value());
  EXPECT_FALSE(coordinator_->sessions().Answer(beat, false, false)->has_value()) << "told already";
}

TEST_F(WorkerSessionsTest, ALeaseThatWasCancelledBeforeItsStartIsNotStarted) {
  Register();
  const int64_t id = SubmitOne(Pretrain());
  Round();
  ASSERT_THAT(Cancel(id), IsOk());
  EXPECT_EQ(Beat().start_size(), 0);
  EXPECT_EQ(GetJob(id).state(), v1::CANCELLED);
}

}  // namespace
}  // namespace ecgtrain
