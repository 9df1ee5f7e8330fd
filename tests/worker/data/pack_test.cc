#include "worker/data/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "common/crc32c.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/pack_format.h"
#include "worker/data/pack_writer.h"
#include "worker/data/quality.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kLength = 40;

std::vector<int16_t> Samples(int record) {
  std::vector<int16_t> samples(kLength * kLeads);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<int16_t>(record * 1000 + i);
  return samples;
}

class PackTest : public ::testing::Test {
 protected:
  PackTest() : path_(folder_.path() / "x.pack") {}

  absl::Status WritePack() {
    absl::StatusOr<PackWriter> writer =
        PackWriter::Create(path_, {{"all", {"A", "B", "C"}}, {"rhythm", {"AFIB", "SR"}}});
    if (!writer.ok()) return writer.status();
    const std::vector<std::vector<bool>> labels[] = {{{true, false, true}, {false, true}},
                                                     {{false, true, false}, {}}};
    for (int i = 0; i < 2; ++i) {
      const absl::Status added =
          writer->Add({"record-" + std::to_string(i), "patient", 9 + static_cast<uint32_t>(i), Samples(i),
                       labels[i], i == 1 ? *ParseFlaws("flat_lead,clipped") : 0});
      if (!added.ok()) return added;
    }
    PackInfo info;
    info.dataset = "made";
    info.source_digest = "source";
    info.digest = "digest";
    info.rate = 100;
    info.highpass = false;
    info.tool = "ecgtrain 7";
    info.preparation_version = 3;
    info.derive_leads = false;
    info.quarantine = *ParseFlaws("missing,saturated");
    info.flagged = {{"clipped", 1}, {"flat_lead", 1}};
    info.amplitude = 2.5;
    info.clipped_samples = 5;
    info.skipped = {{"flat", 2}, {"too_short", 1}};
    info.notes = {"a note"};
    return writer->Finish(info);
  }

  // Rewrites the preamble's checksum, as a hostile writer would.
  static void Seal(std::string& bytes) {
    pack_format::Preamble preamble;
    std::memcpy(&preamble, bytes.data(), sizeof preamble);
    if (preamble.index_offset <= bytes.size())
      preamble.metadata_crc32c = Crc32c(absl::string_view(bytes).substr(preamble.index_offset));
    preamble.preamble_crc32c = 0;
    preamble.preamble_crc32c = Crc32c({reinterpret_cast<const char*>(&preamble), sizeof preamble});
    std::memcpy(bytes.data(), &preamble, sizeof preamble);
  }

  static absl::Status OpenAndVerify(const std::filesystem::path& path) {
    const absl::StatusOr<std::unique_ptr<Pack>> pack = Pack::Open(path);
    return pack.ok() ? (*pack)->Verify() : pack.status();
  }

  // Every byte of the preamble and of the metadata, some of the samples.
  static size_t Step(size_t at) {
    return at >= sizeof(pack_format::Preamble) && at < kSamplesEnd - 61 ? 61 : 1;
  }

  static constexpr size_t kSamplesEnd = sizeof(pack_format::Preamble) + 1024 + kLength * kLeads * 2;

  TestFolder folder_;
  std::filesystem::path path_;
};

TEST_F(PackTest, WrittenRecordsReadBack) {
  ASSERT_TRUE(WritePack().ok());
  const absl::StatusOr<std::unique_ptr<Pack>> pack = Pack::Open(path_);
  ASSERT_TRUE(pack.ok()) << pack.status();
  EXPECT_TRUE((*pack)->Verify().ok());
  ASSERT_EQ((*pack)->size(), 2u);
  const PackRecord record = (*pack)->record(1);
  EXPECT_EQ(record.id, "record-1");
  EXPECT_EQ(record.patient, "patient");
  EXPECT_EQ(record.fold, 10u);
  EXPECT_EQ(record.length, kLength);
  EXPECT_THAT(NamesOf(record.flaws), ::testing::ElementsAre("flat_lead", "clipped"));
  EXPECT_EQ((*pack)->record(0).flaws, 0u);
  EXPECT_EQ(std::vector<int16_t>(record.samples.begin(), record.samples.end()), Samples(1));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(record.samples.data()) % pack_format::kAlignment, 0u);
  EXPECT_EQ((*pack)->labels(0, 0), (std::vector<bool>{true, false, true}));
  EXPECT_EQ((*pack)->labels(0, 1), (std::vector<bool>{false, true}));
  EXPECT_EQ((*pack)->labels(1, 0), (std::vector<bool>{false, true, false}));
  EXPECT_TRUE((*pack)->labels(1, 1).empty());
}

