#include "worker/data/wfdb_signal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/record_fault.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Format16(const std::vector<int>& samples) {
  std::string bytes;
  for (const int sample : samples) {
    bytes += static_cast<char>(sample & 0xff);
    bytes += static_cast<char>(sample >> 8 & 0xff);
  }
  return bytes;
}

class WfdbSignalTest : public ::testing::Test {
 protected:
  absl::StatusOr<WfdbRecord> Read(const std::string& header) {
    folder_.Write("r.hea", header);
    return ReadWfdbRecord(*SourceFolder::Open(folder_.path()), "r");
  }

  absl::Status ErrorOf(const std::string& header) { return Read(header).status(); }

  TestFolder folder_;
};

TEST_F(WfdbSignalTest, Format16IsReadAsMillivolts) {
  folder_.Write("r.dat", Format16({100, -1000, 300, 0, -500, 1000}));
  const auto record =
      Read("r 2 250 3\nr.dat 16 1000(100)/mV 16 0 100 -100 0 I\nr.dat 16 1000/uV 16 0 -1000 0 0 II\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->rate, 250);
  EXPECT_EQ(record->length, 3u);
  EXPECT_THAT(record->names, ElementsAre("I", "II"));
  EXPECT_THAT(record->millivolts, ElementsAre(0, -0.001, 0.2, 0, -0.6, 0.001));
}

TEST_F(WfdbSignalTest, Format212IsReadAsMillivolts) {
  // 1, -1 | 2047, -2048 | -2 : two 12-bit values in three bytes, low bytes first.
  const std::string bytes("\x01\xf0\xff\xff\x87\x00\xfe\x0f", 8);
  folder_.Write("r.dat", bytes);
  const auto record = Read("r 1 100 5\nr.dat 212 1/mV 12 0 1 65533 0 V1\n");
  ASSERT_TRUE(record.ok()) << record.status();
  ASSERT_EQ(record->length, 5u);
  EXPECT_EQ(record->millivolts[0], 1);
  EXPECT_EQ(record->millivolts[1], -1);
  EXPECT_EQ(record->millivolts[2], 2047);
  EXPECT_TRUE(std::isnan(record->millivolts[3])) << "-2048 marks a missing sample";
  EXPECT_EQ(record->millivolts[4], -2);
  folder_.Write("r.dat", bytes + '\0');
  EXPECT_TRUE(Read("r 1 100 5\nr.dat 212 1/mV 12 0 1 65533 0 V1\n").ok())
      << "the last three bytes may be filled";
}

TEST_F(WfdbSignalTest, MissingSampleIsNan) {
  folder_.Write("r.dat", Format16({1, -32768, 3}));
  const auto record = Read("r 1 100 3\nr.dat 16 1\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_TRUE(std::isnan(record->millivolts[1]));
  EXPECT_EQ(record->millivolts[2], 3);
}

TEST_F(WfdbSignalTest, SignalsMayLieInSeveralFilesAndBehindAnOffset) {
  folder_.Write("a.dat", "head" + Format16({1, 2, 3, 4}));
  folder_.Write("b.dat", Format16({5, 6}));
  const auto record = Read("r 3 100 2\na.dat 16+4 1\na.dat 16+4 1\nb.dat 16 1\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_THAT(record->millivolts, ElementsAre(1, 2, 5, 3, 4, 6));
}

TEST_F(WfdbSignalTest, LengthComesFromTheFileWhenTheHeaderIsSilent) {
  folder_.Write("r.dat", Format16({1, 2, 3, 4}));
  const auto record = Read("r 2 100\nr.dat 16 1\nr.dat 16 1\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->length, 2u);
}

TEST_F(WfdbSignalTest, ChecksumAndInitialValueAreVerified) {
  folder_.Write("r.dat", Format16({-100, 200, 65}));
  EXPECT_TRUE(Read("r 1 100 3\nr.dat 16 1 16 0 -100 165 0 V2\n").ok());
  const absl::Status checksum = ErrorOf("r 1 100 3\nr.dat 16 1 16 0 -100 166 0 V2\n");
  EXPECT_EQ(checksum.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(checksum.message()),
              HasSubstr("r.dat, signal \"V2\", checksum: expected 166, found 165"));
  const absl::Status initial = ErrorOf("r 1 100 3\nr.dat 16 1 16 0 -99 165 0 V2\n");
  EXPECT_THAT(std::string(initial.message()), HasSubstr("initial value: expected -99, found -100"));
}

TEST_F(WfdbSignalTest, EveryFlippedBitIsFound) {
  const std::string whole = Format16({-100, 200, 65, 7});
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    folder_.Write("r.dat", bytes);
    EXPECT_EQ(ErrorOf("r 1 100 4\nr.dat 16 1 16 0 -100 172 0 V2\n").code(), absl::StatusCode::kDataLoss)
        << bit;
  }
}

TEST_F(WfdbSignalTest, FileOfAnotherSizeIsRefused) {
  const std::string whole = Format16({1, 2, 3});
  for (const std::string& bytes :
       {whole.substr(0, 5), whole.substr(0, 4), std::string(), whole + "x", whole + "xx"}) {
    folder_.Write("r.dat", bytes);
    const absl::Status status = ErrorOf("r 1 100 3\nr.dat 16 1\n");
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << bytes.size();
    EXPECT_THAT(std::string(status.message()), HasSubstr("r.dat: expected 6 bytes"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("found ", bytes.size())));
  }
}

TEST_F(WfdbSignalTest, HugeCountsAreRefusedBeforeAnythingIsAllocated) {
  folder_.Write("r.dat", Format16({1, 2, 3}));
  EXPECT_EQ(ErrorOf("r 1 100 2147483648\nr.dat 16 1\n").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ErrorOf("r 1 100 3\nr.dat 16+2147483647 1\n").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ErrorOf("r 1 100\nr.dat 16+100 1\n").code(), absl::StatusCode::kDataLoss);
}

TEST_F(WfdbSignalTest, WhatIsNotReadSaysSo) {
  folder_.Write("r.dat", Format16({1, 2, 3}));
  const absl::Status format = ErrorOf("r 1 100 3\nr.dat 516 1\n");
  EXPECT_EQ(format.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(format.message()), HasSubstr("r.hea: format 516 is not read; 8, 16"));
  EXPECT_EQ(ErrorOf("r 1 100 3\nr.dat 16 1/kg\n").code(), absl::StatusCode::kDataLoss);
}

TEST_F(WfdbSignalTest, SkewsMayDiffer) {
  folder_.Write("r.dat", Format16({1, 91, 92, 2, 92, 10, 3, 10, 20, 4, 20, 30}));
  const auto record = Read("r 3 100 4\nr.dat 16 1\nr.dat 16:2 1\nr.dat 16:1 1\n");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_THAT(record->millivolts, ElementsAre(1, 10, 10, 2, 20, 20))
      << "ends with the signal that ends first";
  EXPECT_EQ(FaultReason(ErrorOf("r 3 100 4\nr.dat 16 1\nr.dat 16:4 1\nr.dat 16 1\n")), "damaged");
}

TEST_F(WfdbSignalTest, SignalFilesOfDifferentLengthAreRefused) {
  folder_.Write("a.dat", Format16({1, 2}));
  folder_.Write("b.dat", Format16({1, 2, 3}));
  EXPECT_THAT(std::string(ErrorOf("r 2 100\na.dat 16 1\nb.dat 16 1\n").message()),
              HasSubstr("b.dat: expected 4 bytes for 2 frames"));
}

TEST_F(WfdbSignalTest, SegmentThatDoesNotFitIsTheRecordsFault) {
  folder_.Write("s.dat", Format16({1, 2, 3}));
  folder_.Write("s.hea", "s 1 100 3\ns.dat 16 1 16 0 1 6 0 I\n");
  folder_.Write("t.hea", "t 1 100 3\ns.dat 16 1 16 0 1 6 0 II\n");
  ASSERT_TRUE(Read("r/2 1 100 6\ns 3\ns 3\n").ok());
  EXPECT_THAT(std::string(ErrorOf("r/2 1 100 7\ns 3\ns 4\n").message()),
              HasSubstr("s.hea: expected 4 frames"));
  EXPECT_THAT(std::string(ErrorOf("r/2 1 100 6\ns 3\nt 3\n").message()),
              HasSubstr("t.hea: expected a signal \"I\""));
  EXPECT_EQ(FaultReason(ErrorOf("r/2 1 100 7\ns 3\ns 4\n")), "damaged");
  EXPECT_EQ(FaultReason(ErrorOf("r/1 1 100 7\n~ 4\n")), "damaged");
  EXPECT_EQ(FaultReason(ErrorOf("r/2 1 100 7\ns 3\n~ 2000000000\n")), "too_long");
  const absl::Status nested = ErrorOf("r/2 1 100 6\ns 3\nr 3\n");
  EXPECT_THAT(std::string(nested.message()), HasSubstr("r.hea: expected a plain record"));
  EXPECT_EQ(FaultReason(nested), "") << "a header that cannot be right is no single record's fault";
}

TEST_F(WfdbSignalTest, MatPrologIsVerified) {
  const std::string good("\x1e\0\0\0\1\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0val\0", 24);
  const char header[] = "r 1 100 3\nr.mat 16+24 1000/mV 16 0 1 6 0 I\n";
  folder_.Write("r.mat", good + Format16({1, 2, 3}));
  EXPECT_TRUE(Read(header).ok());
  for (size_t byte = 0; byte < good.size(); ++byte) {
    std::string bytes = good + Format16({1, 2, 3});
    bytes[byte] ^= 0x40;
    folder_.Write("r.mat", bytes);
    const absl::Status status = ErrorOf(header);
    EXPECT_EQ(FaultReason(status), "damaged") << byte;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("r.mat offset ", byte / 4 * 4)))
        << byte;
  }
}

TEST_F(WfdbSignalTest, FaultsOfARecordAreTold) {
  folder_.Write("r.dat", Format16({1, 2, 3}));
  EXPECT_EQ(FaultReason(ErrorOf("r 1 100 3\nr.dat 16 1 16 0 1 7 0 I\n")), "checksum");
  EXPECT_EQ(FaultReason(ErrorOf("r 1 100 3\nr.dat 16 1 16 0 2 6 0 I\n")), "checksum");
  EXPECT_EQ(FaultReason(ErrorOf("r 1 100 4\nr.dat 16 1 16 0 1 6 0 I\n")), "wrong_size");
  EXPECT_EQ(FaultReason(ErrorOf("r 1 100 3\nabsent.dat 16 1 16 0 1 6 0 I\n")), "file_missing");
  EXPECT_EQ(FaultReason(ErrorOf("r 1 100 x\nr.dat 16 1 16 0 1 6 0 I\n")), "") << "the header's grammar is";
}

TEST_F(WfdbSignalTest, AbsentFilesAreNotFound) {
  EXPECT_EQ(ErrorOf("r 1 100 3\nabsent.dat 16 1\n").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadWfdbRecord(*SourceFolder::Open(folder_.path()), "absent").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace ecgtrain
