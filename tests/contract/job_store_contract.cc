#include "tests/contract/job_store_contract.h"

#include <google/protobuf/util/time_util.h>

#include "common/status_macros.h"

namespace ecgtrain {

using google::protobuf::util::TimeUtil;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

void JobStoreContract::Write(absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
  const absl::Status status = store_.WriteAndWait(work);
  ASSERT_TRUE(status.ok()) << status;
}

v1::Job JobStoreContract::InsertJob(const std::function<void(v1::Job&)>& change) {
  v1::Job inserted;
  Write([&](StoreTransaction& transaction) {
    v1::Job job;
    job.set_state(v1::QUEUED);
    job.set_user("ada");
    job.set_priority("normal");
    *job.mutable_submitted() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(clock_.Now()));
    if (change) change(job);
    RETURN_IF_ERROR(transaction.InsertJob(job));
    inserted = job;
    return absl::OkStatus();
  });
  return inserted;
}

v1::Attempt JobStoreContract::InsertAttempt(int64_t job_id, uint32_t number, const std::string& worker,
                                            const std::string& device) {
  v1::Attempt inserted;
  Write([&](StoreTransaction& transaction) {
    v1::Attempt attempt;
    attempt.set_job_id(job_id);
    attempt.set_number(number);
    attempt.set_state(v1::LEASED);
    attempt.set_worker(worker);
    if (!device.empty()) attempt.add_devices(device);
    RETURN_IF_ERROR(transaction.InsertAttempt(attempt));
    inserted = attempt;
    return absl::OkStatus();
  });
  return inserted;
}

std::vector<int64_t> JobStoreContract::ListIds(const JobQuery& query) {
  std::vector<int64_t> ids;
  for (const v1::Job& job :
       Read<std::vector<v1::Job>>([&](StoreReader& reader) { return reader.ListJobs(query); })) {
    ids.push_back(job.id());
  }
  return ids;
}

namespace {

TEST_P(JobStoreContract, InsertedJobIsReadBackWithItsSpecification) {
  const v1::Job job = InsertJob([](v1::Job& job) {
    job.set_name("baseline");
    job.mutable_spec()->set_name("baseline");
    job.mutable_spec()->set_seed(7);
    (*job.mutable_labels())["project"] = "thesis";
  });
  const v1::Job read = Read<v1::Job>([&](StoreReader& reader) { return reader.GetJob(job.id()); });
  EXPECT_EQ(read.SerializeAsString(), job.SerializeAsString());
}

TEST_P(JobStoreContract, UnknownJobIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(ReadStatus([](StoreReader& reader) { return reader.GetJob(1).status(); })));
  EXPECT_TRUE(absl::IsNotFound(TryWrite([](StoreTransaction& transaction) {
    v1::Job job;
    job.set_id(1);
    return transaction.UpdateJob(job);
  })));
}

TEST_P(JobStoreContract, JobIdsRise) {
  const int64_t first = InsertJob().id();
  EXPECT_GT(first, 0);
  EXPECT_GT(InsertJob().id(), first);
}

TEST_P(JobStoreContract, UpdateKeepsTheSpecification) {
  v1::Job job = InsertJob([](v1::Job& job) { job.mutable_spec()->set_seed(7); });
  job.clear_spec();
  job.set_state(v1::RUNNING);
  job.set_message("on its way");
  Write([&](StoreTransaction& transaction) { return transaction.UpdateJob(job); });
  const v1::Job read = Read<v1::Job>([&](StoreReader& reader) { return reader.GetJob(job.id()); });
  EXPECT_EQ(read.state(), v1::RUNNING);
  EXPECT_EQ(read.message(), "on its way");
  EXPECT_EQ(read.spec().seed(), 7);
}

TEST_P(JobStoreContract, ListIsNewestFirstWithoutSpecifications) {
  const int64_t first = InsertJob([](v1::Job& job) { job.mutable_spec()->set_seed(7); }).id();
  const int64_t second = InsertJob([](v1::Job& job) { job.mutable_spec()->set_seed(8); }).id();
  const auto jobs = Read<std::vector<v1::Job>>([](StoreReader& reader) { return reader.ListJobs({}); });
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].id(), second);
  EXPECT_EQ(jobs[1].id(), first);
  EXPECT_FALSE(jobs[0].has_spec());
}

