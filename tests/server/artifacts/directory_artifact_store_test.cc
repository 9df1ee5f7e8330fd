#include "server/artifacts/directory_artifact_store.h"

#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <limits>
#include <memory>

#include "common/crc32c.h"
#include "common/sha256.h"
#include "tests/contract/artifact_store_contract.h"

namespace ecgtrain {
namespace {

absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenDirectory(const std::filesystem::path& place,
                                                             Clock& clock) {
  return DirectoryArtifactStore::Open({.root = place, .clock = clock, .reserve_bytes = 0});
}

INSTANTIATE_TEST_SUITE_P(Directory, ArtifactStoreContract,
                         testing::Values(ArtifactStoreFactory(OpenDirectory)));

// While it lives, no file of this process grows beyond `bytes`: the one way to a full disk without a disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  sighandler_t handler_;
};

class DirectoryArtifactStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ArtifactStore> Open(uint64_t reserve_bytes = 0) {
    auto store = DirectoryArtifactStore::Open(
        {.root = folder_.path(), .clock = clock_, .reserve_bytes = reserve_bytes});
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  void Store(ArtifactStore& store, const std::string& content) {
    const UploadState state = *store.OpenUpload(Sha256Hex(content), content.size());
    ASSERT_TRUE(store.Append(state.upload_id, 0, content, Crc32c(content)).ok());
    ASSERT_TRUE(store.Finish(state.upload_id).ok());
  }

  FakeClock clock_;
  TemporaryFolder folder_;
};

TEST_F(DirectoryArtifactStoreTest, FileLiesUnderItsDigest) {
  const auto store = Open();
  Store(*store, "content");
  const std::string digest = Sha256Hex("content");
  EXPECT_EQ(DigestFile(folder_.path() / "sha256" / digest.substr(0, 2) / digest)->sha256, digest);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "uploads"));
}

TEST_F(DirectoryArtifactStoreTest, ChangedFileIsDataLossWhenVerified) {
  const auto store = Open();
  Store(*store, "content");
  const std::string digest = Sha256Hex("content");
  std::ofstream(folder_.path() / "sha256" / digest.substr(0, 2) / digest) << "CONTENT";
  EXPECT_TRUE(absl::IsDataLoss(store->Verify(digest)));
}

TEST_F(DirectoryArtifactStoreTest, BytesChangedOnTheDiskBetweenRestartsAreFound) {
  const std::string content(1000, 'x');
  const UploadState state = *Open()->OpenUpload(Sha256Hex(content), content.size());
  std::ofstream(folder_.path() / "uploads" / (state.upload_id + "." + Sha256Hex(content) + ".1000"))
      << std::string(500, 'y');
  const auto store = Open();
  EXPECT_EQ(store->OpenUpload(Sha256Hex(content), 1000)->durable_size, 500u);
  const std::string rest(500, 'x');
  ASSERT_TRUE(store->Append(state.upload_id, 500, rest, Crc32c(rest)).ok());
  EXPECT_TRUE(absl::IsDataLoss(store->Finish(state.upload_id)));
}

TEST_F(DirectoryArtifactStoreTest, UploadLongerThanItsSizeBeginsAnew) {
  const UploadState state = *Open()->OpenUpload(Sha256Hex("abc"), 3);
  std::ofstream(folder_.path() / "uploads" / (state.upload_id + "." + Sha256Hex("abc") + ".3")) << "abcdef";
  EXPECT_EQ(Open()->OpenUpload(Sha256Hex("abc"), 3)->durable_size, 0u);
}

TEST_F(DirectoryArtifactStoreTest, ForeignFilesAmongTheUploadsAreLeftAlone) {
  Open();
  std::ofstream(folder_.path() / "uploads" / "notes.txt") << "mine";
  const auto store = Open();
  EXPECT_EQ(*store->RemoveAbandonedUploads(absl::ZeroDuration()), 0u);
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "uploads" / "notes.txt"));
}

TEST_F(DirectoryArtifactStoreTest, FileThatCannotBeMovedIsKeptAndMovedLater) {
  const auto store = Open();
  const std::string digest = Sha256Hex("content");
  const UploadState state = *store->OpenUpload(digest, 7);
  ASSERT_TRUE(store->Append(state.upload_id, 0, "content", Crc32c("content")).ok());
  // Where its folder would be is a file.
  const std::filesystem::path obstacle = folder_.path() / "sha256" / digest.substr(0, 2);
  std::ofstream(obstacle) << "in the way";
  EXPECT_FALSE(store->Finish(state.upload_id).ok());
  std::filesystem::remove(obstacle);
  EXPECT_TRUE(store->Finish(state.upload_id).ok());
  EXPECT_TRUE(store->Verify(digest).ok());
}

TEST_F(DirectoryArtifactStoreTest, ReserveOfTheDiskIsNotTouched) {
  const auto store = Open(std::numeric_limits<uint64_t>::max());
  const auto state = store->OpenUpload(Sha256Hex("abc"), 3);
  EXPECT_TRUE(absl::IsResourceExhausted(state.status())) << state.status();
  EXPECT_THAT(std::string(state.status().message()), testing::HasSubstr("no room for"));
}

TEST_F(DirectoryArtifactStoreTest, FullDiskKeepsWhatIsThereAndTheUploadGoesOnLater) {
  const auto store = Open();
  const std::string content(300'000, 'x');
  const UploadState state = *store->OpenUpload(Sha256Hex(content), content.size());
  const std::string first = content.substr(0, 100'000);
  const std::string rest = content.substr(100'000);
  ASSERT_TRUE(store->Append(state.upload_id, 0, first, Crc32c(first)).ok());
  {
    const FileSizeLimit limit(200'000);
    const auto durable = store->Append(state.upload_id, 100'000, rest, Crc32c(rest));
    EXPECT_TRUE(absl::IsResourceExhausted(durable.status())) << durable.status();
  }
  EXPECT_EQ(store->OpenUpload(Sha256Hex(content), content.size())->durable_size, 100'000u);
  ASSERT_TRUE(store->Append(state.upload_id, 100'000, rest, Crc32c(rest)).ok());
  EXPECT_TRUE(store->Finish(state.upload_id).ok());
}

}  // namespace
}  // namespace ecgtrain
