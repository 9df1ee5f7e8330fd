// The part of the suite about what attempts produce: metrics, logs, checkpoints and files.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "common/status_macros.h"
#include "tests/contract/job_store_contract.h"

namespace ecgtrain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kDigestA(64, 'a');
const std::string kDigestB(64, 'b');

MetricRow MakeMetric(uint32_t attempt, uint64_t seq, const std::string& name, double value) {
  MetricRow row;
  row.seq = seq;
  row.point.set_attempt(attempt);
  row.point.set_name(name);
  row.point.set_step(seq * 10);
  row.point.set_epoch(2);
  row.point.set_value(value);
  row.point.mutable_time()->set_seconds(1'800'000'000);
  row.point.mutable_time()->set_nanos(123'456'000);
  return row;
}

v1::Checkpoint MakeCheckpoint(int64_t job_id, uint32_t attempt, uint64_t step, const std::string& sha256) {
  v1::Checkpoint checkpoint;
  checkpoint.set_job_id(job_id);
  checkpoint.set_attempt(attempt);
  checkpoint.set_name(absl::StrCat("step-", step));
  checkpoint.set_step(step);
  checkpoint.add_files()->set_sha256(sha256);
  return checkpoint;
}

TEST_P(JobStoreContract, MetricsAreReadInOrderOfAttemptAndEvent) {
  const int64_t job = InsertJob().id();
  v1::Attempt first = InsertAttempt(job);
  first.set_state(v1::ENDED);
  Write([&](StoreTransaction& t) { return t.UpdateAttempt(first); });
  InsertAttempt(job, 2);
  Write([&](StoreTransaction& t) { return t.AppendMetrics(job, {MakeMetric(2, 1, "loss", 0.5)}); });
  Write([&](StoreTransaction& t) {
    return t.AppendMetrics(job, {MakeMetric(1, 7, "loss", 0.8), MakeMetric(1, 3, "loss", 0.9)});
  });
  const auto rows = Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics({.job_id = job}); });
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].seq, 3u);
  EXPECT_EQ(rows[1].seq, 7u);
  EXPECT_EQ(rows[2].point.attempt(), 2u);
  EXPECT_EQ(rows[0].point.SerializeAsString(), MakeMetric(1, 3, "loss", 0.9).point.SerializeAsString());
}

TEST_P(JobStoreContract, RepeatedMetricsAreLeftAsTheyAre) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  Write([&](StoreTransaction& t) { return t.AppendMetrics(job, {MakeMetric(1, 1, "loss", 0.5)}); });
  Write([&](StoreTransaction& t) {
    return t.AppendMetrics(job, {MakeMetric(1, 1, "loss", 0.7), MakeMetric(1, 1, "accuracy", 0.1)});
  });
  const auto rows = Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics({.job_id = job}); });
  ASSERT_EQ(rows.size(), 2u);
  for (const MetricRow& row : rows) EXPECT_EQ(row.point.value(), row.point.name() == "loss" ? 0.5 : 0.1);
}

TEST_P(JobStoreContract, MetricPagesNeverPartAnEvent) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  std::vector<MetricRow> rows;
  for (uint64_t seq = 1; seq <= 5; ++seq) {
    for (const char* name : {"a", "b", "c"}) rows.push_back(MakeMetric(1, seq, name, 1));
  }
  Write([&](StoreTransaction& t) { return t.AppendMetrics(job, rows); });
  MetricQuery query{.job_id = job, .limit = 4};
  size_t read = 0;
  while (true) {
    const auto page = Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics(query); });
    if (page.empty()) break;
    EXPECT_EQ(page.size() % 3, 0u);
    read += page.size();
    query.after.set_attempt(page.back().point.attempt());
    query.after.set_seq(page.back().seq);
  }
  EXPECT_EQ(read, rows.size());
  query.after.set_seq(std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics(query); }), IsEmpty());
}

TEST_P(JobStoreContract, ValuesThatAreNoNumbersSurvive) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  Write([&](StoreTransaction& t) {
    return t.AppendMetrics(job, {MakeMetric(1, 1, "x", std::nan("")), MakeMetric(1, 2, "x", HUGE_VAL),
                                 MakeMetric(1, 3, "x", -HUGE_VAL)});
  });
  const auto rows = Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics({.job_id = job}); });
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(std::isnan(rows[0].point.value()));
  EXPECT_EQ(rows[1].point.value(), HUGE_VAL);
  EXPECT_EQ(rows[2].point.value(), -HUGE_VAL);
}