TEST_P(JobStoreContract, ListPagesMeetWithoutGapOrOverlap) {
  std::vector<int64_t> newest_first;
  for (int i = 0; i < 7; ++i) newest_first.insert(newest_first.begin(), InsertJob().id());
  std::vector<int64_t> paged;
  JobQuery query{.limit = 3};
  while (true) {
    const std::vector<int64_t> page = ListIds(query);
    if (page.empty()) break;
    paged.insert(paged.end(), page.begin(), page.end());
    query.below_id = page.back();
    if (paged.size() == 3) InsertJob();  // what comes meanwhile belongs to no later page
  }
  EXPECT_EQ(paged, newest_first);
}

TEST_P(JobStoreContract, ListFiltersByEveryCondition) {
  const int64_t other_user = InsertJob([](v1::Job& job) { job.set_user("bob"); }).id();
  const absl::Time before = clock_.Now();
  clock_.Advance(absl::Minutes(1));
  const int64_t failed = InsertJob([](v1::Job& job) { job.set_state(v1::FAILED); }).id();
  const int64_t labelled = InsertJob([](v1::Job& job) {
                             (*job.mutable_labels())["project"] = "thesis";
                             (*job.mutable_labels())["seed"] = "1";
                           }).id();
  EXPECT_THAT(ListIds({.user = "bob"}), ElementsAre(other_user));
  EXPECT_THAT(ListIds({.states = {v1::FAILED}}), ElementsAre(failed));
  EXPECT_THAT(ListIds({.states = {v1::FAILED, v1::QUEUED}}), ElementsAre(labelled, failed, other_user));
  EXPECT_THAT(ListIds({.labels = {{"project", "thesis"}, {"seed", "1"}}}), ElementsAre(labelled));
  EXPECT_THAT(ListIds({.labels = {{"project", "thesis"}, {"seed", "2"}}}), IsEmpty());
  EXPECT_THAT(ListIds({.submitted_after = before}), ElementsAre(labelled, failed));
  EXPECT_THAT(
      ListIds({.states = {v1::QUEUED}, .user = "ada", .submitted_after = before, .below_id = labelled}),
      IsEmpty());
}

TEST_P(JobStoreContract, JobsAreFoundByNameAndByUser) {
  const int64_t first = InsertJob([](v1::Job& job) { job.set_name("sweep"); }).id();
  const int64_t second = InsertJob([](v1::Job& job) { job.set_name("sweep"); }).id();
  InsertJob([](v1::Job& job) { job.set_user("bob"); });
  EXPECT_THAT(Read<std::vector<int64_t>>([](StoreReader& r) { return r.FindJobsByName("sweep"); }),
              ElementsAre(second, first));
  EXPECT_THAT(Read<std::vector<int64_t>>([](StoreReader& r) { return r.FindJobsByName("swee"); }), IsEmpty());
  EXPECT_EQ(Read<std::optional<int64_t>>([](StoreReader& r) { return r.NewestJobOf("ada"); }), second);
  EXPECT_EQ(Read<std::optional<int64_t>>([](StoreReader& r) { return r.NewestJobOf("eve"); }), std::nullopt);
}

TEST_P(JobStoreContract, NamesAreDataNotSql) {
  const std::string name = "a'; DROP TABLE job; --";
  const int64_t id = InsertJob([&](v1::Job& job) { job.set_name(name); }).id();
  EXPECT_THAT(Read<std::vector<int64_t>>([&](StoreReader& r) { return r.FindJobsByName(name); }),
              ElementsAre(id));
}

TEST_P(JobStoreContract, QueueIsOrderedByPriorityThenId) {
  const auto insert = [this](const char* priority, v1::JobState state) {
    return InsertJob([&](v1::Job& job) {
             job.set_priority(priority);
             job.set_state(state);
             job.mutable_spec()->mutable_resources()->set_cpus(3);
           })
        .id();
  };
  const int64_t low = insert("low", v1::QUEUED);
  const int64_t normal = insert("normal", v1::QUEUED);
  const int64_t high = insert("high", v1::QUEUED);
  insert("high", v1::RUNNING);
  const int64_t normal_later = insert("normal", v1::QUEUED);
  const auto jobs = Read<QueuedJobs>([](StoreReader& r) { return r.Queue(10); });
  std::vector<int64_t> ids;
  for (const auto& job : jobs) {
    ids.push_back(job->id);
    EXPECT_EQ(job->cpus, 3u);
  }
  EXPECT_THAT(ids, ElementsAre(high, normal, normal_later, low));
  EXPECT_EQ(Read<QueuedJobs>([](StoreReader& r) { return r.Queue(2); }).size(), 2u);
}

