#include "worker/data/source_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/worker/data/test_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class SourceFolderTest : public ::testing::Test {
 protected:
  SourceFolderTest() {
    folder_.Write("set/a/b/file", "content");
    folder_.Write("secret", "secret");
  }
  SourceFolder Open() { return *SourceFolder::Open(folder_.path() / "set"); }
  TestFolder folder_;
};

TEST_F(SourceFolderTest, FilesBelowTheFolderAreRead) {
  EXPECT_EQ(*Open().Read("a/b/file"), "content");
  const auto info = Open().Stat("a/b/file");
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->size, 7u);
  EXPECT_GT(info->modified_nanoseconds, 0);
}

TEST_F(SourceFolderTest, NamesThatLeaveTheFolderAreRefused) {
  for (const std::string& name :
       {std::string("../secret"), std::string("a/../../secret"), std::string("/etc/passwd"), std::string(""),
        std::string("."), std::string("a//b"), std::string("a/./b/file"), std::string("a/"),
        std::string("a/b/file\0x", 10)}) {
    EXPECT_EQ(Open().Read(name).status().code(), absl::StatusCode::kDataLoss) << name;
    EXPECT_EQ(Open().Stat(name).status().code(), absl::StatusCode::kDataLoss) << name;
  }
}

TEST_F(SourceFolderTest, NameLongerThanNamesCanBeIsRefused) {
  const absl::Status status = Open().Read(std::string(300, 'n')).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a part of the name is longer than"));
  EXPECT_EQ(Open().Stat(std::string(300, 'n') + "/file").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SourceFolderTest, LinksBelowTheFolderAreRefused) {
  std::filesystem::create_symlink(folder_.path() / "secret", folder_.path() / "set/link");
  std::filesystem::create_directory_symlink(folder_.path(), folder_.path() / "set/up");
  for (const char* name : {"link", "up/secret"}) {
    const absl::Status status = Open().Read(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("symbolic link")) << name;
  }
}

TEST_F(SourceFolderTest, FolderItselfMayBeALink) {
  std::filesystem::create_directory_symlink(folder_.path() / "set", folder_.path() / "alias");
  EXPECT_EQ(*SourceFolder::Open(folder_.path() / "alias")->Read("a/b/file"), "content");
}

TEST_F(SourceFolderTest, AbsentFilesAndFoldersAreNotFound) {
  EXPECT_EQ(Open().Read("a/absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Open().Read("absent/file").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SourceFolder::Open(folder_.path() / "absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SourceFolder::Open(folder_.path() / "secret").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SourceFolderTest, WhatIsNoPlainFileIsRefused) {
  ASSERT_EQ(mkfifo((folder_.path() / "set/pipe").c_str(), 0600), 0);
  EXPECT_EQ(Open().Read("pipe").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Open().Read("a").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SourceFolderTest, FileOverTheLimitIsRefused) {
  EXPECT_EQ(Open().Read("a/b/file", 6).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Open().Read("a/b/file", 7).ok());
}

}  // namespace
}  // namespace ecgtrain