TEST_P(JobStoreContract, MetricNamesOfAFailedTransactionDoNoHarm) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  EXPECT_FALSE(TryWrite([&](StoreTransaction& t) {
                 RETURN_IF_ERROR(t.AppendMetrics(job, {MakeMetric(1, 1, "lost", 1)}));
                 return absl::AbortedError("on purpose");
               }).ok());
  Write([&](StoreTransaction& t) { return t.AppendMetrics(job, {MakeMetric(1, 1, "kept", 2)}); });
  Write([&](StoreTransaction& t) { return t.AppendMetrics(job, {MakeMetric(1, 2, "lost", 3)}); });
  const auto rows = Read<std::vector<MetricRow>>([&](StoreReader& r) { return r.Metrics({.job_id = job}); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].point.name(), "kept");
  EXPECT_EQ(rows[1].point.name(), "lost");
}

TEST_P(JobStoreContract, MetricsAndLogsNeedTheirAttempt) {
  const int64_t job = InsertJob().id();
  EXPECT_TRUE(absl::IsNotFound(
      TryWrite([&](StoreTransaction& t) { return t.AppendMetrics(job, {MakeMetric(1, 1, "loss", 1)}); })));
  EXPECT_TRUE(
      absl::IsNotFound(TryWrite([&](StoreTransaction& t) { return t.AppendLog(job, 1, 0, "bytes"); })));
}

TEST_P(JobStoreContract, LogIsAppendedAtItsEndOnly) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  Write([&](StoreTransaction& t) { return t.AppendLog(job, 1, 0, "hello "); });
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{5}, uint64_t{7}, ~uint64_t{0}}) {
    EXPECT_TRUE(
        absl::IsOutOfRange(TryWrite([&](StoreTransaction& t) { return t.AppendLog(job, 1, wrong, "x"); })));
  }
  Write([&](StoreTransaction& t) { return t.AppendLog(job, 1, 6, "world"); });
  EXPECT_EQ(Read<std::string>([&](StoreReader& r) { return r.Log(job, 1, 0, 100); }), "hello world");
}

