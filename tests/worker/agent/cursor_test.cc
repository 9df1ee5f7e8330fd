#include "worker/agent/cursor.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

TEST(CursorTest, SuccessorReadsWhatWasWritten) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "cursor.json";
  const absl::Time finished = absl::FromUnixSeconds(1'800'000'000);
  {
    Cursor cursor(path);
    ASSERT_TRUE(cursor
                    .Update([&](CursorRecord& record) {
                      record = {.seq = 7, .log_offset = 1'000, .stop = v1::STOP_PAUSE, .finished = finished};
                    })
                    .ok());
  }
  const CursorRecord record = Cursor(path).Get();
  EXPECT_EQ(record.seq, 7);
  EXPECT_EQ(record.log_offset, 1'000);
  EXPECT_EQ(record.stop, v1::STOP_PAUSE);
  EXPECT_EQ(record.finished, finished);
}

TEST(CursorTest, BrokenFileCountsAsEmpty) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "cursor.json";
  for (const char* content :
       {"", "{", "[]", R"({"seq": -1, "log_offset": "x", "stop": 3})", R"({"stop": "STOP_X"})"}) {
    std::ofstream(path) << content;
    const CursorRecord record = Cursor(path).Get();
    EXPECT_EQ(record.seq, 0) << content;
    EXPECT_EQ(record.stop, v1::STOP_NONE) << content;
    EXPECT_FALSE(record.finished.has_value()) << content;
  }
}

TEST(CursorTest, FolderThatIsGoneIsAnError) {
  Cursor cursor("/nonexistent/cursor.json");
  EXPECT_FALSE(cursor.Update([](CursorRecord& record) { record.seq = 1; }).ok());
}

}  // namespace
}  // namespace ecgtrain
