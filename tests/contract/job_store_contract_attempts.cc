// The part of the suite about attempts and events.
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "tests/contract/job_store_contract.h"

namespace ecgtrain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::Attempt MakeAttempt(int64_t job_id, uint32_t number, const std::string& worker,
                        const std::vector<std::string>& devices) {
  v1::Attempt attempt;
  attempt.set_job_id(job_id);
  attempt.set_number(number);
  attempt.set_state(v1::LEASED);
  attempt.set_worker(worker);
  for (const std::string& device : devices) attempt.add_devices(device);
  return attempt;
}

TEST_P(JobStoreContract, AttemptIsReadBackByNumber) {
  const int64_t job = InsertJob().id();
  const v1::Attempt attempt = InsertAttempt(job, 1, "w1", "cpu/0");
  const v1::Attempt read = Read<v1::Attempt>([&](StoreReader& r) { return r.GetAttempt(job, 1); });
  EXPECT_EQ(read.SerializeAsString(), attempt.SerializeAsString());
  EXPECT_TRUE(absl::IsNotFound(ReadStatus([&](StoreReader& r) { return r.GetAttempt(job, 2).status(); })));
}

TEST_P(JobStoreContract, RecentAttemptsAreTheEndedOnesOfTheWorkerNewestFirst) {
  std::vector<int64_t> ended;
  for (const char* worker : {"w1", "w2", "w1"}) {
    v1::Attempt attempt = InsertAttempt(InsertJob().id(), 1, worker, "cpu/0");
    attempt.set_state(v1::ENDED);
    Write([&](StoreTransaction& t) { return t.UpdateAttempt(attempt); });
    ended.push_back(attempt.token());
  }
  InsertAttempt(InsertJob().id(), 1, "w1", "cpu/0");  // lives
  const auto recent = Read<std::vector<v1::Attempt>>([&](StoreReader& r) { return r.RecentAttempts("w1"); });
  ASSERT_EQ(recent.size(), 2u);
  EXPECT_EQ(recent[0].token(), ended[2]);
  EXPECT_EQ(recent[1].token(), ended[0]);
}

TEST_P(JobStoreContract, TokensRiseOverAllJobs) {
  int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const int64_t token = InsertAttempt(InsertJob().id()).token();
    EXPECT_GT(token, last);
    last = token;
  }
}

TEST_P(JobStoreContract, AttemptOfAnUnknownJobIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(TryWrite([](StoreTransaction& t) {
    v1::Attempt attempt = MakeAttempt(77, 1, "w1", {});
    return t.InsertAttempt(attempt);
  })));
}

TEST_P(JobStoreContract, AJobHasOneLiveAttempt) {
  const int64_t job = InsertJob().id();
  v1::Attempt first = InsertAttempt(job);
  const auto insert_second = [&](StoreTransaction& t) {
    v1::Attempt second = MakeAttempt(job, 2, "w2", {});
    return t.InsertAttempt(second);
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(TryWrite(insert_second)));
  first.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(first); });
  Write(insert_second);
  EXPECT_EQ(Read<std::vector<v1::Attempt>>([&](StoreReader& r) { return r.ListAttempts(job); }).size(), 2u);
}

TEST_P(JobStoreContract, NumberInUseIsRefused) {
  const int64_t job = InsertJob().id();
  v1::Attempt first = InsertAttempt(job);
  first.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(first); });
  EXPECT_TRUE(absl::IsAlreadyExists(TryWrite([&](StoreTransaction& t) {
    v1::Attempt again = MakeAttempt(job, 1, "w1", {});
    return t.InsertAttempt(again);
  })));
}

TEST_P(JobStoreContract, ADeviceIsInOneLiveAttempt) {
  v1::Attempt holder = InsertAttempt(InsertJob().id(), 1, "w1", "GPU-1");
  const int64_t other = InsertJob().id();
  const auto insert = [&](StoreTransaction& t) {
    v1::Attempt attempt = MakeAttempt(other, 1, "w1", {"GPU-0", "GPU-1"});
    return t.InsertAttempt(attempt);
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(TryWrite(insert)));
  holder.set_state(v1::ATTEMPT_RUNNING);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(holder); });
  EXPECT_TRUE(absl::IsFailedPrecondition(TryWrite(insert)));
  holder.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(holder); });
  Write(insert);
}

