#include "worker/data/pack_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/worker/data/test_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

constexpr char kIdentity[] = "digest tool";

class PackJournalTest : public ::testing::Test {
 protected:
  std::filesystem::path Path() { return folder_.path() / "journal"; }

  // Buffered lines reach the file with the next 16 KiB: a long entry at the end, which the tests pass over.
  void Write(const std::vector<JournalEntry>& entries, uint64_t keep = 0) {
    auto journal = PackJournal::Open(Path(), kIdentity, keep);
    ASSERT_TRUE(journal.ok()) << journal.status();
    for (const JournalEntry& entry : entries) ASSERT_TRUE(journal->Append(entry).ok());
    ASSERT_TRUE(journal->Append({.left_out = "last", .note = std::string(20'000, 'x')}).ok());
  }

  struct Content {
    std::vector<JournalEntry> entries;
    std::vector<uint64_t> ends;  // good() after each
  };
  Content Read(absl::string_view identity = kIdentity) {
    Content content;
    auto reader = PackJournalReader::Open(Path(), identity);
    EXPECT_TRUE(reader.ok()) << reader.status();
    while (true) {
      auto entry = reader->Next();
      EXPECT_TRUE(entry.ok()) << entry.status();
      if (!entry->has_value()) return content;
      content.entries.push_back(**entry);
      content.ends.push_back(reader->good());
    }
  }

  static std::vector<JournalEntry> Examples() {
    JournalEntry odd{.id = std::string("a\0\xff\n\"b\\x41", 10),
                     .patient = "p\xc3\xa4",
                     .fold = 10,
                     .labels = {{true, false, true}, {}, {false}},
                     .flaws = 0xff,
                     .length = 4'294'967'295u,
                     .crc32c = 0xffffffff,
                     .clipped = 1'000'000'007,
                     .amplitude = 1.1f};
    return {{.left_out = "flat", .note = "record 7: \x1b[2J"}, odd, {.id = "b", .fold = 1, .length = 1}};
  }

  static void ExpectEqual(const JournalEntry& a, const JournalEntry& b) {
    EXPECT_EQ(a.left_out, b.left_out);
    EXPECT_EQ(a.note, b.note);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.patient, b.patient);
    EXPECT_EQ(a.fold, b.fold);
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.flaws, b.flaws);
    EXPECT_EQ(a.length, b.length);
    EXPECT_EQ(a.crc32c, b.crc32c);
    EXPECT_EQ(a.clipped, b.clipped);
    EXPECT_EQ(a.amplitude, b.amplitude);
  }

  TestFolder folder_;
};

TEST_F(PackJournalTest, EntriesComeBackAsTheyWere) {
  Write(Examples());
  const Content content = Read();
  ASSERT_EQ(content.entries.size(), 4u);
  for (size_t i = 0; i < 3; ++i) ExpectEqual(content.entries[i], Examples()[i]);
}

TEST_F(PackJournalTest, ItIsContinuedAfterTheEntriesThatAreKept) {
  Write(Examples());
  const uint64_t keep = Read().ends[1];
  Write({{.id = "other", .fold = 2, .length = 3}}, keep);
  const Content content = Read();
  ASSERT_EQ(content.entries.size(), 4u);
  ExpectEqual(content.entries[1], Examples()[1]);
  EXPECT_EQ(content.entries[2].id, "other");
}

TEST_F(PackJournalTest, WhatIsNotKeptIsGoneAtOnce) {
  Write(Examples());
  for (const uint64_t keep : {Read().ends[1], uint64_t{0}}) {
    ASSERT_TRUE(PackJournal::Open(Path(), kIdentity, keep).ok());
    EXPECT_EQ(std::filesystem::file_size(Path()), keep);
  }
}

TEST_F(PackJournalTest, AbsentOrOfAnotherIdentityItHasNoEntries) {
  EXPECT_TRUE(Read().entries.empty());
  Write(Examples());
  EXPECT_TRUE(Read("digest other tool").entries.empty());
  EXPECT_EQ(PackJournalReader::Open(Path(), "digest other tool")->good(), 0u);
  EXPECT_GT(PackJournalReader::Open(Path(), kIdentity)->good(), 0u);
}

TEST_F(PackJournalTest, CutAnywhereItGivesTheWholeLinesBefore) {
  Write(Examples());
  const Content whole = Read();
  const std::string bytes = folder_.Read("journal");
  for (size_t size = 0; size <= whole.ends[2]; ++size) {
    folder_.Write("journal", bytes.substr(0, size));
    const Content content = Read();
    size_t expected = 0;
    while (expected < 3 && whole.ends[expected] <= size) ++expected;
    ASSERT_EQ(content.entries.size(), expected) << size;
  }
}

TEST_F(PackJournalTest, AByteThatIsAnotherEndsItThere) {
  Write(Examples());
  const Content whole = Read();
  const std::string bytes = folder_.Read("journal");
  for (size_t place = 0; place < whole.ends[2]; ++place) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x40);
    folder_.Write("journal", damaged);
    const Content content = Read();
    size_t expected = 0;
    while (whole.ends[expected] <= place) ++expected;
    const bool head = place <= bytes.find('\n');
    ASSERT_EQ(content.entries.size(), head ? 0 : expected) << place;
    for (size_t i = 0; i < content.entries.size(); ++i) ExpectEqual(content.entries[i], Examples()[i]);
  }
}

TEST_F(PackJournalTest, ALineThatIsTooLongIsNotReadToItsEnd) {
  std::vector<JournalEntry> entries = Examples();
  entries.push_back({.left_out = "flat", .note = std::string(3 << 20, 'x')});
  Write(entries);
  EXPECT_EQ(Read().entries.size(), 3u) << "its checksum is right";
}

TEST_F(PackJournalTest, WhatCannotBeReadIsAnErrorThatNamesIt) {
  std::filesystem::create_directory(Path());
  const absl::Status status = PackJournalReader::Open(Path(), kIdentity).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr(Path().string()));
}

}  // namespace
}  // namespace ecgtrain
