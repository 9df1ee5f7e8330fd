// P37, F18: the worker's disk fills up in training, on a small file system of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/unique_fd.h"
#include "tests/integration/lab.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain::testing {
namespace {

using ::testing::HasSubstr;

// A file system of 64 MiB, gone with its object.
class Disk {
 public:
  Disk() { mounted_ = mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=64m") == 0; }
  ~Disk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "mounting a file system is not allowed here";
    std::filesystem::create_directory_symlink(disk_.path(), lab_.folder() / "worker");
  }

  // Leaves room for events and logs, not for a checkpoint (3.5 MB).
  void Fill() {
    const UniqueFd file(open(Ballast().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.valid());
    struct statvfs info;
    ASSERT_EQ(statvfs(disk_.path().c_str(), &info), 0);
    const auto room = static_cast<off_t>(info.f_bavail * info.f_frsize);
    constexpr off_t kLeft = 1 << 20;
    ASSERT_EQ(posix_fallocate(file.get(), 0, room - kLeft), 0);
  }
  std::filesystem::path Ballast() const { return disk_.path() / "ballast"; }

  std::vector<std::string> Warnings(int64_t job) {
    std::vector<std::string> warnings;
    v1::WatchJobRequest request;
    request.set_job(absl::StrCat(job));
    grpc::ClientContext context;
    const auto stream = lab_.api().WatchJob(&context, request);
    v1::WatchJobResponse response;
    while (stream->Read(&response) && response.has_event()) {
      if (response.event().type() == "warning") warnings.push_back(response.event().message());
    }
    context.TryCancel();
    return warnings;
  }

  // Outside the lab's own folder, which is removed with all it holds.
  Disk disk_;
  Lab lab_{QuickTimes()};
};

TEST_F(FullDisk, TrainingGoesOnThenEndsDiskFullAndGoesOnWhenThereIsRoom) {
  lab_.StartCoordinator();
  lab_.StartWorker();
  const std::vector<int64_t> jobs = lab_.Submit(
      "pretrain: {dataset: synthetic}\nmodel: {preset: tiny}\nprecision: fp32\n"
      "schedule: {epochs: 16, batch_size: 32, log_every: 1}\ncheckpoint: {every_steps: 10}\n");
  ASSERT_EQ(jobs.size(), 1u);
  lab_.AwaitStored(jobs[0]);
  lab_.Cordon(true);  // what comes after the full disk waits for the test
  ASSERT_NO_FATAL_FAILURE(Fill());
  lab_.Until([&] { return lab_.Get(jobs[0]).attempts(0).state() == v1::ENDED; });

  const v1::Attempt attempt = lab_.Get(jobs[0]).attempts(0);
  EXPECT_EQ(attempt.reason(), v1::DISK_FULL) << attempt.message();
  EXPECT_THAT(attempt.message(), HasSubstr("no checkpoint could be saved 3 times in a row"));
  const std::vector<std::string> warnings = Warnings(jobs[0]);
  ASSERT_EQ(warnings.size(), 2u) << "the third one is the end";
  for (const std::string& warning : warnings) {
    EXPECT_THAT(warning, HasSubstr("left out"));
    EXPECT_THAT(warning, HasSubstr("No space left on device"));
  }
  // Training went on from one to the next.
  const v1::ListCheckpointsResponse listed = lab_.Checkpoints(jobs[0]);
  ASSERT_GT(listed.checkpoints_size(), 0);
  EXPECT_GT(attempt.last_step(), listed.checkpoints(0).step() + 10);
  // Nothing half done: what is there is complete, and has been stored.
  for (const auto& entry :
       std::filesystem::directory_iterator(lab_.RunDirectory(jobs[0], 1) / "checkpoints")) {
    EXPECT_TRUE(std::filesystem::exists(entry.path() / "manifest.json")) << entry.path();
  }
  for (const v1::Checkpoint& checkpoint : listed.checkpoints()) {
    EXPECT_NE(checkpoint.state(), v1::LOCAL) << checkpoint.name();
  }

  std::filesystem::remove(Ballast());
  lab_.Cordon(false);
  const v1::Job job = lab_.AwaitEnd(jobs[0]);
  EXPECT_EQ(job.state(), v1::SUCCEEDED) << job.message();
  const v1::GetJobResponse got = lab_.Get(jobs[0]);
  ASSERT_EQ(got.attempts_size(), 2);
  EXPECT_EQ(got.attempts(1).resumed_step(), listed.checkpoints(0).step());
  lab_.ExpectEachStepOnce(jobs[0]);
}

TEST_F(FullDisk, DiskThatIsFullFromTheStartIsNamed) {
  lab_.StartCoordinator();
  ASSERT_NO_FATAL_FAILURE(Fill());
  lab_.StartWorker();
  const std::vector<int64_t> jobs =
      lab_.Submit("pretrain: {dataset: synthetic}\nmodel: {preset: tiny}\nretry: {infrastructure: 0}\n");
  ASSERT_EQ(jobs.size(), 1u);
  const v1::Job job = lab_.AwaitEnd(jobs[0]);
  EXPECT_EQ(job.state(), v1::FAILED);
  EXPECT_EQ(job.reason(), v1::DISK_FULL) << job.message();
  EXPECT_THAT(job.message(), HasSubstr("exhausted: retry.infrastructure is 0"));
  EXPECT_THAT(lab_.Log(jobs[0], 1), HasSubstr("No space left on device"));
}

}  // namespace
}  // namespace ecgtrain::testing
