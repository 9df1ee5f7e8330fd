// What every JobStore does, as tests: an implementation instantiates the suite with a way to make an empty
// store.
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, JobStoreContract, testing::Values(MakeStoreInTemporaryFolder));
#ifndef ECGTRAIN_TESTS_CONTRACT_JOB_STORE_CONTRACT_H_
#define ECGTRAIN_TESTS_CONTRACT_JOB_STORE_CONTRACT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "server/store/job_store.h"

namespace ecgtrain {

// Keeps alive what the store lies in.
struct StoreUnderTest {
  std::shared_ptr<void> surroundings;
  std::unique_ptr<JobStore> store;
};
using StoreFactory = std::function<StoreUnderTest(Clock& clock)>;

class JobStoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  JobStoreContract() : under_test_(GetParam()(clock_)), store_(*under_test_.store) {}

  // One transaction that must succeed.
  void Write(absl::FunctionRef<absl::Status(StoreTransaction&)> work);
  // One transaction's status.
  absl::Status TryWrite(absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
    return store_.WriteAndWait(work);
  }
  // The answer of one read, which must succeed.
  template <typename T>
  T Read(absl::FunctionRef<absl::StatusOr<T>(StoreReader&)> query) {
    absl::StatusOr<T> answer = absl::UnknownError("the work did not run");
    const absl::Status status = store_.Read([&](StoreReader& reader) {
      answer = query(reader);
      return answer.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return answer.ok() ? *std::move(answer) : T();
  }
  absl::Status ReadStatus(absl::FunctionRef<absl::Status(StoreReader&)> query) { return store_.Read(query); }

  // A queued job of user "ada", inserted.
  v1::Job InsertJob(const std::function<void(v1::Job&)>& change = nullptr);
  // A leased attempt on `worker`, inserted.
  v1::Attempt InsertAttempt(int64_t job_id, uint32_t number = 1, const std::string& worker = "w1",
                            const std::string& device = "");
  std::vector<int64_t> ListIds(const JobQuery& query);

  FakeClock clock_;
  StoreUnderTest under_test_;
  JobStore& store_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_CONTRACT_JOB_STORE_CONTRACT_H_
