// Packings that were cut short, and what the next one makes of what they left (docs/pack-format.md,
// "Unfinished packs"). What a kill leaves is pack_kill_test.cc's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/crc32c.h"
#include "tests/support/mini_ptbxl.h"
#include "tests/worker/data/pack_data_set_fixture.h"
#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::WriteMiniPtbxl;

class PackResumeTest : public PackDataSetTest {
 protected:
  // Ends the packing with `status` after so many recordings.
  static void Stop(const PackOptions& options, size_t after, const absl::Status& status) {
    const auto path = PackDataSet(
        options, [&](const PackedSoFar& so_far) { return so_far.done < after ? absl::OkStatus() : status; });
    EXPECT_EQ(path.status().code(), status.code()) << path.status();
  }
  // As a worker does that is told to stop.
  static void Cancel(const PackOptions& options, size_t after) {
    Stop(options, after, absl::CancelledError("stop"));
  }

  // Leaves 512 of 600 records in an unfinished pack. Sets `pack_`, where it will be, and `bytes_`.
  void LeaveUnfinished(const PackOptions& options) {
    PackOptions calm = options;
    calm.cache = folder_.path() / "calm";
    const auto whole = Run(calm);
    ASSERT_TRUE(whole.ok()) << whole.status();
    bytes_ = Bytes(*whole);
    pack_ = options.cache / whole->filename();
    Cancel(options, 512);
    ASSERT_TRUE(std::filesystem::exists(Unfinished(".tmp")));
    ASSERT_TRUE(std::filesystem::exists(Unfinished(".journal")));
  }
  void LeaveUnfinished() { LeaveUnfinished(Synthetic(600)); }

  std::filesystem::path Unfinished(const std::string& extension) const { return pack_.string() + extension; }

  // Damages, contradictions and exchanged electrodes in records before and after the 512th.
  PackOptions FlawedSet() {
    EXPECT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 600, .records500 = false}).ok());
    for (const int record : {3, 590}) {
      const std::string name = absl::StrFormat("set/records100/00000/%05d_lr.dat", record);
      std::string bytes = folder_.Read(name);
      bytes[1000] ^= 1;
      folder_.Write(name, bytes);
    }
    for (const int record : {10, 20, 580}) Exchange(record, "II", "V2");
    for (const int record : {30, 40, 570}) Exchange(record, "I", "II");
    PackOptions options = Ptbxl();
    options.quarantine = *ParseFlaws("missing,limb_leads_contradict");
    return options;
  }

  void Exchange(int record, const std::string& a, const std::string& b) {
    const std::string name = absl::StrFormat("set/records100/00000/%05d_lr.hea", record);
    const std::string one = absl::StrCat(" ", a, "\n"), other = absl::StrCat(" ", b, "\n");
    folder_.Write(name, absl::StrReplaceAll(folder_.Read(name), {{one, other}, {other, one}}));
  }

  // As if the journal's first line had been written by another program.
  static void GiveToAnotherProgram(const std::filesystem::path& journal) {
    const std::string text = ReadFile(journal).value();
    const size_t end = text.find('\n');
    const std::string head = absl::StrCat(text.substr(9, end - 9), "0");
    const std::string line = absl::StrCat(absl::Hex(Crc32c(head), absl::kZeroPad8), " ", head);
    ASSERT_TRUE(WriteFileDurably(journal, line + text.substr(end)).ok());
  }

  std::filesystem::path pack_;
  std::string bytes_;  // of a packing that nobody disturbed
};

TEST_F(PackResumeTest, OneThatWasCancelledIsGoneOnWith) {
  const PackOptions options = FlawedSet();
  LeaveUnfinished(options);
  EXPECT_FALSE(std::filesystem::exists(pack_));
  const auto path = Run(options);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_GT(taken_over_, 300u);
  EXPECT_EQ(reports_.front(), std::pair(taken_over_, size_t{600}));
  EXPECT_EQ(reports_.back(), std::pair(size_t{600}, size_t{600}));
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_TRUE((*pack)->Verify().ok());
  EXPECT_THAT((*pack)->info().skipped, Contains(Pair("checksum", 2)));
  EXPECT_THAT((*pack)->info().skipped, Contains(Pair("limb_leads_contradict", 3)));
  EXPECT_THAT((*pack)->info().flagged, Contains(Pair("limb_leads_swapped", 3)));
  EXPECT_THAT((*pack)->info().notes, Contains(HasSubstr("limb_leads_contradict: record 10")));
  EXPECT_TRUE(Bytes(*path) == bytes_) << "the header, counts and median included";
  EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 0);
}

TEST_F(PackResumeTest, CancelledAgainBeforeItDidAnythingItLosesNothing) {
  LeaveUnfinished();
  Cancel(Synthetic(600), 0);
  const std::string journal = Bytes(Unfinished(".journal"));
  Cancel(Synthetic(600), 0);
  EXPECT_TRUE(Bytes(Unfinished(".journal")) == journal);
  ASSERT_TRUE(Run(Synthetic(600)).ok());
  EXPECT_GT(taken_over_, 300u);
  EXPECT_TRUE(Bytes(pack_) == bytes_);
}

