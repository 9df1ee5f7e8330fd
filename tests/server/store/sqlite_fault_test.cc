// Failing disks and cuts of power, at every write of a short day.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "common/status_macros.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/server/store/fault_vfs.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

constexpr int kDay = 5;  // transactions

// A job and its event, in one transaction: both are there or none.
absl::Status AddJob(StoreTransaction& transaction, const std::string& name) {
  v1::Job job;
  job.set_name(name);
  job.set_state(v1::QUEUED);
  job.set_message(std::string(3000, 'm'));
  RETURN_IF_ERROR(transaction.InsertJob(job));
  v1::JobEvent event;
  event.set_job_id(job.id());
  event.set_message(name);
  return transaction.AppendEvent(event);
}

class SqliteFaultTest : public testing::TestWithParam<Fault> {
 protected:
  absl::StatusOr<std::unique_ptr<JobStore>> Open() {
    return SqliteJobStore::Open(
        {.path = (folder_.path() / "store.db").string(), .clock = clock_, .readers = 1, .vfs = vfs_.name()});
  }

  // Lives a day; the names of the jobs that were acknowledged.
  std::set<std::string> LiveADay() {
    std::set<std::string> acknowledged;
    auto store = Open();
    if (!store.ok()) return acknowledged;
    for (int i = 0; i < kDay; ++i) {
      const std::string name = absl::StrCat("job-", i);
      const absl::Status status =
          (*store)->WriteAndWait([&](StoreTransaction& transaction) { return AddJob(transaction, name); });
      if (status.ok()) acknowledged.insert(name);
      EXPECT_TRUE(status.ok() || absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) << status;
    }
    return acknowledged;
  }

  // What must hold after any fault: the store opens, has all that was acknowledged, and nothing by halves.
  void ExpectSound(const std::set<std::string>& acknowledged) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    std::set<std::string> jobs;
    std::set<std::string> events;
    int64_t last_seq = 0;
    const absl::Status status = (*store)->Read([&](StoreReader& reader) {
      ASSIGN_OR_RETURN(const auto job_rows, reader.ListJobs({}));
      for (const v1::Job& job : job_rows) jobs.insert(job.name());
      ASSIGN_OR_RETURN(const auto event_rows, reader.Events(0, 0, 1000));
      for (const v1::JobEvent& event : event_rows) {
        EXPECT_EQ(event.seq(), ++last_seq);
        events.insert(event.message());
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(jobs, events);
    for (const std::string& name : acknowledged) EXPECT_TRUE(jobs.contains(name)) << name;
    EXPECT_TRUE((*store)->WriteAndWait([](StoreTransaction& t) { return AddJob(t, "after"); }).ok());
  }

  FakeClock clock_;
  FaultVfs vfs_{"fault"};
  TemporaryFolder folder_;
};

TEST_P(SqliteFaultTest, NothingAcknowledgedIsLostWhicheverOperationFails) {
  EXPECT_EQ(LiveADay().size(), static_cast<size_t>(kDay));
  const int64_t operations = vfs_.operations();
  ASSERT_GT(operations, 2 * kDay);
  for (int64_t n = 1; n <= operations && !HasFailure(); ++n) {
    SCOPED_TRACE(absl::StrCat("operation ", n));
    std::filesystem::remove_all(folder_.path());
    std::filesystem::create_directory(folder_.path());
    vfs_.FailOperation(n, GetParam());
    const std::set<std::string> acknowledged = LiveADay();
    vfs_.Disarm();
    if (GetParam() == Fault::kPowerCut) vfs_.LoseUnsyncedWrites();
    ExpectSound(acknowledged);
  }
}

INSTANTIATE_TEST_SUITE_P(AllFaults, SqliteFaultTest,
                         testing::Values(Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite,
                                         Fault::kPowerCut));

}  // namespace
}  // namespace ecgtrain