TEST_P(JobStoreContract, LogIsReadFromAnyOffsetAcrossChunks) {
  const int64_t job = InsertJob().id();
  InsertAttempt(job);
  std::string log;
  for (int i = 0; log.size() < 200'000; ++i) absl::StrAppend(&log, "line ", i, "\n");
  Write([&](StoreTransaction& t) {
    RETURN_IF_ERROR(t.AppendLog(job, 1, 0, absl::string_view(log).substr(0, 150'000)));
    return t.AppendLog(job, 1, 150'000, absl::string_view(log).substr(150'000));
  });
  const auto read = [&](uint64_t offset, size_t limit) {
    return Read<std::string>([&](StoreReader& r) { return r.Log(job, 1, offset, limit); });
  };
  for (const size_t offset : {0, 1, 65'535, 65'536, 65'537, 131'072, 149'999, 150'000, 199'999}) {
    for (const size_t limit : {1, 1000, 70'000, 1'000'000}) {
      EXPECT_TRUE(read(offset, limit) == log.substr(offset, limit)) << offset << " " << limit;
    }
  }
  EXPECT_EQ(read(log.size(), 10), "");
  EXPECT_EQ(read(~uint64_t{0}, 10), "");
}

TEST_P(JobStoreContract, CheckpointsAreListedByStepAndReplacedByName) {
  const int64_t job = InsertJob().id();
  v1::Checkpoint late = MakeCheckpoint(job, 1, 200, kDigestB);
  Write([&](StoreTransaction& t) {
    RETURN_IF_ERROR(t.PutCheckpoint(late));
    return t.PutCheckpoint(MakeCheckpoint(job, 1, 100, kDigestA));
  });
  late.set_state(v1::STORED);
  Write([&](StoreTransaction& t) { return t.PutCheckpoint(late); });
  const auto rows = Read<std::vector<v1::Checkpoint>>([&](StoreReader& r) { return r.Checkpoints(job); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].step(), 100u);
  EXPECT_EQ(rows[1].state(), v1::STORED);
}

TEST_P(JobStoreContract, DeletedCheckpointIsGone) {
  const int64_t job = InsertJob().id();
  Write([&](StoreTransaction& t) { return t.PutCheckpoint(MakeCheckpoint(job, 1, 100, kDigestA)); });
  Write([&](StoreTransaction& t) { return t.DeleteCheckpoint(job, 1, "step-100"); });
  EXPECT_THAT(Read<std::vector<v1::Checkpoint>>([&](StoreReader& r) { return r.Checkpoints(job); }),
              IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(
      TryWrite([&](StoreTransaction& t) { return t.DeleteCheckpoint(job, 1, "step-100"); })));
}

TEST_P(JobStoreContract, CheckpointsAndArtifactsNeedTheirJob) {
  EXPECT_TRUE(absl::IsNotFound(
      TryWrite([](StoreTransaction& t) { return t.PutCheckpoint(MakeCheckpoint(77, 1, 100, kDigestA)); })));
  EXPECT_TRUE(absl::IsNotFound(TryWrite([](StoreTransaction& t) {
    v1::Artifact artifact;
    artifact.set_job_id(77);
    return t.PutArtifact(artifact);
  })));
}

TEST_P(JobStoreContract, FilesNobodyRefersToAreTakenWhenOldEnough) {
  const int64_t job = InsertJob().id();
  Write([&](StoreTransaction& t) {
    RETURN_IF_ERROR(t.PutStoredFile(kDigestA, 10));
    RETURN_IF_ERROR(t.PutStoredFile(kDigestB, 20));
    return t.PutCheckpoint(MakeCheckpoint(job, 1, 100, kDigestA));
  });
  using Size = std::optional<uint64_t>;
  EXPECT_EQ(Read<Size>([](StoreReader& r) { return r.StoredFile(kDigestB); }), 20u);
  EXPECT_TRUE(Read<bool>([](StoreReader& r) { return r.IsReferenced(kDigestA); }));
  EXPECT_FALSE(Read<bool>([](StoreReader& r) { return r.IsReferenced(kDigestB); }));

  std::vector<std::string> taken;
  const auto take_before = [&](absl::Time time) {
    Write([&](StoreTransaction& t) {
      ASSIGN_OR_RETURN(taken, t.TakeUnreferencedFiles(time, 10));
      return absl::OkStatus();
    });
    return taken;
  };
  EXPECT_THAT(take_before(clock_.Now()), IsEmpty());
  clock_.Advance(absl::Hours(25));
  EXPECT_THAT(take_before(clock_.Now()), ElementsAre(kDigestB));
  EXPECT_EQ(Read<Size>([](StoreReader& r) { return r.StoredFile(kDigestB); }), std::nullopt);
  EXPECT_THAT(take_before(clock_.Now()), IsEmpty());

  Write([&](StoreTransaction& t) { return t.DeleteCheckpoint(job, 1, "step-100"); });
  EXPECT_THAT(take_before(clock_.Now()), ElementsAre(kDigestA));
}

TEST_P(JobStoreContract, FileStoredAgainIsYoungAgain) {
  Write([](StoreTransaction& t) { return t.PutStoredFile(kDigestA, 10); });
  clock_.Advance(absl::Hours(25));
  const absl::Time before = clock_.Now();
  Write([](StoreTransaction& t) { return t.PutStoredFile(kDigestA, 10); });
  Write([&](StoreTransaction& t) {
    ASSIGN_OR_RETURN(const std::vector<std::string> taken, t.TakeUnreferencedFiles(before, 10));
    EXPECT_THAT(taken, IsEmpty());
    return absl::OkStatus();
  });
}

TEST_P(JobStoreContract, ReplacedRowsReferToTheirNewFilesOnly) {
  const int64_t job = InsertJob().id();
  v1::Artifact artifact;
  artifact.set_job_id(job);
  artifact.set_attempt(1);
  artifact.set_path("predictions.csv");
  artifact.mutable_file()->set_sha256(kDigestA);
  Write([&](StoreTransaction& t) { return t.PutArtifact(artifact); });
  artifact.mutable_file()->set_sha256(kDigestB);
  Write([&](StoreTransaction& t) { return t.PutArtifact(artifact); });
  EXPECT_FALSE(Read<bool>([](StoreReader& r) { return r.IsReferenced(kDigestA); }));
  EXPECT_TRUE(Read<bool>([](StoreReader& r) { return r.IsReferenced(kDigestB); }));
  EXPECT_EQ(Read<std::vector<v1::Artifact>>([&](StoreReader& r) { return r.Artifacts(job); }).size(), 1u);
}

}  // namespace
}  // namespace ecgtrain
