// Every format and layout gives what Python's wfdb reads (reference/wfdb.txt, made by
// make_wfdb_reference.py).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

struct Case {
  std::string name;
  TestFolder folder;
  double rate = 0;
  std::string names;
  std::vector<double> millivolts;
};

void ReadLine(const std::string& line, Case& current) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  if (words[0] == "file") return current.folder.Write(words[1], absl::HexStringToBytes(words[2]));
  if (words[0] == "rate") {
    ASSERT_TRUE(absl::SimpleAtod(words[1], &current.rate));
  } else if (words[0] == "names") {
    current.names = std::string(absl::StripPrefix(line, "names "));
  } else {
    for (const std::string& word : words)
      ASSERT_TRUE(absl::SimpleAtod(word, &current.millivolts.emplace_back())) << line;
  }
}

void Compare(const Case& expected) {
  const auto record = ReadWfdbRecord(*SourceFolder::Open(expected.folder.path()), "r");
  ASSERT_TRUE(record.ok()) << expected.name << ": " << record.status();
  EXPECT_EQ(record->rate, expected.rate) << expected.name;
  EXPECT_EQ(absl::StrJoin(record->names, ","), expected.names) << expected.name;
  ASSERT_EQ(record->millivolts.size(), expected.millivolts.size()) << expected.name;
  for (size_t i = 0; i < expected.millivolts.size(); ++i) {
    const double wanted = expected.millivolts[i], found = record->millivolts[i];
    EXPECT_EQ(std::isnan(wanted), std::isnan(found)) << expected.name << " value " << i;
    if (!std::isnan(wanted)) {
      EXPECT_NEAR(found, wanted, 1e-12 * std::max(1.0, std::abs(wanted))) << expected.name << " value " << i;
    }
  }
}

TEST(WfdbReferenceTest, EveryFormatAndLayoutGivesWhatPythonReads) {
  std::ifstream file(std::filesystem::path(std::getenv("ECGTRAIN_SOURCE_DIR")) /
                     "tests/worker/data/reference/wfdb.txt");
  std::vector<std::unique_ptr<Case>> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (absl::StartsWith(line, "case ")) {
      cases.push_back(std::make_unique<Case>());
      cases.back()->name = line.substr(5);
    } else {
      ReadLine(line, *cases.back());
    }
  }
  EXPECT_EQ(cases.size(), 25u);
  for (const auto& each : cases) Compare(*each);
}

}  // namespace
}  // namespace ecgtrain
