#include "worker/data/ptbxl_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kColumns[] = ",diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\n";

absl::StatusOr<PtbxlLabels> Make(const std::string& rows, const std::string& columns = kColumns) {
  const auto table = CsvTable::Parse(columns + rows, "s.csv");
  if (!table.ok()) return table.status();
  return PtbxlLabels::Make(*table);
}

TEST(PtbxlLabelsTest, StatementMayBelongToSeveralTasks) {
  const auto labels = Make("SR,,,1.0,,\nNDT,1.0,1.0,,STTC,NST_\nA,1.0,0.0,,CD,_AVB\n");
  ASSERT_TRUE(labels.ok()) << labels.status();
  EXPECT_THAT(labels->tasks()[0].classes, ElementsAre("A", "NDT", "SR"));
  EXPECT_THAT(labels->tasks()[1].classes, ElementsAre("A", "NDT"));
  EXPECT_THAT(labels->tasks()[2].classes, ElementsAre("NST_", "_AVB"));
  EXPECT_THAT(labels->tasks()[3].classes, ElementsAre("CD", "STTC"));
  const auto read = labels->Read("{'NDT': 0.0}");
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ElementsAre(std::vector<bool>{false, true, false}, std::vector<bool>{false, true},
                                 std::vector<bool>{true, false}, std::vector<bool>{false, true},
                                 std::vector<bool>{true}, std::vector<bool>{}));
}

TEST(PtbxlLabelsTest, RecordWithoutStatementsCarriesNoLabel) {
  const auto labels = Make("SR,,,1.0,,\n");
  ASSERT_TRUE(labels.ok());
  const auto read = labels->Read("{}");
  ASSERT_TRUE(read.ok());
  EXPECT_THAT(*read, ::testing::AllOf(::testing::SizeIs(6), ::testing::Each(::testing::IsEmpty())));
}

TEST(PtbxlLabelsTest, StatementThatTheTableLacksIsRefused) {
  const auto labels = Make("SR,,,1.0,,\n");
  ASSERT_TRUE(labels.ok());
  const absl::Status status = labels->Read("{'SRR': 0}").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"SRR\" is no statement"));
}

TEST(PtbxlLabelsTest, TablesThatDoNotFitAreRefused) {
  const auto error = [](const std::string& rows, const std::string& columns = kColumns) {
    const absl::Status status = Make(rows, columns).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << rows;
    return std::string(status.message());
  };
  EXPECT_THAT(error("SR,,,2.0,,\n"),
              HasSubstr("s.csv line 2, rhythm: expected True, False, 1, 0 or nothing, found \"2.0\""));
  EXPECT_THAT(error("SR,yes,,,,\n"), HasSubstr("diagnostic: expected"));
  EXPECT_THAT(error("SR,,,1.0,,\nSR,,,1.0,,\n"), HasSubstr("line 3: expected a new statement code"));
  EXPECT_THAT(error(",,,1.0,,\n"), HasSubstr("expected a new statement code"));
  EXPECT_THAT(error("X,1.0,,,CD,\n"), HasSubstr("diagnostic statement X has no"));
  EXPECT_THAT(error("X,1.0\n", ",diagnostic\n"), HasSubstr("has no column \"form\""));
}

TEST(PtbxlLabelsTest, TableOfMoreThanAThousandStatementsIsRefused) {
  std::string rows;
  for (int code = 0; code < 1000; ++code) absl::StrAppend(&rows, "S", code, ",,,1.0,,\n");
  const auto most = Make(rows);
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->tasks()[0].classes.size(), 1000u);
  const absl::Status status = Make(rows + "S1000,,,1.0,,\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("s.csv line 1002: expected at most 1000 statements, found 1001"));
}

}  // namespace
}  // namespace ecgtrain
