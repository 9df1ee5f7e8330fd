#include "worker/agent/log_reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

class LogReaderTest : public testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  // All that is shipped, in bites of `size` bytes.
  std::string Shipped(bool complete, size_t size) {
    std::string shipped;
    while (true) {
      const auto bytes = reader_.Read(shipped.size(), size, complete);
      EXPECT_TRUE(bytes.ok()) << bytes.status();
      if (!bytes.ok() || bytes->empty()) return shipped;
      shipped += *bytes;
    }
  }
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "trainer.log";
  LogReader reader_{path_, {.head = 10, .tail = 4}};
};

TEST_F(LogReaderTest, MissingFileIsEmptySoFar) { EXPECT_EQ(Shipped(true, 100), ""); }

TEST_F(LogReaderTest, ShortLogIsShippedAsItIs) {
  Write("abcdef");
  EXPECT_EQ(Shipped(false, 4), "abcdef");
  Write("ghij");
  EXPECT_EQ(Shipped(true, 4), "abcdefghij");
}

TEST_F(LogReaderTest, TailOfALongLogWaitsForItsEnd) {
  Write("0123456789abcdefghij");
  EXPECT_EQ(Shipped(false, 100), "0123456789");
}

TEST_F(LogReaderTest, LongLogKeepsHeadAndTailAndSaysWhatIsMissing) {
  Write("0123456789abcdefghij");
  for (const size_t size : {1, 3, 100}) {
    EXPECT_EQ(Shipped(true, size), "0123456789\n[6 bytes of the log are left out here]\nghij");
  }
}

TEST_F(LogReaderTest, NothingIsSaidToBeMissingWhereNothingIs) {
  Write("0123456789abc");
  EXPECT_EQ(Shipped(true, 100), "0123456789abc");
}

}  // namespace
}  // namespace ecgtrain
