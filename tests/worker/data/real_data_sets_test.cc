// Real recordings in place (ECGTRAIN_DATA): every set opens, reads whole and has the records it should. Their
// labels are recounted by tests/peer/recount.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/worker/data/test_folder.h"
#include "worker/data/check_data_set.h"
#include "worker/data/data_set.h"

namespace ecgtrain {
namespace {

struct RealSet {
  const char* name;  // of the test
  DataSetOptions options;
  size_t records;
};

class RealDataSetsTest : public ::testing::TestWithParam<RealSet> {};

TEST_P(RealDataSetsTest, EveryRecordReadsAndItsChecksumsHold) {
  const std::filesystem::path folder = RealDataFolder();
  if (folder.empty()) GTEST_SKIP() << "no real recordings: set ECGTRAIN_DATA";
  DataSetOptions options = GetParam().options;
  options.path = folder / "mini" / options.path;
  const auto set = OpenDataSet(options);
  ASSERT_TRUE(set.ok()) << set.status();
  const DataSetCheck check = CheckDataSet(**set, {.rate = options.rate}, 2);
  EXPECT_EQ(check.records, GetParam().records);
  for (const absl::Status& damaged : check.damaged) ADD_FAILURE() << damaged;
}

INSTANTIATE_TEST_SUITE_P(
    All, RealDataSetsTest,
    ::testing::Values(RealSet{"ptbxl", {.type = "ptbxl", .path = "ptbxl", .rate = 100}, 498},
                      RealSet{"cpsc2018", {.type = "cpsc2018", .path = "cpsc2018"}, 24},
                      RealSet{"cpsc2018_original", {.type = "cpsc2018", .path = "cpsc2018-original"}, 11},
                      RealSet{"challenge", {.type = "challenge", .path = "cpsc2018"}, 24},
                      RealSet{"code15", {.type = "code15", .path = "code15", .gain = 1}, 120}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ecgtrain