TEST_F(PackTest, InfoReadsBack) {
  ASSERT_TRUE(WritePack().ok());
  const PackInfo info = (*Pack::Open(path_))->info();
  EXPECT_EQ(info.dataset, "made");
  EXPECT_EQ(info.source_digest, "source");
  EXPECT_EQ(info.digest, "digest");
  EXPECT_EQ(info.rate, 100u);
  EXPECT_FALSE(info.highpass);
  EXPECT_EQ(info.tool, "ecgtrain 7");
  EXPECT_EQ(info.preparation_version, 3u);
  EXPECT_FALSE(info.derive_leads);
  EXPECT_EQ(info.quarantine, *ParseFlaws("missing,saturated"));
  EXPECT_EQ(info.flagged, (std::map<std::string, uint64_t>{{"clipped", 1}, {"flat_lead", 1}}));
  EXPECT_EQ(info.amplitude, 2.5);
  EXPECT_FLOAT_EQ(info.millivolts_per_unit, 0.001f);
  EXPECT_EQ(info.clipped_samples, 5u);
  EXPECT_EQ(info.skipped_records, 3u);
  EXPECT_EQ(info.skipped.at("flat"), 2u);
  EXPECT_THAT(info.notes, ::testing::ElementsAre("a note"));
  ASSERT_EQ(info.tasks.size(), 2u);
  EXPECT_EQ(info.tasks[1].name, "rhythm");
  EXPECT_THAT(info.tasks[1].classes, ::testing::ElementsAre("AFIB", "SR"));
}

TEST_F(PackTest, EveryFlippedByteIsFound) {
  ASSERT_TRUE(WritePack().ok());
  const std::string whole = folder_.Read("x.pack");
  for (size_t at = 0; at < whole.size(); at += Step(at)) {
    std::string bytes = whole;
    bytes[at] ^= 0x10;
    folder_.Write("flipped.pack", bytes);
    const absl::Status status = OpenAndVerify(folder_.path() / "flipped.pack");
    const bool is_version = at >= 8 && at < 12;
    ASSERT_EQ(status.code(), is_version ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kDataLoss)
        << "byte " << at << ": " << status;
  }
}

// JSON has numbers that no integer of ours can be.
TEST_F(PackTest, ANumberOfTheHeaderThatIsNoCountIsRefused) {
  ASSERT_TRUE(WritePack().ok());
  const std::string whole = folder_.Read("x.pack");
  for (const auto& [member, hostile] : {std::pair<std::string, std::string>{"\"rate\":100", "\"rate\":9e9"},
                                        {"\"rate\":100", "\"rate\":1.5"},
                                        {"\"clipped\":1", "\"clip\":9e99"},
                                        {"\"too_short\":1", "\"too_sho\":1e9"}}) {
    ASSERT_EQ(hostile.size(), member.size());
    std::string bytes = whole;
    const size_t at = bytes.find(member);
    ASSERT_NE(at, std::string::npos) << member;
    bytes.replace(at, member.size(), hostile);
    Seal(bytes);
    folder_.Write("hostile.pack", bytes);
    EXPECT_EQ(Pack::Open(folder_.path() / "hostile.pack").status().code(), absl::StatusCode::kDataLoss)
        << hostile;
  }
}

