#include "worker/data/ptbxl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/mini_ptbxl.h"
#include "tests/worker/data/test_folder.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MiniPtbxlOptions;
using testing::WriteMiniPtbxl;

class PtbxlTest : public ::testing::Test {
 protected:
  absl::Status Make(const MiniPtbxlOptions& options = {}) { return WriteMiniPtbxl(folder_.path(), options); }

  void ReplaceInDatabase(const std::string& from, const std::string& to) {
    std::string text = folder_.Read("ptbxl_database.csv");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    folder_.Write("ptbxl_database.csv", text.replace(at, from.size(), to));
  }

  absl::Status OpenStatus() { return OpenPtbxl(folder_.path(), 100).status(); }

  TestFolder folder_;
};

std::map<std::string, size_t> ClassCounts(const DataSet& set) {
  std::map<std::string, size_t> counts;
  for (const PackTask& task : set.info().tasks) counts[task.name] = task.classes.size();
  return counts;
}

TEST_F(PtbxlTest, TasksComeFromTheStatements) {
  ASSERT_TRUE(Make().ok());
  const auto set = OpenPtbxl(folder_.path(), 100);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(), 40u);
  EXPECT_EQ(ClassCounts(**set), (std::map<std::string, size_t>{{"all", 10},
                                                               {"diagnostic", 6},
                                                               {"subdiagnostic", 5},
                                                               {"superdiagnostic", 4},
                                                               {"form", 3},
                                                               {"rhythm", 2}}));
  EXPECT_THAT((*set)->info().tasks[3].classes, ElementsAre("CD", "HYP", "NORM", "STTC"));
  EXPECT_THAT((*set)->info().tasks[5].classes, ElementsAre("AFIB", "SR"));
}

TEST_F(PtbxlTest, StatementCountsWhateverItsLikelihood) {
  ASSERT_TRUE(Make().ok());
  const auto set = OpenPtbxl(folder_.path(), 100);
  ASSERT_TRUE(set.ok()) << set.status();
  const auto bundle_block = (*set)->Read(2);  // {'CRBBB': 0.0, 'SR': 0.0}
  ASSERT_TRUE(bundle_block.ok()) << bundle_block.status();
  EXPECT_EQ(bundle_block->labels[3], (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(bundle_block->labels[5], (std::vector<bool>{false, true}));
  EXPECT_TRUE(bundle_block->labels[4].empty()) << "a record without a form statement carries no form label";
  const auto two = (*set)->Read(3);  // {'LVH': 50.0, 'NDT': 35.0, 'AFIB': 0.0}
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->labels[3], (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(two->labels[4],
            (std::vector<bool>{false, true, false}));  // LVOLT NDT PVC: NDT is both diagnostic and form
}

TEST_F(PtbxlTest, RecordCarriesPatientFoldAndSignal) {
  ASSERT_TRUE(Make().ok());
  const auto set = OpenPtbxl(folder_.path(), 100);
  ASSERT_TRUE(set.ok()) << set.status();
  const auto record = (*set)->Read(5);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->id, "6");
  EXPECT_EQ(record->patient, "1002");  // "1002.0" in the table
  EXPECT_EQ(record->fold, 3u);
  EXPECT_EQ(record->rate, 100);
  EXPECT_EQ(record->millivolts.size(), 1000u * kLeads);
}

TEST_F(PtbxlTest, HigherRateReadsRecords500) {
  ASSERT_TRUE(Make().ok());
  const auto set = OpenPtbxl(folder_.path(), 400);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->Read(0)->rate, 500);
  EXPECT_EQ((*set)->info().source_rate, 500u);
  EXPECT_TRUE((*set)->info().notes.empty());
}

TEST_F(PtbxlTest, HigherRateFallsBackToRecords100AndSaysSo) {
  ASSERT_TRUE(Make().ok());
  std::filesystem::remove(folder_.path() / "records500/00000/00007_hr.dat");
  const auto set = OpenPtbxl(folder_.path(), 400);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(), 40u);
  EXPECT_EQ((*set)->Read(0)->rate, 100);
  EXPECT_EQ((*set)->info().source_rate, 100u);
  ASSERT_EQ((*set)->info().notes.size(), 1u);
  EXPECT_THAT((*set)->info().notes[0], HasSubstr("lacks 1 of 40"));
}

