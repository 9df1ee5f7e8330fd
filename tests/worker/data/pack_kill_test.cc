// Kills the packing program in the middle and starts it again (docs/pack-format.md: a pack is whole or
// absent, an unfinished one is gone on with).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/unique_fd.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

// Progress is told at 0, 256, 512, 768, 1024 and at the end.
constexpr int kRecords = 1100;

class PackKillTest : public ::testing::Test {
 protected:
  std::filesystem::path Cache(const std::string& name) { return folder_.path() / name; }

  // Runs `ecg-data pack` until it tells on standard error what begins with `end`, kills it there and returns
  // true; false when it came to its end before. "": lets it run.
  bool PackUntil(const std::string& end, const std::filesystem::path& cache, int threads) {
    const std::string program = absl::StrCat(std::getenv("ECGTRAIN_BIN_DIR"), "/ecg-data");
    std::vector<std::string> words = {
        program,   "pack",         "--type",    "synthetic",          "--rate",
        "100",     "--seed",       "5",         "--records",          absl::StrCat(kRecords),
        "--cache", cache.string(), "--threads", absl::StrCat(threads)};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    // Packets, and room for one: the program is never further ahead than one piece of a line, so it cannot
    // end while there are lines that were not read.
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    EXPECT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
    UniqueFd read_end(ends[0]), write_end(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = -1;
    EXPECT_EQ(posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    write_end.Reset();
    std::string& told = told_;
    told.clear();
    char piece[4096];
    for (ssize_t got; (got = read(read_end.get(), piece, sizeof piece)) > 0;) {
      told.append(piece, got);
      if (!end.empty() && absl::StrContains(told, end)) kill(pid, SIGKILL);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) return true;
    EXPECT_EQ(WEXITSTATUS(status), 0) << told;
    return false;
  }

  static std::vector<std::filesystem::path> PacksIn(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> packs;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".pack") packs.push_back(entry.path());
    }
    return packs;
  }

  // The bytes of the one pack in the folder.
  static std::string Bytes(const std::filesystem::path& folder) {
    const auto packs = PacksIn(folder);
    EXPECT_EQ(packs.size(), 1u);
    return packs.empty() ? "" : ReadFile(packs[0], 1 << 30).value();
  }

  // How many records the last run found packed already, by its own account.
  int TakenOver() const {
    const size_t at = told_.find("took over ");
    int count = 0;
    if (at == std::string::npos || sscanf(told_.c_str() + at, "took over %d of", &count) != 1) return 0;
    return count;
  }

  TestFolder folder_;
  std::string told_;  // by the last run, on standard error
};

TEST_F(PackKillTest, KilledPackingLeavesNoPackAndTheNextMakesTheSameBytes) {
  ASSERT_FALSE(PackUntil("", Cache("whole"), 1));
  const std::string whole = Bytes(Cache("whole"));
  for (const int threads : {1, 2, 7}) {
    for (const char* point : {"packed 0 of", "packed 256 of", "packed 768 of"}) {
      const std::filesystem::path cache = Cache(absl::StrCat(threads, " ", point));
      ASSERT_TRUE(PackUntil(point, cache, threads)) << point;
      EXPECT_TRUE(PacksIn(cache).empty()) << point;
      ASSERT_FALSE(PackUntil("", cache, 8 - threads));
      EXPECT_TRUE(Bytes(cache) == whole) << point << ", " << threads << " threads";
      EXPECT_EQ(TakenOver() > 500, absl::StrContains(point, "768")) << told_;
      EXPECT_EQ(std::filesystem::exists(PacksIn(cache)[0].string() + ".tmp"), false);
    }
  }
}

TEST_F(PackKillTest, KillAtTheEndLeavesAWholePackOrNone) {
  ASSERT_FALSE(PackUntil("", Cache("whole"), 1));
  const std::string whole = Bytes(Cache("whole"));
  for (int round = 0; round < 4; ++round) {
    const std::filesystem::path cache = Cache(absl::StrCat(round));
    PackUntil(absl::StrCat("packed ", kRecords, " of"), cache, 2);  // somewhere in the last writes
    if (!PacksIn(cache).empty()) {
      EXPECT_TRUE(Bytes(cache) == whole);
    }
    ASSERT_FALSE(PackUntil("", cache, 2));
    EXPECT_TRUE(Bytes(cache) == whole);
  }
}

TEST_F(PackKillTest, KilledAgainAndAgainItStillEnds) {
  ASSERT_FALSE(PackUntil("", Cache("whole"), 1));
  int before = 0;
  for (const char* point : {"packed 256 of", "packed 512 of", "cut short", "packed 1024 of", "cut short"}) {
    ASSERT_TRUE(PackUntil(point, Cache("one"), 2)) << point;
    EXPECT_GE(TakenOver(), before) << "what was packed is packed again";
    before = TakenOver();
  }
  ASSERT_FALSE(PackUntil("", Cache("one"), 2));
  EXPECT_GT(TakenOver(), 800);
  EXPECT_TRUE(Bytes(Cache("one")) == Bytes(Cache("whole")));
}

}  // namespace
}  // namespace ecgtrain
