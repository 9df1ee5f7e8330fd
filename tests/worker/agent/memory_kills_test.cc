#include "worker/agent/memory_kills.h"

#include <gtest/gtest.h>

#include "common/durable_file.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

class MemoryKillsTest : public testing::Test {
 protected:
  void Write(const std::string& file, const std::string& content) {
    std::filesystem::create_directories((root_.path() / file).parent_path());
    ASSERT_TRUE(WriteFileDurably(root_.path() / file, content).ok());
  }
  TemporaryFolder root_;
};

TEST_F(MemoryKillsTest, CountsThoseOfItsOwnGroupOnly) {
  Write("proc/self/cgroup", "1:name=systemd:/x\n0::/lab/worker\n");
  Write("sys/fs/cgroup/lab/worker/memory.events", "low 0\noom 1\noom_kill 1\n");
  Write("proc/vmstat", "oom_kill 7\n");
  const MemoryKills kills(root_.path());
  Write("proc/vmstat", "oom_kill 8\n");
  EXPECT_FALSE(kills.Happened());
  Write("sys/fs/cgroup/lab/worker/memory.events", "low 0\noom 2\noom_kill 2\n");
  EXPECT_TRUE(kills.Happened());
}

TEST_F(MemoryKillsTest, CountsThoseOfTheHostWithoutAGroup) {
  Write("proc/vmstat", "nr_free_pages 1\noom_kill 7\n");
  const MemoryKills kills(root_.path());
  EXPECT_FALSE(kills.Happened());
  Write("proc/vmstat", "nr_free_pages 1\noom_kill 8\n");
  EXPECT_TRUE(kills.Happened());
}

TEST_F(MemoryKillsTest, KnowsNothingWhereTheKernelTellsNothing) {
  EXPECT_FALSE(MemoryKills(root_.path()).Happened());
}

}  // namespace
}  // namespace ecgtrain
