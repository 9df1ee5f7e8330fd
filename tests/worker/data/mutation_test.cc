// Every parser survives damaged input: thousands of changed copies of valid texts end in a value or in a
// clean error. Worth most under the sanitizers (preset asan).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/worker/data/test_folder.h"
#include "worker/data/csv.h"
#include "worker/data/pack.h"
#include "worker/data/python_dict.h"
#include "worker/data/random.h"
#include "worker/data/wfdb_header.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

constexpr char kHeader[] =
    "r 3 500/1000(7) 4 1:2:3 1/2/2020\n# comment\n"
    "r.dat 16x1:0+2 1000.5(-3)/mV 16 0 1 10 0 I\nr.dat 16+2 200/uV 12 1024\nr.dat 16+2\n";
constexpr char kTable[] = "\xef\xbb\xbfid,codes,text\r\n1,\"{'A': 1}\",\"x \"\"y\"\"\nz\"\r\n2,,\n";
constexpr char kDict[] = "{'NORM': 100.0, \"it's\": -1e3, 'x\\'y': 0}";

// One to four changes: a byte replaced (often by one that means something), removed, doubled, or the end cut
// off.
std::string Mutate(std::string text, Random& random) {
  constexpr absl::string_view kTelling = "0123456789-+x:/().,\"'{}\\\r\n# \t\0e";
  for (uint64_t changes = 1 + random.Next() % 4; changes > 0 && !text.empty(); --changes) {
    const size_t at = random.Next() % text.size();
    switch (random.Next() % 5) {
      case 0:
        text[at] = static_cast<char>(random.Next());
        break;
      case 1:
        text[at] = kTelling[random.Next() % kTelling.size()];
        break;
      case 2:
        text.erase(at, 1);
        break;
      case 3:
        text.insert(at, text.substr(at, 1 + random.Next() % 9));
        break;
      default:
        if (random.Chance(0.2)) text.resize(at);
        break;
    }
  }
  return text;
}

// Calls `parse` with `count` mutants; returns how many it accepted.
template <typename Parse>
int CountAccepted(const std::string& valid, int count, Parse parse) {
  int accepted = 0;
  for (int i = 0; i < count; ++i) {
    Random random(1, valid.size(), i);
    const std::string mutant = Mutate(valid, random);
    const absl::Status status = parse(mutant);
    const bool clean = status.ok() || status.code() == absl::StatusCode::kDataLoss ||
                       status.code() == absl::StatusCode::kUnimplemented ||
                       status.code() == absl::StatusCode::kNotFound;
    EXPECT_TRUE(clean) << status << "\n" << mutant;
    EXPECT_THAT(std::string(status.message()), ::testing::Not(::testing::HasSubstr("INTERNAL")));
    accepted += status.ok();
  }
  return accepted;
}

TEST(MutationTest, HeadersParseOrFailCleanly) {
  const int accepted = CountAccepted(kHeader, 5000, [](const std::string& text) {
    const auto header = ParseWfdbHeader(text, "r.hea");
    if (header.ok()) {
      EXPECT_LE(header->signals.size(), 256u);
      for (const WfdbSignal& signal : header->signals) EXPECT_NE(signal.gain, 0);
    }
    return header.status();
  });
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 4900);
}

TEST(MutationTest, TablesParseOrFailCleanly) {
  const int accepted = CountAccepted(kTable, 5000, [](const std::string& text) {
    const auto table = CsvTable::Parse(text, "t.csv");
    if (table.ok() && table->rows() > 0) {
      EXPECT_LE(table->cell(table->rows() - 1, 0).size(), text.size());
    }
    return table.status();
  });
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 4900);
}

TEST(MutationTest, DictsParseOrFailCleanly) {
  const int accepted =
      CountAccepted(kDict, 5000, [](const std::string& text) { return ParsePythonDict(text).status(); });
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 4900);
}

TEST(MutationTest, RecordsReadOrFailCleanly) {
  TestFolder folder;
  folder.Write("r.dat", std::string("hh") + std::string(24, '\x01'));
  const auto source = SourceFolder::Open(folder.path());
  ASSERT_TRUE(source.ok());
  const int accepted = CountAccepted(kHeader, 500, [&](const std::string& text) {
    folder.Write("r.hea", text);
    const auto record = ReadWfdbRecord(*source, "r");
    if (record.ok()) {
      EXPECT_EQ(record->millivolts.size(), record->length * record->names.size());
    }
    return record.status();
  });
  EXPECT_LT(accepted, 490);
}

}  // namespace
}  // namespace ecgtrain
