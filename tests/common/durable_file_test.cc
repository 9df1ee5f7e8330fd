#include "common/durable_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/crc32c.h"
#include "common/ids.h"
#include "common/unique_fd.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class DurableFileTest : public ::testing::Test {
 protected:
  DurableFileTest() : folder_(std::filesystem::path(::testing::TempDir()) / NewUuid()) {
    EXPECT_TRUE(MakeDirectories(folder_).ok());
  }
  ~DurableFileTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(DurableFileTest, WrittenContentReadsBack) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFileDurably(folder_ / "x", content).ok());
  EXPECT_EQ(*ReadFile(folder_ / "x"), content);
}

TEST_F(DurableFileTest, WriteReplacesAndLeavesNoTemporaryFile) {
  ASSERT_TRUE(WriteFileDurably(folder_ / "x", "old").ok());
  ASSERT_TRUE(WriteFileDurably(folder_ / "x", "new", 0600).ok());
  EXPECT_EQ(*ReadFile(folder_ / "x"), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
  struct stat info;
  ASSERT_EQ(stat((folder_ / "x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(DurableFileTest, MissingFileIsNotFoundAndNamed) {
  const absl::Status status = ReadFile(folder_ / "absent").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("absent"));
}

TEST_F(DurableFileTest, FileOverTheLimitIsRefused) {
  ASSERT_TRUE(WriteFileDurably(folder_ / "x", std::string(100, 'x')).ok());
  EXPECT_EQ(ReadFile(folder_ / "x", 99).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReadFile(folder_ / "x", 100).ok());
}

TEST_F(DurableFileTest, FolderInPlaceOfAFileIsRefused) {
  EXPECT_EQ(ReadFile(folder_).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(WriteFileDurably(folder_ / "x", "file").ok());
  EXPECT_EQ(MakeDirectories(folder_ / "x").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DurableFileTest, WritingBehindLeavesTheContentAlone) {
  std::string content(20 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>((i >> 12) * 31 + i);
  const UniqueFd fd(open((folder_ / "x").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  constexpr size_t kPiece = 300'007;  // never the end of a page
  for (size_t begin = 0; begin < content.size(); begin += kPiece) {
    const absl::string_view piece = absl::string_view(content).substr(begin, kPiece);
    ASSERT_TRUE(WriteFully(fd.get(), piece, folder_ / "x").ok());
    WriteBehind(fd.get(), begin, begin + piece.size());
  }
  EXPECT_TRUE(*ReadFile(folder_ / "x") == content);  // 20 MiB are not worth printing
}

TEST(Crc32c, MatchesThePublishedCheckValue) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xe3069283u);
}

}  // namespace
}  // namespace ecgtrain
