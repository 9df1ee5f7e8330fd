#include "tests/contract/artifact_store_contract.h"

#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "common/crc32c.h"
#include "common/sha256.h"

namespace ecgtrain {
namespace {

constexpr size_t kMiB = 1 << 20;

std::string Content(size_t size, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::string content(size, '\0');
  for (char& byte : content) byte = static_cast<char>(generator());
  return content;
}

}  // namespace

void ArtifactStoreContract::Reopen() {
  store_.reset();
  auto store = GetParam()(folder_.path(), clock_);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
}

UploadState ArtifactStoreContract::Open(const std::string& content) {
  const absl::StatusOr<UploadState> state = store_->OpenUpload(Sha256Hex(content), content.size());
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? *state : UploadState();
}

absl::StatusOr<uint64_t> ArtifactStoreContract::Append(const std::string& upload_id, uint64_t offset,
                                                       absl::string_view bytes) {
  return store_->Append(upload_id, offset, bytes, Crc32c(bytes));
}

void ArtifactStoreContract::Store(const std::string& content, size_t chunk) {
  const UploadState state = Open(content);
  for (uint64_t offset = state.durable_size; offset < content.size(); offset += chunk) {
    const auto durable = Append(state.upload_id, offset, absl::string_view(content).substr(offset, chunk));
    ASSERT_TRUE(durable.ok()) << durable.status();
  }
  const absl::Status status = store_->Finish(state.upload_id);
  ASSERT_TRUE(status.ok()) << status;
}

std::string ArtifactStoreContract::Read(const std::string& content_digest) {
  const auto bytes = store_->Read(content_digest, 0, 64 * kMiB);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

namespace {

TEST_P(ArtifactStoreContract, UploadedFileIsReadBack) {
  const std::string content = Content(3 * kMiB + 17);
  Store(content);
  EXPECT_EQ(*store_->FileSize(Sha256Hex(content)), content.size());
  EXPECT_TRUE(Read(Sha256Hex(content)) == content);
  EXPECT_TRUE(store_->Verify(Sha256Hex(content)).ok());
}

TEST_P(ArtifactStoreContract, EmptyFileCanBeStored) {
  Store("");
  EXPECT_EQ(Read(Sha256Hex("")), "");
}

TEST_P(ArtifactStoreContract, ReadStartsAndEndsWhereAsked) {
  Store("0123456789");
  const std::string digest = Sha256Hex("0123456789");
  EXPECT_EQ(*store_->Read(digest, 3, 4), "3456");
  EXPECT_EQ(*store_->Read(digest, 8, 100), "89");
  EXPECT_EQ(*store_->Read(digest, 10, 100), "");
  EXPECT_TRUE(absl::IsOutOfRange(store_->Read(digest, 11, 1).status()));
}

TEST_P(ArtifactStoreContract, FileIsNotThereBeforeItIsFinished) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  ASSERT_TRUE(Append(state.upload_id, 0, content).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Read(Sha256Hex(content), 0, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->FileSize(Sha256Hex(content)).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Verify(Sha256Hex(content))));
}

TEST_P(ArtifactStoreContract, IdenticalContentIsOneFileAndNeedsNoSecondUpload) {
  const std::string content = Content(1000);
  Store(content);
  const UploadState again = Open(content);
  EXPECT_TRUE(again.complete);
  EXPECT_EQ(again.durable_size, content.size());
  EXPECT_EQ(*store_->SizeBytes(), content.size());
}

TEST_P(ArtifactStoreContract, UploadersOfTheSameContentShareTheUpload) {
  const std::string content = Content(1000);
  const UploadState first = Open(content);
  ASSERT_TRUE(Append(first.upload_id, 0, content.substr(0, 600)).ok());
  const UploadState second = Open(content);
  EXPECT_EQ(second.upload_id, first.upload_id);
  EXPECT_EQ(second.durable_size, 600u);
  // Overlapping what the first has sent.
  ASSERT_TRUE(Append(second.upload_id, 400, content.substr(400)).ok());
  EXPECT_TRUE(store_->Finish(second.upload_id).ok());
  EXPECT_TRUE(Read(Sha256Hex(content)) == content);
}

TEST_P(ArtifactStoreContract, RepeatedChunkChangesNothing) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  ASSERT_TRUE(Append(state.upload_id, 0, content.substr(0, 600)).ok());
  ASSERT_TRUE(Append(state.upload_id, 0, content.substr(0, 600)).ok());
  ASSERT_TRUE(Append(state.upload_id, 600, content.substr(600)).ok());
  EXPECT_TRUE(store_->Finish(state.upload_id).ok());
}

TEST_P(ArtifactStoreContract, GapsAndOverrunsAreRefusedAndTheUploadGoesOn) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  EXPECT_TRUE(absl::IsOutOfRange(Append(state.upload_id, 1, content.substr(1)).status()));
  EXPECT_TRUE(absl::IsOutOfRange(Append(state.upload_id, 0, content + "x").status()));
  EXPECT_TRUE(absl::IsOutOfRange(Append(state.upload_id, ~uint64_t{0}, content).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Finish(state.upload_id)));
  ASSERT_TRUE(Append(state.upload_id, 0, content).ok());
  EXPECT_TRUE(store_->Finish(state.upload_id).ok());
}