TEST_P(JobStoreContract, QueuedJobsKeepTheirOwnResourcesWhileOthersComeAndGo) {
  const auto insert = [&](uint32_t cpus) {
    return InsertJob([cpus](v1::Job& job) { job.mutable_spec()->mutable_resources()->set_cpus(cpus); }).id();
  };
  const auto cpus = [&] {
    std::map<int64_t, uint32_t> cpus;
    for (const auto& job : Read<QueuedJobs>([](StoreReader& r) { return r.Queue(10); }))
      cpus[job->id] = job->cpus;
    return cpus;
  };
  const int64_t first = insert(1), second = insert(2);
  EXPECT_THAT(cpus(), ElementsAre(Pair(first, 1), Pair(second, 2)));
  Write([&](StoreTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(v1::Job job, transaction.GetJob(first));
    job.set_state(v1::CANCELLED);
    return transaction.UpdateJob(job);
  });
  const int64_t third = insert(3);
  EXPECT_THAT(cpus(), ElementsAre(Pair(second, 2), Pair(third, 3)));
}

TEST_P(JobStoreContract, TheQueueShowsEachJobAsItWasLastCommitted) {
  const int64_t first = InsertJob().id(), second = InsertJob().id();
  const auto attempts = [&] {
    std::map<int64_t, uint32_t> attempts;
    for (const auto& job : Read<QueuedJobs>([](StoreReader& r) { return r.Queue(10); }))
      attempts[job->id] = job->attempts;
    return attempts;
  };
  const auto change = [](StoreTransaction& transaction, int64_t id, v1::JobState state, uint32_t attempts) {
    return [&]() -> absl::Status {
      ASSIGN_OR_RETURN(v1::Job job, transaction.GetJob(id));
      job.set_state(state);
      job.set_attempts(attempts);
      return transaction.UpdateJob(job);
    }();
  };
  EXPECT_THAT(attempts(), ElementsAre(Pair(first, 0), Pair(second, 0)));
  Write([&](StoreTransaction& t) { return change(t, first, v1::QUEUED, 1); });
  EXPECT_THAT(attempts(), ElementsAre(Pair(first, 1), Pair(second, 0)));
  // Seen by its own transaction only, then rolled back: the next change has the same number of changes.
  const absl::Status failed = TryWrite([&](StoreTransaction& t) -> absl::Status {
    RETURN_IF_ERROR(change(t, second, v1::QUEUED, 7));
    ASSIGN_OR_RETURN(const QueuedJobs queue, t.Queue(10));
    EXPECT_EQ(queue.at(1)->attempts, 7u);
    return absl::AbortedError("rolled back");
  });
  EXPECT_TRUE(absl::IsAborted(failed));
  EXPECT_THAT(attempts(), ElementsAre(Pair(first, 1), Pair(second, 0)));
  Write([&](StoreTransaction& t) { return change(t, second, v1::QUEUED, 2); });
  EXPECT_THAT(attempts(), ElementsAre(Pair(first, 1), Pair(second, 2)));
  // Away and back again.
  Write([&](StoreTransaction& t) { return change(t, first, v1::RUNNING, 2); });
  EXPECT_THAT(attempts(), ElementsAre(Pair(second, 2)));
  Write([&](StoreTransaction& t) { return change(t, first, v1::QUEUED, 3); });
  EXPECT_THAT(attempts(), ElementsAre(Pair(first, 3), Pair(second, 2)));
}

TEST_P(JobStoreContract, StateOfAJobIsThatOfItsRow) {
  const int64_t id = InsertJob([](v1::Job& job) { job.set_state(v1::PAUSED); }).id();
  EXPECT_EQ(Read<v1::JobState>([id](StoreReader& r) { return r.StateOfJob(id); }), v1::PAUSED);
  const absl::Status absent = ReadStatus([id](StoreReader& r) { return r.StateOfJob(id + 1).status(); });
  EXPECT_TRUE(absl::IsNotFound(absent)) << absent;
}

TEST_P(JobStoreContract, DependentsAreThoseNotEnded) {
  const int64_t parent = InsertJob().id();
  const auto depends = [&](v1::Job& job) { job.add_dependencies(parent); };
  const int64_t waiting = InsertJob(depends).id();
  v1::Job ended = InsertJob(depends);
  ended.set_state(v1::CANCELLED);
  Write([&](StoreTransaction& transaction) { return transaction.UpdateJob(ended); });
  EXPECT_THAT(Read<std::vector<int64_t>>([&](StoreReader& r) { return r.WaitingDependents(parent); }),
              ElementsAre(waiting));
}

TEST_P(JobStoreContract, JobsAreCountedByState) {
  InsertJob();
  InsertJob();
  InsertJob([](v1::Job& job) { job.set_state(v1::PAUSED); });
  using Counts = std::map<v1::JobState, int64_t>;
  EXPECT_THAT(Read<Counts>([](StoreReader& r) { return r.CountJobs(); }),
              ElementsAre(Pair(v1::QUEUED, 2), Pair(v1::PAUSED, 1)));
}