TEST_F(PtbxlTest, MissingRecordsAreLeftOutAndCounted) {
  ASSERT_TRUE(Make().ok());
  std::filesystem::remove(folder_.path() / "records100/00000/00007_lr.hea");
  const auto set = OpenPtbxl(folder_.path(), 100);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(), 39u);
  EXPECT_EQ((*set)->info().skipped.at("file_missing"), 1u);
  EXPECT_EQ((*set)->Read(6)->id, "8");
}

TEST_F(PtbxlTest, AbsentFolderTableOrRecordsAreNotFound) {
  EXPECT_EQ(OpenPtbxl(folder_.path() / "absent", 100).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Make({.records = 3, .records500 = false}).ok());
  std::filesystem::remove_all(folder_.path() / "records100");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kNotFound);
}

TEST_F(PtbxlTest, SourceDigestIsTheSameAtEveryRateAndPlace) {
  ASSERT_TRUE(Make({.records = 4}).ok());
  TestFolder other;
  ASSERT_TRUE(WriteMiniPtbxl(other.path(), {.records = 4}).ok());
  const std::string digest = *(*OpenPtbxl(folder_.path(), 100))->SourceDigest();
  EXPECT_EQ(digest, *(*OpenPtbxl(folder_.path(), 400))->SourceDigest());
  EXPECT_EQ(digest, *(*OpenPtbxl(other.path(), 100))->SourceDigest());
  ASSERT_TRUE(WriteMiniPtbxl(other.path(), {.records = 4, .seed = 2}).ok());
  EXPECT_NE(digest, *(*OpenPtbxl(other.path(), 100))->SourceDigest());
  EXPECT_NE((*OpenPtbxl(folder_.path(), 100))->QuickKey(), (*OpenPtbxl(other.path(), 100))->QuickKey());
}

TEST_F(PtbxlTest, BadCellsNameTheLineAndTheColumn) {
  const std::pair<std::string, std::string> changes[] = {{",1000.0,", ",patient,"},
                                                         {",1000.0,", ",,"},
                                                         {",1,records", ",11,records"},
                                                         {",1,records", ",1.5,records"},
                                                         {"'NORM'", "'NORMAL'"},
                                                         {"{'NORM'", "{NORM"},
                                                         {"records100/00000/00001_lr", "../00001_lr"},
                                                         {"records100/00000/00001_lr", "/etc/passwd"}};
  for (const auto& [from, to] : changes) {
    ASSERT_TRUE(Make({.records = 2, .records500 = false}).ok());
    ReplaceInDatabase(from, to);
    const absl::Status status = OpenStatus();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << to << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("ptbxl_database.csv line 2, ")) << to;
  }
}

TEST_F(PtbxlTest, DoubledRecordIsRefused) {
  ASSERT_TRUE(Make({.records = 4, .records500 = false}).ok());
  ReplaceInDatabase("\n4,", "\n1,");
  EXPECT_THAT(std::string(OpenStatus().message()), HasSubstr("ecg_id: expected each id once, found \"1\""));
}

TEST_F(PtbxlTest, PatientInTwoFoldsIsRefused) {
  ASSERT_TRUE(Make({.records = 2, .records500 = false}).ok());
  ReplaceInDatabase(",1,records100/00000/00002", ",2,records100/00000/00002");
  EXPECT_THAT(std::string(OpenStatus().message()),
              HasSubstr("strat_fold: expected fold 1 as in the other records of patient 1000"));
}

TEST_F(PtbxlTest, LinkOutOfTheSetIsRefused) {
  ASSERT_TRUE(Make({.records = 2, .records500 = false}).ok());
  std::filesystem::remove(folder_.path() / "records100/00000/00001_lr.dat");
  std::filesystem::create_symlink("/etc/passwd", folder_.path() / "records100/00000/00001_lr.dat");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kDataLoss);
}

TEST(RealPtbxlTest, MiniSetReadsWhole) {
  const std::filesystem::path data = RealDataFolder();
  if (data.empty()) GTEST_SKIP() << "no real recordings: set ECGTRAIN_DATA";
  const auto set = OpenPtbxl(data / "mini" / "ptbxl", 100);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->size(), 498u);
  EXPECT_EQ(ClassCounts(**set), (std::map<std::string, size_t>{{"all", 71},
                                                               {"diagnostic", 44},
                                                               {"subdiagnostic", 23},
                                                               {"superdiagnostic", 5},
                                                               {"form", 19},
                                                               {"rhythm", 12}}));
  for (size_t i = 0; i < (*set)->size(); ++i) {
    const auto record = (*set)->Read(i);  // verifies checksums
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_EQ(record->millivolts.size(), 1000u * kLeads);
  }
}

}  // namespace
}  // namespace ecgtrain