TEST_F(PackResumeTest, WhatADamagedUnfinishedPackHoldsIsMadeAnew) {
  for (const char* damaged : {".tmp", ".journal"}) {
    for (const double place : {0.0, 0.5, 0.9}) {
      LeaveUnfinished();
      std::string content = Bytes(Unfinished(damaged));
      content[static_cast<size_t>(place * static_cast<double>(content.size()))] ^= 1;
      ASSERT_TRUE(WriteFileDurably(Unfinished(damaged), content).ok());
      const auto path = Run(Synthetic(600));
      ASSERT_TRUE(path.ok()) << path.status();
      EXPECT_TRUE(Bytes(*path) == bytes_) << damaged << " " << place;
      EXPECT_EQ(taken_over_ > 0, place > 0 || damaged == std::string(".tmp")) << damaged << " " << place;
      EXPECT_LT(taken_over_, 500u);
      std::filesystem::remove(*path);
    }
  }
}

// The last one is what a kill between the renaming of the pack and the removal of the journal leaves, once
// the pack is gone.
TEST_F(PackResumeTest, WithoutItsOtherHalfOrOfAnotherProgramItIsStartedAnew) {
  const std::function<void()> spoils[] = {
      [this] { std::filesystem::remove(Unfinished(".journal")); },
      [this] { GiveToAnotherProgram(Unfinished(".journal")); },
      [this] { std::filesystem::resize_file(Unfinished(".journal"), 20); },
      [this] { std::filesystem::resize_file(Unfinished(".tmp"), 0); },
      [this] { std::filesystem::remove(Unfinished(".tmp")); }};
  for (size_t i = 0; i < std::size(spoils); ++i) {
    LeaveUnfinished();
    spoils[i]();
    const auto path = Run(Synthetic(600));
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ(taken_over_, 0u) << i;
    EXPECT_TRUE(Bytes(*path) == bytes_) << i;
    EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 0) << i;
    std::filesystem::remove(*path);
  }
}

TEST_F(PackResumeTest, NothingIsTakenOverFromASourceThatChanged) {
  ASSERT_TRUE(WriteMiniPtbxl(folder_.path() / "set", {.records = 600, .records500 = false}).ok());
  LeaveUnfinished(Ptbxl());
  Exchange(100, "I", "II");
  const auto path = Run(Ptbxl());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(taken_over_, 0u);
  EXPECT_NE(*path, pack_);
  const auto pack = Pack::Open(*path);
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_THAT((*pack)->info().flagged, Contains(Pair("limb_leads_swapped", 1)));
  EXPECT_TRUE(std::filesystem::exists(Unfinished(".tmp"))) << "the source may change back";
}

TEST_F(PackResumeTest, AnotherErrorThanBeingStoppedLeavesNothing) {
  LeaveUnfinished();
  Stop(Synthetic(600), 512, absl::ResourceExhaustedError("full"));
  EXPECT_EQ(CountFiles(".pack") + CountFiles(".tmp") + CountFiles(".journal"), 0);
}

TEST_F(PackResumeTest, WhatIsNoFileIsNamedAndNotWritten) {
  LeaveUnfinished();
  const std::filesystem::path target = folder_.path() / "target", journal = Unfinished(".journal");
  folder_.Write("target", "mine");
  const std::function<void()> makes[] = {[&] { std::filesystem::create_directory(journal); },
                                         [&] { std::filesystem::create_symlink(target, journal); },
                                         [&] { ASSERT_EQ(mkfifo(journal.c_str(), 0600), 0); }};
  for (const auto& make : makes) {
    std::filesystem::remove(journal);
    make();
    EXPECT_THAT(std::string(Run(Synthetic(600)).status().message()), HasSubstr(journal.string()));
  }
  EXPECT_EQ(folder_.Read("target"), "mine");
  std::filesystem::remove(journal);
  EXPECT_TRUE(Run(Synthetic(600)).ok());
}

TEST_F(PackResumeTest, UnfinishedPacksOfOthersStayForAWeek) {
  LeaveUnfinished();
  const auto now = std::filesystem::last_write_time(Unfinished(".tmp"));
  std::filesystem::last_write_time(Unfinished(".tmp"), now - std::chrono::hours(6 * 24));
  ASSERT_TRUE(Run(Synthetic(270)).ok());
  EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 2);
  std::filesystem::last_write_time(Unfinished(".tmp"), now - std::chrono::hours(8 * 24));
  ASSERT_TRUE(Run(Synthetic(271)).ok());
  EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 0);
}

TEST_F(PackResumeTest, UnfinishedPacksWithoutAUsableJournalGo) {
  uint64_t others = 270;
  for (const char* gone : {".journal", ".tmp"}) {
    LeaveUnfinished();
    std::filesystem::remove(Unfinished(gone));
    ASSERT_TRUE(Run(Synthetic(others++)).ok());
    EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 0) << "without " << gone;
  }
  LeaveUnfinished();
  GiveToAnotherProgram(Unfinished(".journal"));
  ASSERT_TRUE(Run(Synthetic(others)).ok());
  EXPECT_EQ(CountFiles(".tmp") + CountFiles(".journal"), 0);
}

}  // namespace
}  // namespace ecgtrain
