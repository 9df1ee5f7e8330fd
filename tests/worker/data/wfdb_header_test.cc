#include "worker/data/wfdb_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

WfdbHeader Parse(absl::string_view text) {
  const auto header = ParseWfdbHeader(text, "r.hea");
  EXPECT_TRUE(header.ok()) << header.status();
  return header.ok() ? *header : WfdbHeader{};
}

WfdbSignal ParseSignal(absl::string_view line) {
  const WfdbHeader header = Parse(absl::StrCat("r 1 100 10\n", line, "\n"));
  return header.signals.empty() ? WfdbSignal{} : header.signals[0];
}

TEST(WfdbHeaderTest, PtbxlHeaderIsRead) {
  const WfdbHeader header = Parse(
      "00001_lr 2 100 1000\n"
      "00001_lr.dat 16 1000.0(0)/mV 16 0 -119 1508 0 I\n"
      "00001_lr.dat 16 1000.0(0)/mV 16 0 -55 723 0 II\n");
  EXPECT_EQ(header.record, "00001_lr");
  EXPECT_EQ(header.rate, 100);
  EXPECT_EQ(header.frames, 1000u);
  ASSERT_EQ(header.signals.size(), 2u);
  const WfdbSignal& signal = header.signals[0];
  EXPECT_EQ(signal.file, "00001_lr.dat");
  EXPECT_EQ(signal.format, 16);
  EXPECT_EQ(signal.gain, 1000);
  EXPECT_EQ(signal.baseline, 0);
  EXPECT_EQ(signal.units, "mV");
  EXPECT_EQ(signal.adc_resolution, 16);
  EXPECT_EQ(signal.initial_value, -119);
  EXPECT_EQ(signal.checksum, 1508);
  EXPECT_EQ(signal.block_size, 0);
  EXPECT_EQ(signal.description, "I");
  EXPECT_EQ(header.signals[1].description, "II");
}

TEST(WfdbHeaderTest, ChallengeHeaderIsRead) {
  const WfdbHeader header = Parse(
      "A0002 1 500 5000 12-May-2020 12:33:59\r\n"
      "A0002.mat 16x1+24 1000.0(0)/mV 16 0 -10 -1716 0 I\r\n"
      "#Age: 49\r\n#Dx: 426783006\r\n# Rx: Unknown\r\n");
  EXPECT_EQ(header.time, "12-May-2020");
  EXPECT_EQ(header.date, "12:33:59");
  EXPECT_THAT(header.comments, ElementsAre("Age: 49", "Dx: 426783006", " Rx: Unknown"));
  EXPECT_EQ(header.signals.at(0).samples_per_frame, 1);
  EXPECT_EQ(header.signals[0].byte_offset, 24u);
  EXPECT_EQ(header.signals[0].checksum, 65536 - 1716) << "a signed checksum is the same number mod 65536";
}

TEST(WfdbHeaderTest, FormatFieldsAreRead) {
  const WfdbSignal signal = ParseSignal("f.dat 212x4:3+512");
  EXPECT_EQ(signal.format, 212);
  EXPECT_EQ(signal.samples_per_frame, 4);
  EXPECT_EQ(signal.skew, 3);
  EXPECT_EQ(signal.byte_offset, 512u);
}

TEST(WfdbHeaderTest, AbsentFieldsTakeTheFormatsDefaults) {
  const WfdbHeader header = Parse("r 1\nf.dat 16\n");
  EXPECT_EQ(header.rate, 250);
  EXPECT_FALSE(header.frames.has_value());
  const WfdbSignal& signal = header.signals.at(0);
  EXPECT_EQ(signal.gain, 200);
  EXPECT_EQ(signal.baseline, 0);
  EXPECT_EQ(signal.units, "mV");
  EXPECT_FALSE(signal.initial_value.has_value());
  EXPECT_FALSE(signal.checksum.has_value());
  EXPECT_EQ(ParseSignal("f.dat 16 0").gain, 200) << "a gain of 0 means not calibrated";
  EXPECT_EQ(ParseSignal("f.dat 16 100/uV").units, "uV");
  EXPECT_EQ(ParseSignal("f.dat 16 100 12 1024").baseline, 1024) << "an absent baseline is the ADC zero";
  EXPECT_EQ(ParseSignal("f.dat 16 100(-7) 12 1024").baseline, -7);
}

TEST(WfdbHeaderTest, CounterFrequencyBlanksAndZeroSamplesAreAccepted) {
  const WfdbHeader header =
      Parse("# first\n\n  r 1 360/720(5) 0  \n\tf.dat  212 \t 200 11 1024 995 -22131 0 lead with  blanks \n");
  EXPECT_EQ(header.rate, 360);
  EXPECT_FALSE(header.frames.has_value());
  EXPECT_EQ(header.signals.at(0).description, "lead with  blanks");
}

