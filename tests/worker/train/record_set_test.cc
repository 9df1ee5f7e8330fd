#include "worker/train/record_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/worker/train/fake_pack.h"
#include "worker/train/failure.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

TEST(SelectFolds, TakesLabelledRecordsOfTheFolds) {
  const FakePack pack(40, 10);
  EXPECT_EQ(*SelectFolds(pack, {1, 2}, std::nullopt, "train"), (RecordSet{0, 1, 2, 3, 20, 21, 22, 23}));
  EXPECT_EQ(*SelectFolds(pack, {1, 2}, 0, "train"), (RecordSet{0, 1, 2, 3, 21, 22, 23}));
}

TEST(SelectFolds, SaysWhichFoldsThereAre) {
  const FakePack pack(6, 10);
  const absl::Status status = SelectFolds(pack, {9, 10}, 0, "test").status();
  EXPECT_EQ(ReasonOf(status), run_directory::ExitReason::kUserError);
  EXPECT_EQ(status.message(),
            "folds.test [9, 10] of data set fake hold no record with labels of this task; the set has folds "
            "[1, 2, 3]");
}

TEST(TakePatients, SmallerSharesAreNestedAndKeepPatientsWhole) {
  const FakePack pack(200, 10);
  const RecordSet all = *SelectFolds(pack, {1, 2, 3, 4, 5}, std::nullopt, "train");
  RecordSet larger = all;
  for (const double fraction : {0.5, 0.25, 0.1, 0.001}) {
    const RecordSet share = TakePatients(pack, all, fraction, 3);
    EXPECT_TRUE(std::includes(larger.begin(), larger.end(), share.begin(), share.end())) << fraction;
    std::set<std::string> patients;
    for (const size_t record : share) patients.insert(pack.record(record).patient);
    EXPECT_EQ(share.size(), 2 * patients.size());
    EXPECT_EQ(patients.size(), std::max<size_t>(1, std::llround(fraction * 50)));
    larger = share;
  }
  EXPECT_EQ(TakePatients(pack, all, 1, 3), all);
  EXPECT_NE(TakePatients(pack, all, 0.5, 3), TakePatients(pack, all, 0.5, 4));
}

TEST(EpochOrder, IsAPermutationThatDependsOnSeedAndEpoch) {
  RecordSet records(100);
  for (size_t i = 0; i < records.size(); ++i) records[i] = i * 3;
  const RecordSet order = EpochOrder(records, 1, 0);
  EXPECT_EQ(order, EpochOrder(records, 1, 0));
  EXPECT_NE(order, EpochOrder(records, 1, 1));
  EXPECT_NE(order, EpochOrder(records, 2, 0));
  EXPECT_NE(order, records);
  RecordSet sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, records);
}

TEST(FindTask, NamesTheKnownTasks) {
  const FakePack pack(4, 10);
  EXPECT_EQ(*FindTask(pack, "all"), 0u);
  EXPECT_THAT(std::string(FindTask(pack, "al").status().message()), HasSubstr("did you mean \"all\"?"));
}

}  // namespace
}  // namespace ecgtrain