TEST_P(ArtifactStoreContract, WrongChecksumIsDataLossAndTheUploadBeginsAnew) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  ASSERT_TRUE(Append(state.upload_id, 0, content.substr(0, 500)).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->Append(state.upload_id, 500, content.substr(500), 1).status()));
  EXPECT_TRUE(absl::IsNotFound(Append(state.upload_id, 500, content.substr(500)).status()));
  EXPECT_EQ(Open(content).durable_size, 0u);
  Store(content);
}

TEST_P(ArtifactStoreContract, WrongDigestIsDataLossAndTheUploadBeginsAnew) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  ASSERT_TRUE(Append(state.upload_id, 0, Content(1000, /*seed=*/2)).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->Finish(state.upload_id)));
  EXPECT_TRUE(absl::IsNotFound(store_->FileSize(Sha256Hex(content)).status()));
  EXPECT_EQ(Open(content).durable_size, 0u);
  Store(content);
}

TEST_P(ArtifactStoreContract, WholeIntervalsAreDurableBeforeTheEnd) {
  constexpr size_t kChunk = 8 * kMiB;
  const std::string content = Content(ArtifactStore::kSyncInterval + kMiB);
  const UploadState state = Open(content);
  uint64_t durable = 0;
  for (size_t offset = 0; offset < ArtifactStore::kSyncInterval; offset += kChunk) {
    EXPECT_EQ(durable, 0u);
    durable = *Append(state.upload_id, offset, absl::string_view(content).substr(offset, kChunk));
  }
  EXPECT_EQ(durable, ArtifactStore::kSyncInterval);
}

TEST_P(ArtifactStoreContract, UploadGoesOnAfterARestartAtAnyChunk) {
  constexpr size_t kChunk = 100'000;
  const std::string content = Content(12 * kChunk + 1);
  for (size_t offset = 0; offset < content.size(); offset += kChunk) {
    const UploadState state = Open(content);
    ASSERT_FALSE(state.complete);
    ASSERT_EQ(state.durable_size, offset);
    ASSERT_TRUE(Append(state.upload_id, offset, absl::string_view(content).substr(offset, kChunk)).ok());
    Reopen();
  }
  const UploadState state = Open(content);
  EXPECT_EQ(state.durable_size, content.size());
  EXPECT_TRUE(store_->Finish(state.upload_id).ok());
  Reopen();
  EXPECT_TRUE(Open(content).complete);
  EXPECT_TRUE(Read(Sha256Hex(content)) == content);
}

TEST_P(ArtifactStoreContract, UploadIdOutlivesARestart) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  Reopen();
  ASSERT_TRUE(Append(state.upload_id, 0, content).ok());
  EXPECT_TRUE(store_->Finish(state.upload_id).ok());
}

TEST_P(ArtifactStoreContract, NamesFromOutsideNeverBecomePaths) {
  const std::vector<std::string> names = {"",
                                          "..",
                                          "../../etc/passwd",
                                          std::string(64, 'A'),
                                          std::string(63, 'a'),
                                          std::string(65, 'a'),
                                          std::string("\0", 1) + std::string(63, 'a'),
                                          "ab/" + std::string(61, 'a')};
  for (const std::string& name : names) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->OpenUpload(name, 1).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->FileSize(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Read(name, 0, 1).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Verify(name))) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Delete(name))) << name;
    EXPECT_TRUE(absl::IsNotFound(Append(name, 0, "x").status())) << name;
    EXPECT_TRUE(absl::IsNotFound(store_->Finish(name))) << name;
  }
}