TEST(WfdbHeaderTest, ErrorsNameLineFieldAndExpectation) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "has no record line"},
      {"# only a comment\n", "has no record line"},
      {"r\n", "line 1, number of signals"},
      {"r 0\n", "an integer from 1 to 256"},
      {"r 257\n", "an integer from 1 to 256"},
      {"r 99999999999999999999\n", "an integer from 1 to 256"},
      {"r -1\n", "an integer from 1 to 256"},
      {"r 1 x\nf 16\n", "sampling rate: expected a finite number, found \"x\""},
      {"r 1 0\nf 16\n", "sampling rate"},
      {"r 1 -5\nf 16\n", "sampling rate"},
      {"r 1 inf\nf 16\n", "sampling rate"},
      {"r 1 nan\nf 16\n", "sampling rate"},
      {"r 1 100 -1\nf 16\n", "number of samples"},
      {"r 1 100 4294967296000\nf 16\n", "number of samples"},
      {"r 2 100 10\nf 16\n", "ends after 1 of 2 signal lines"},
      {"r 1 100 10\nf 16\nf 16\n", "line 3: a line more than the 1 signal lines"},
      {"r/0 1 100 10\n", "number of segments: expected an integer from 1 to 100000"},
      {"r/100001 1 100 10\n", "number of segments"},
      {"r/2 1 100 10\ns 5\n", "ends after 1 of 2 segment lines"},
      {"r/1 1 100 10\ns 5\ns 5\n", "line 3: a line more than the 1 segment lines"},
      {"r/1 1 100 10\ns\n", "line 2, number of samples"},
      {"r/1 1 100 10\n../s 5\n", "line 2, segment: expected a file in the same folder"},
      {"r 1 100 10\n../f 16\n", "file name: expected a file in the same folder"},
      {"r 1 100 10\n/etc/passwd 16\n", "file name"},
      {"r 1 100 10\n.. 16\n", "file name"},
      {"r 1 100 10\nf\n", "line 2, format"},
      {"r 1 100 10\nf x16\n", "format"},
      {"r 1 100 10\nf 16x0\n", "samples per frame"},
      {"r 1 100 10\nf 16:-1\n", "skew"},
      {"r 1 100 10\nf 16+-4\n", "byte offset"},
      {"r 1 100 10\nf 16 g\n", "gain"},
      {"r 1 100 10\nf 16 1e999\n", "gain"},
      {"r 1 100 10\nf 16 100(5/mV\n", "baseline"},
      {"r 1 100 10\nf 16 100(x)/mV\n", "baseline"},
      {"r 1 100 10\nf 16 100 65\n", "ADC resolution"},
      {"r 1 100 10\nf 16 100 16 x\n", "ADC zero"},
      {"r 1 100 10\nf 16 100 16 0 x\n", "initial value"},
      {"r 1 100 10\nf 16 100 16 0 0 65537\n", "checksum"},
      {"r 1 100 10\nf 16 100 16 0 0 0 I\n", "block size"},
  };
  for (const auto& [text, expected] : cases) {
    const absl::Status status = ParseWfdbHeader(text, "r.hea").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(expected)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("r.hea")) << text;
  }
}

TEST(WfdbHeaderTest, SegmentsAreRead) {
  const WfdbHeader header = Parse("r/3 12 500 70\nr_layout 0\n# between\ns1 30\n~ 40\n");
  EXPECT_EQ(header.record, "r");
  EXPECT_TRUE(header.signals.empty());
  ASSERT_EQ(header.segments.size(), 3u);
  EXPECT_EQ(header.segments[0].record, "r_layout");
  EXPECT_EQ(header.segments[0].frames, 0u);
  EXPECT_EQ(header.segments[2].record, "~");
  EXPECT_EQ(header.segments[2].frames, 40u);
}

TEST(WfdbHeaderTest, EveryCutHeaderIsAnErrorOrAShorterHeader) {
  const std::string text =
      "r 2 500/1000(7) 5000 1:2:3 1/2/2020\na.dat 212x2:1+3 100.5(-3)/uV 12 1 5 -7 0 V1\nb.dat 16 200 12\n";
  for (size_t size = 0; size < text.size(); ++size) {
    const auto header = ParseWfdbHeader(text.substr(0, size), "r.hea");
    if (header.ok()) {
      EXPECT_EQ(header->signals.size(), 2u) << size;
    }
  }
}

}  // namespace
}  // namespace ecgtrain