TEST_F(PackTest, EveryTruncationIsFoundByOpen) {
  ASSERT_TRUE(WritePack().ok());
  const std::string whole = folder_.Read("x.pack");
  for (size_t size = 0; size < whole.size(); size += Step(size)) {
    folder_.Write("cut.pack", whole.substr(0, size));
    ASSERT_EQ(Pack::Open(folder_.path() / "cut.pack").status().code(), absl::StatusCode::kDataLoss) << size;
  }
  folder_.Write("long.pack", whole + "x");
  EXPECT_EQ(Pack::Open(folder_.path() / "long.pack").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(PackTest, DamagedSamplesNameTheRecord) {
  ASSERT_TRUE(WritePack().ok());
  std::string bytes = folder_.Read("x.pack");
  bytes[sizeof(pack_format::Preamble) + 1024 + 3] ^= 1;  // within the second record
  folder_.Write("x.pack", bytes);
  ASSERT_TRUE(Pack::Open(path_).ok());
  EXPECT_THAT(std::string(OpenAndVerify(path_).message()), HasSubstr("record-1"));
}

TEST_F(PackTest, UnknownVersionIsRefused) {
  ASSERT_TRUE(WritePack().ok());
  std::string bytes = folder_.Read("x.pack");
  bytes[8] = 3;
  Seal(bytes);
  folder_.Write("x.pack", bytes);
  const absl::Status status = Pack::Open(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 3"));
}

TEST_F(PackTest, MissingFileIsNotFound) {
  EXPECT_EQ(Pack::Open(folder_.path() / "absent.pack").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Pack::Open(folder_.path()).status().code(), absl::StatusCode::kDataLoss);
}

// Offsets and counts that a writer with a valid checksum might still have wrong.
TEST_F(PackTest, HostileNumbersAreRefused) {
  ASSERT_TRUE(WritePack().ok());
  const std::string whole = folder_.Read("x.pack");
  pack_format::Preamble preamble;
  std::memcpy(&preamble, whole.data(), sizeof preamble);
  const uint64_t index = preamble.index_offset;
  struct Change {
    uint64_t at;
    uint64_t value;
    size_t size;
  };
  const Change changes[] = {{24, ~uint64_t{0}, 8},
                            {24, uint64_t{1} << 61, 8},
                            {24, 0, 8},
                            {32, 0, 8},
                            {32, ~uint64_t{0}, 8},
                            {40, ~uint64_t{0}, 8},
                            {48, 1, 8},
                            {56, ~uint64_t{0}, 8},
                            {64, 0, 4},
                            {64, 0xffffffff, 4},
                            {index, 0, 8},
                            {index, index, 8},
                            {index, ~uint64_t{0} - 63, 8},
                            {index + 8, 0xffffffff, 4},
                            {index + 8, 0, 4},
                            {index + 12, 0, 4},
                            {index + 12, 11, 4},
                            {index + 16, 0xffffffff, 4},
                            {index + 20, 9999, 4},
                            {index + 28, 9999, 4}};
  for (const Change& change : changes) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + change.at, &change.value, change.size);
    Seal(bytes);
    folder_.Write("hostile.pack", bytes);
    EXPECT_EQ(Pack::Open(folder_.path() / "hostile.pack").status().code(), absl::StatusCode::kDataLoss)
        << "byte " << change.at << " = " << change.value;
  }
}

TEST_F(PackTest, ScaleThatIsNoneIsRefused) {
  ASSERT_TRUE(WritePack().ok());
  const std::string whole = folder_.Read("x.pack"), scale = "\"units_per_millivolt\":1000.0";
  ASSERT_NE(whole.find(scale), std::string::npos);
  for (const char* number : {"1e-320", "-100.0", "0.0000", "1e+300"}) {
    std::string bytes = whole;
    bytes.replace(bytes.find(scale) + scale.size() - 6, 6, number);
    Seal(bytes);
    folder_.Write("hostile.pack", bytes);
    EXPECT_EQ(Pack::Open(folder_.path() / "hostile.pack").status().code(), absl::StatusCode::kDataLoss)
        << number;
  }
}

TEST_F(PackTest, UnfinishedPackLeavesNothing) {
  {
    absl::StatusOr<PackWriter> writer = PackWriter::Create(path_, {{"all", {"A"}}});
    ASSERT_TRUE(writer.ok());
    const std::vector<std::vector<bool>> labels = {{true}};
    ASSERT_TRUE(writer->Add({"r", "p", 1, Samples(0), labels}).ok());
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

// Three records of 41 samples, so that 40 bytes of padding follow each.
class UnfinishedPackTest : public PackTest {
 protected:
  UnfinishedPackTest() {
    PackWriter writer = *PackWriter::Create(path_, tasks_);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(writer.Add(Record(i)).ok());
    EXPECT_TRUE(writer.Finish(PackInfo()).ok());
    whole_ = *ReadFile(path_);
    std::filesystem::remove(path_);
  }

  static std::vector<int16_t> Odd(int i) {
    std::vector<int16_t> samples = Samples(i);
    samples.resize(41 * kLeads, static_cast<int16_t>(i));
    return samples;
  }
  PackWriterRecord Record(int i) const { return {absl::StrCat("r", i), "p", 1, samples_[i], labels_, 0}; }
  uint32_t Checksum(int i) const {
    return Crc32c({reinterpret_cast<const char*>(samples_[i].data()), samples_[i].size() * 2});
  }

  // Goes on with `unfinished`, of which `adopted` records hold. Returns the bytes of the pack.
  std::string GoOn(const std::string& unfinished, int adopted) {
    EXPECT_TRUE(WriteFileDurably(path_.string() + ".tmp", unfinished).ok());
    PackWriter writer = *PackWriter::Continue(path_, tasks_);
    int i = 0;
    while (i < 3 && *writer.Adopt(Record(i), 41, Checksum(i))) ++i;
    EXPECT_EQ(i, adopted);
    EXPECT_TRUE(writer.Cut().ok());
    for (; i < 3; ++i) EXPECT_TRUE(writer.Add(Record(i)).ok());
    EXPECT_TRUE(writer.Finish(PackInfo()).ok());
    return *ReadFile(path_);
  }

  const std::vector<PackTask> tasks_ = {{"all", {"A"}}};
  const std::vector<std::vector<bool>> labels_ = {{true}};
  const std::vector<int16_t> samples_[3] = {Odd(0), Odd(1), Odd(2)};
  std::string whole_;
};

constexpr size_t kFirst = sizeof(pack_format::Preamble);
constexpr size_t kBytes = 41 * 12 * 2;
constexpr size_t kStride = 1024;  // with the padding

TEST_F(UnfinishedPackTest, CutAnywhereItsWholeRecordsAreAdopted) {
  EXPECT_TRUE(GoOn("", 0) == whole_);
  EXPECT_TRUE(GoOn(whole_.substr(0, kFirst - 1), 0) == whole_);
  EXPECT_TRUE(GoOn(whole_.substr(0, kFirst + kBytes - 1), 0) == whole_);
  EXPECT_TRUE(GoOn(whole_.substr(0, kFirst + kBytes), 1) == whole_);
  EXPECT_TRUE(GoOn(whole_.substr(0, kFirst + kStride + kBytes), 2) == whole_);
  EXPECT_TRUE(GoOn(whole_, 3) == whole_) << "killed between the last write and the renaming";
  EXPECT_TRUE(GoOn(whole_ + std::string(10'000, 'x'), 3) == whole_) << "what is after it has to go";
}

TEST_F(UnfinishedPackTest, OtherBytesAreNotAdopted) {
  for (const size_t place :
       {kFirst + kStride, kFirst + kStride + kBytes - 1, kFirst + kBytes /* padding */}) {
    std::string damaged = whole_;
    damaged[place] ^= 1;
    EXPECT_TRUE(GoOn(damaged, 1) == whole_) << place;
  }
}

TEST_F(UnfinishedPackTest, RecordsThatNoPackHoldsAreNotAdopted) {
  ASSERT_TRUE(WriteFileDurably(path_.string() + ".tmp", whole_).ok());
  PackWriter writer = *PackWriter::Continue(path_, tasks_);
  PackWriterRecord record = Record(0);
  EXPECT_FALSE(*writer.Adopt(record, 0, Crc32c("")));
  EXPECT_FALSE(*writer.Adopt(record, 0xffffffff, Checksum(0)));
  EXPECT_FALSE(*writer.Adopt(record, 41, Checksum(1)));
  record.fold = 11;
  EXPECT_FALSE(*writer.Adopt(record, 41, Checksum(0)));
  EXPECT_TRUE(*writer.Adopt(Record(0), 41, Checksum(0)));
}

TEST_F(UnfinishedPackTest, WhatIsKeptStays) {
  PackWriter writer = *PackWriter::Create(path_, tasks_);
  ASSERT_TRUE(writer.Add(Record(0)).ok());
  writer.Keep();
  EXPECT_TRUE(std::filesystem::exists(path_.string() + ".tmp"));
}

TEST_F(PackTest, RecordsThatDoNotFitAreRefused) {
  absl::StatusOr<PackWriter> writer = PackWriter::Create(path_, {{"all", {"A", "B"}}});
  ASSERT_TRUE(writer.ok());
  const std::vector<std::vector<bool>> labels = {{true, false}}, short_labels = {{true}}, no_tasks = {};
  const std::vector<int16_t> samples = Samples(0), ragged(13);
  EXPECT_EQ(writer->Add({"r", "p", 0, samples, labels}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add({"r", "p", 11, samples, labels}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add({"r", "p", 1, {}, labels}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add({"r", "p", 1, ragged, labels}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add({"r", "p", 1, samples, short_labels}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer->Add({"r", "p", 1, samples, no_tasks}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(writer->Add({"r", "p", 1, samples, labels}).ok());
}

}  // namespace
}  // namespace ecgtrain