TEST_P(ArtifactStoreContract, SizesOverTheLimitAreRefused) {
  const std::string digest = Sha256Hex("x");
  EXPECT_TRUE(absl::IsInvalidArgument(store_->OpenUpload(digest, ArtifactStore::kMaxFileSize + 1).status()));
  Store("x");
  EXPECT_TRUE(absl::IsInvalidArgument(store_->OpenUpload(digest, 2).status()));
}

TEST_P(ArtifactStoreContract, DeletedFileIsGoneAndMayBeDeletedAgain) {
  Store("content");
  const std::string digest = Sha256Hex("content");
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(store_->Delete(digest).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Read(digest, 0, 1).status()));
  EXPECT_TRUE(store_->Delete(digest).ok());
  EXPECT_FALSE(Open("content").complete);
}

TEST_P(ArtifactStoreContract, FileThatAnUploaderCountsOnIsNotDeleted) {
  Store("content");
  const std::string digest = Sha256Hex("content");
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(Open("content").complete);
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Delete(digest)));
  EXPECT_EQ(Read(digest), "content");
}

TEST_P(ArtifactStoreContract, ListPagesThroughAllFiles) {
  std::set<std::string> stored;
  for (int i = 0; i < 20; ++i) {
    Store("content " + std::to_string(i));
    stored.insert(Sha256Hex("content " + std::to_string(i)));
  }
  std::vector<std::string> listed;
  std::string after;
  while (true) {
    const std::vector<std::string> page = *store_->List(after, 7);
    if (page.empty()) break;
    EXPECT_LE(page.size(), 7u);
    listed.insert(listed.end(), page.begin(), page.end());
    after = page.back();
  }
  EXPECT_THAT(listed, testing::ElementsAreArray(stored));
}

TEST_P(ArtifactStoreContract, AbandonedUploadsAreRemovedAndTouchedOnesStay) {
  const std::string old_content = Content(1000, 1);
  const std::string new_content = Content(1000, 2);
  const UploadState old_upload = Open(old_content);
  ASSERT_TRUE(Append(old_upload.upload_id, 0, old_content.substr(0, 500)).ok());
  clock_.Advance(absl::Hours(20));
  const UploadState new_upload = Open(new_content);
  clock_.Advance(absl::Hours(5));
  EXPECT_EQ(*store_->RemoveAbandonedUploads(absl::Hours(24)), 1u);
  EXPECT_TRUE(absl::IsNotFound(Append(old_upload.upload_id, 500, old_content.substr(500)).status()));
  EXPECT_TRUE(Append(new_upload.upload_id, 0, new_content).ok());
  Reopen();
  EXPECT_EQ(Open(old_content).durable_size, 0u);
}

TEST_P(ArtifactStoreContract, AbandonedUploadsOfAFormerProcessAreRemoved) {
  const std::string content = Content(1000);
  const UploadState state = Open(content);
  Reopen();
  clock_.Advance(absl::Hours(25));
  EXPECT_EQ(*store_->RemoveAbandonedUploads(absl::Hours(24)), 1u);
  EXPECT_TRUE(absl::IsNotFound(store_->Finish(state.upload_id)));
}

TEST_P(ArtifactStoreContract, UploadsAtTheSameTimeDoNotMix) {
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 8; ++seed) {
    // Two threads each send the same content.
    threads.emplace_back([this, seed] {
      const std::string content = Content(300'000, seed / 2);
      while (true) {
        const auto state = store_->OpenUpload(Sha256Hex(content), content.size());
        if (state.ok() && state->complete) return;
        if (!state.ok()) continue;  // the other one has just finished
        for (size_t offset = state->durable_size; offset < content.size(); offset += 10'000) {
          const std::string chunk = content.substr(offset, 10'000);
          if (!store_->Append(state->upload_id, offset, chunk, Crc32c(chunk)).ok()) break;
        }
        const absl::Status finished = store_->Finish(state->upload_id);
        EXPECT_TRUE(finished.ok() || absl::IsNotFound(finished)) << finished;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (unsigned seed = 0; seed < 4; ++seed) {
    EXPECT_TRUE(store_->Verify(Sha256Hex(Content(300'000, seed))).ok());
  }
}

}  // namespace
}  // namespace ecgtrain
