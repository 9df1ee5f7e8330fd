// Every input in corpus/ goes through its target, as do changed copies of it. What `./dev fuzz` ever finds is
// added there under a name that says what was wrong; seeds, which make_corpus.py writes, must still be valid.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/durable_file.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/long_tests.h"
#include "worker/data/random.h"

namespace ecgtrain {
namespace {

std::vector<std::filesystem::path> Inputs(const std::string& target) {
  const std::filesystem::path source = std::getenv("ECGTRAIN_SOURCE_DIR");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source / "tests/fuzz/corpus" / target))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class CorpusTest : public ::testing::TestWithParam<FuzzTarget> {};

TEST_P(CorpusTest, SeedsAreValidAndEveryInputAndChangedCopiesComeBack) {
  int64_t seeds = 0, runs = 0;
  for (const std::filesystem::path& file : Inputs(GetParam().name)) {
    const std::string input = ReadFile(file, 16 << 20).value();
    const absl::Status status = RunTarget(GetParam(), input);
    if (file.filename().string().starts_with("seed_")) {
      EXPECT_TRUE(status.ok()) << file << ": " << status;
      ++seeds;
    }
    ++runs;
    for (uint64_t copy = 0; copy < 20 && !input.empty(); ++copy, ++runs) {
      Random random(3, input.size(), copy);
      std::string changed = input;
      for (int changes = 0; changes < 3; ++changes)
        changed[random.Next() % changed.size()] = static_cast<char>(random.Next());
      if (copy % 5 == 0) changed.resize(random.Next() % changed.size());
      (void)RunTarget(GetParam(), changed);  // ends the process unless it is clean
    }
  }
  EXPECT_GT(seeds, 0) << "make_corpus.py wrote no seed of " << GetParam().name;
  RecordCount("fuzz_corpus_runs", runs);
}

INSTANTIATE_TEST_SUITE_P(All, CorpusTest, ::testing::ValuesIn(kFuzzTargets),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ecgtrain
