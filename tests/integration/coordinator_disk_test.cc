// P37, F19 on a real file system that is full to the last byte: a tmpfs of its own.
#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/unique_fd.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "tests/integration/process.h"

namespace ecgtrain::testing {
namespace {

class CoordinatorDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(mount_);
    if (mount("tmpfs", mount_.c_str(), "tmpfs", 0, "size=48m") == 0) {
      mounted_ = true;
      return;
    }
    GTEST_SKIP() << "a tmpfs cannot be mounted here (" << strerror(errno)
                 << "); run as root to test a disk that is really full";
  }
  ~CoordinatorDiskTest() override {
    coordinator_.reset();
    if (mounted_) umount2(mount_.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(mount_, ignored);
  }

  void Start() {
    std::filesystem::remove(mount_ / "state" / "address");  // of a start before
    coordinator_ = std::make_unique<Process>(
        std::vector<std::string>{Program("ecg-coordinator"), "serve", "--state-dir", mount_ / "state",
                                 "--listen", "127.0.0.1:0", "--no-metrics", "--keep-free", "8MiB",
                                 "--keep-free-metrics", "9MiB", "--keep-free-logs", "10MiB", "--disk-reserve",
                                 "4MiB"},
        log_);
    const auto address = AwaitFile(mount_ / "state" / "address");
    ASSERT_TRUE(address.ok()) << ReadFile(log_).value_or("");
    training_ = v1::TrainingService::NewStub(grpc::CreateChannel(
        std::string(absl::StripAsciiWhitespace(*address)), grpc::InsecureChannelCredentials()));
    const auto reserve = AwaitFile(mount_ / "state" / "reserve");
    ASSERT_TRUE(reserve.ok());
  }

  // Takes every byte that is left.
  void Fill() {
    const UniqueFd file(open((mount_ / "filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const std::string block(4096, 'x');
    while (write(file.get(), block.data(), block.size()) > 0) continue;
    ASSERT_EQ(errno, ENOSPC);
  }

  grpc::Status Submit(int64_t& job) {
    v1::SubmitJobsRequest request;
    request.set_request_id(NewUuid());
    request.add_specs()->mutable_pretrain()->set_dataset("synthetic");
    request.mutable_specs(0)->mutable_model()->set_preset("tiny");
    v1::SubmitJobsResponse response;
    grpc::ClientContext context;
    const grpc::Status status = training_->SubmitJobs(&context, request, &response);
    if (status.ok()) job = response.jobs(0).id();
    return status;
  }

  grpc::Status Cancel(int64_t job) {
    v1::CancelJobRequest request;
    request.set_request_id(NewUuid());
    request.set_job(absl::StrCat(job));
    v1::CancelJobResponse response;
    grpc::ClientContext context;
    return training_->CancelJob(&context, request, &response);
  }

  const std::filesystem::path mount_ =
      std::filesystem::path(::testing::TempDir()) / absl::StrCat("full-", NewUuid());
  const std::filesystem::path log_ = mount_.string() + ".log";
  bool mounted_ = false;
  std::unique_ptr<Process> coordinator_;
  std::unique_ptr<v1::TrainingService::Stub> training_;
};

TEST_F(CoordinatorDiskTest, CancelsGoOnWithoutAByteFreeAndSubmitsWaitForRoom) {
  Start();
  constexpr int kJobs = 50;
  int64_t jobs[kJobs] = {};
  for (int64_t& job : jobs) ASSERT_TRUE(Submit(job).ok());
  Fill();
  // Free space is measured once a second: until then the reserve takes what comes.
  std::vector<int64_t> late;
  grpc::Status full = grpc::Status::OK;
  while (full.ok()) full = Submit(late.emplace_back());
  late.pop_back();
  EXPECT_EQ(full.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << full.error_message();
  EXPECT_THAT(full.error_message(), ::testing::HasSubstr("--keep-free"));
  std::vector<int64_t> all(std::begin(jobs), std::end(jobs));
  all.insert(all.end(), late.begin(), late.end());
  for (const int64_t job : all) {
    const grpc::Status cancelled = Cancel(job);
    ASSERT_TRUE(cancelled.ok()) << cancelled.error_message();
  }
  // A crash loses none of it.
  coordinator_->Signal(SIGKILL);
  coordinator_->Wait();
  std::filesystem::remove(mount_ / "filler");
  Start();
  int64_t accepted = 0;
  EXPECT_TRUE(Submit(accepted).ok());
  for (const int64_t job : all) {
    v1::GetJobRequest request;
    request.set_job(absl::StrCat(job));
    v1::GetJobResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(training_->GetJob(&context, request, &response).ok());
    EXPECT_EQ(response.job().state(), v1::CANCELLED);
  }
}

}  // namespace
}  // namespace ecgtrain::testing