TEST_P(JobStoreContract, QueuedJobsAreCountedByUserAndFollowEachChangeOfState) {
  const auto queued = [&](const std::string& user) {
    return Read<int64_t>([&](StoreReader& r) { return r.CountQueued(user); });
  };
  EXPECT_EQ(queued(""), 0);
  const int64_t id = InsertJob([](v1::Job& job) { job.set_user("ann"); }).id();
  InsertJob([](v1::Job& job) { job.set_user("ben"); });
  EXPECT_EQ(queued("ann"), 1);
  EXPECT_EQ(queued("eve"), 0);
  EXPECT_EQ(queued(""), 2);
  Write([&](StoreTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(v1::Job job, transaction.GetJob(id));
    job.set_state(v1::PAUSED);
    return transaction.UpdateJob(job);
  });
  EXPECT_EQ(queued("ann"), 0);
  EXPECT_EQ(queued(""), 1);
}

TEST_P(JobStoreContract, WorkersAreReplacedByName) {
  v1::Worker worker;
  worker.set_name("w1");
  worker.set_host("node-a");
  Write([&](StoreTransaction& transaction) { return transaction.PutWorker(worker); });
  worker.set_host("node-b");
  Write([&](StoreTransaction& transaction) { return transaction.PutWorker(worker); });
  EXPECT_EQ(Read<v1::Worker>([](StoreReader& r) { return r.GetWorker("w1"); }).host(), "node-b");
  EXPECT_EQ(Read<std::vector<v1::Worker>>([](StoreReader& r) { return r.ListWorkers(); }).size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(ReadStatus([](StoreReader& r) { return r.GetWorker("w2").status(); })));
}

TEST_P(JobStoreContract, RequestIsKeptForItsPrincipalUntilForgotten) {
  Write(
      [](StoreTransaction& t) { return t.PutRequest("ada", "r1", {"content", std::string("\0answer", 7)}); });
  using Row = std::optional<RequestRow>;
  const Row row = Read<Row>([](StoreReader& r) { return r.FindRequest("ada", "r1"); });
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->content, "content");
  EXPECT_EQ(row->answer, std::string("\0answer", 7));
  EXPECT_FALSE(Read<Row>([](StoreReader& r) { return r.FindRequest("bob", "r1"); }).has_value());
  EXPECT_TRUE(absl::IsAlreadyExists(
      TryWrite([](StoreTransaction& t) { return t.PutRequest("ada", "r1", {"other", "other"}); })));

  const absl::Time made = clock_.Now();
  clock_.Advance(absl::Hours(1));
  Write([](StoreTransaction& t) { return t.PutRequest("ada", "r2", {"later", "later"}); });
  Write([&](StoreTransaction& t) { return t.DeleteRequestsBefore(made + absl::Seconds(1)); });
  EXPECT_FALSE(Read<Row>([](StoreReader& r) { return r.FindRequest("ada", "r1"); }).has_value());
  EXPECT_TRUE(Read<Row>([](StoreReader& r) { return r.FindRequest("ada", "r2"); }).has_value());
}

TEST_P(JobStoreContract, TokenIsFoundByTheDigestOfItsSecret) {
  TokenRow row;
  row.token.set_principal("ada");
  row.sha256 = std::string(64, 'a');
  Write([&](StoreTransaction& t) { return t.InsertToken(row); });
  EXPECT_GT(row.token.id(), 0);
  EXPECT_TRUE(absl::IsAlreadyExists(TryWrite([&](StoreTransaction& t) {
    TokenRow again = row;
    return t.InsertToken(again);
  })));
  row.token.set_revoked(true);
  Write([&](StoreTransaction& t) { return t.UpdateToken(row.token); });
  const TokenRow found = Read<TokenRow>([&](StoreReader& r) { return r.FindToken(row.sha256); });
  EXPECT_EQ(found.token.id(), row.token.id());
  EXPECT_EQ(found.sha256, row.sha256);
  EXPECT_TRUE(found.token.revoked());
  EXPECT_EQ(Read<std::vector<v1::Token>>([](StoreReader& r) { return r.ListTokens(); }).size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(ReadStatus([](StoreReader& r) { return r.FindToken("b").status(); })));
}

TEST_P(JobStoreContract, UpdateOfAnUnknownTokenIsNotFound) {
  v1::Token token;
  token.set_id(5);
  EXPECT_TRUE(absl::IsNotFound(TryWrite([&](StoreTransaction& t) { return t.UpdateToken(token); })));
}

}  // namespace
}  // namespace ecgtrain