TEST_P(JobStoreContract, SlotsOfDifferentWorkersDoNotCollide) {
  InsertAttempt(InsertJob().id(), 1, "w1", "cpu/0");
  InsertAttempt(InsertJob().id(), 1, "w2", "cpu/0");
  EXPECT_EQ(Read<std::vector<v1::Attempt>>([](StoreReader& r) { return r.LiveAttempts(""); }).size(), 2u);
}

TEST_P(JobStoreContract, LiveAttemptsAreThoseOfTheWorkerThatHaveNotEnded) {
  const int64_t live = InsertAttempt(InsertJob().id(), 1, "w1").token();
  v1::Attempt ended = InsertAttempt(InsertJob().id(), 1, "w1");
  const int64_t elsewhere = InsertAttempt(InsertJob().id(), 1, "w2").token();
  ended.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(ended); });
  const auto tokens = [this](const std::string& worker) {
    std::vector<int64_t> tokens;
    for (const v1::Attempt& attempt :
         Read<std::vector<v1::Attempt>>([&](StoreReader& r) { return r.LiveAttempts(worker); }))
      tokens.push_back(attempt.token());
    return tokens;
  };
  EXPECT_THAT(tokens("w1"), ElementsAre(live));
  EXPECT_THAT(tokens(""), ElementsAre(live, elsewhere));
  EXPECT_THAT(tokens("w3"), IsEmpty());
}

TEST_P(JobStoreContract, EndedAttemptStaysEnded) {
  v1::Attempt attempt = InsertAttempt(InsertJob().id());
  attempt.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(attempt); });
  attempt.set_state(v1::ATTEMPT_RUNNING);
  EXPECT_TRUE(
      absl::IsFailedPrecondition(TryWrite([&](StoreTransaction& t) { return t.UpdateAttempt(attempt); })));
}

TEST_P(JobStoreContract, AttemptIsUpdatedUnderItsTokenOnly) {
  v1::Attempt attempt = InsertAttempt(InsertJob().id());
  attempt.set_acknowledged_seq(9);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(attempt); });
  EXPECT_EQ(
      Read<v1::Attempt>([&](StoreReader& r) { return r.GetAttempt(attempt.job_id(), 1); }).acknowledged_seq(),
      9u);
  attempt.set_token(attempt.token() + 1);
  EXPECT_TRUE(absl::IsNotFound(TryWrite([&](StoreTransaction& t) { return t.UpdateAttempt(attempt); })));
}

TEST_P(JobStoreContract, EventsAreNumberedWithoutGapsAndReadFromANumber) {
  const auto append = [](StoreTransaction& t, int64_t job, const std::string& type) {
    v1::JobEvent event;
    event.set_job_id(job);
    event.set_type(type);
    const absl::Status status = t.AppendEvent(event);
    EXPECT_GT(event.seq(), 0);
    return status;
  };
  Write([&](StoreTransaction& t) {
    RETURN_IF_ERROR(append(t, 1, "submitted"));
    RETURN_IF_ERROR(append(t, 2, "submitted"));
    return append(t, 1, "leased");
  });
  // A transaction that fails leaves no gap.
  EXPECT_FALSE(TryWrite([&](StoreTransaction& t) {
                 EXPECT_TRUE(append(t, 1, "lost").ok());
                 return absl::AbortedError("on purpose");
               }).ok());
  Write([&](StoreTransaction& t) { return append(t, 2, "leased"); });

  const auto events = [this](int64_t job, int64_t after, int limit) {
    std::vector<std::pair<int64_t, std::string>> found;
    for (const v1::JobEvent& event :
         Read<std::vector<v1::JobEvent>>([&](StoreReader& r) { return r.Events(job, after, limit); }))
      found.emplace_back(event.seq(), event.type());
    return found;
  };
  using Event = std::pair<int64_t, std::string>;
  EXPECT_THAT(events(0, 0, 10), ElementsAre(Event(1, "submitted"), Event(2, "submitted"), Event(3, "leased"),
                                            Event(4, "leased")));
  EXPECT_THAT(events(1, 0, 10), ElementsAre(Event(1, "submitted"), Event(3, "leased")));
  EXPECT_THAT(events(1, 1, 10), ElementsAre(Event(3, "leased")));
  EXPECT_THAT(events(0, 1, 2), ElementsAre(Event(2, "submitted"), Event(3, "leased")));
}

}  // namespace
}  // namespace ecgtrain
