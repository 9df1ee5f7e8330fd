// The adapters: what each makes of its set's layout. HDF5 sets are those of reference/
// (make_matrix_reference.py), others are written here with synthetic signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/durable_file.h"
#include "tests/worker/data/data_sets_fixture.h"
#include "worker/data/data_set.h"
#include "worker/data/folds.h"
#include "worker/data/leads.h"
#include "worker/data/record_fault.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class DataSetsTest : public DataSetsFixture {};

TEST_F(DataSetsTest, Code15IsJoinedByExamIdAndStrippedOfItsPadding) {
  const auto set = Open({.type = "code15", .path = ReferenceFolder() / "code15", .gain = 1});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().tasks[0].classes, ElementsAre("1dAVb", "AF", "LBBB", "RBBB", "SB", "ST"));
  EXPECT_THAT(set->info().skipped, UnorderedElementsAre(Pair("not_in_table", 1), Pair("file_missing", 1)));
  ASSERT_EQ(set->size(), 4u);
  std::map<std::string, Recording> recordings;
  for (size_t i = 0; i < 3; ++i) {
    auto recording = set->Read(i);
    ASSERT_TRUE(recording.ok()) << recording.status();
    recordings[recording->id] = *std::move(recording);
  }
  EXPECT_EQ(recordings["101"].millivolts.size(), 24u * 12);
  EXPECT_EQ(recordings["103"].millivolts.size(), 16u * 12) << "four frames of zeros at both ends are padding";
  EXPECT_EQ(recordings["102"].millivolts.size(), 4u * 12);
  EXPECT_EQ(recordings["103"].millivolts[0], 103);
  EXPECT_NEAR(recordings["103"].millivolts[12 + 11], 104.11, 1e-5) << "frame 1 of V6";
  EXPECT_EQ(recordings["103"].patient, "7");
  EXPECT_EQ(recordings["103"].fold, recordings["101"].fold);
  EXPECT_EQ(recordings["101"].fold, FoldOfPatient("7"));
  EXPECT_EQ(recordings["101"].rate, 400);
  EXPECT_EQ(Labels(*set, recordings["101"]), "1dAVb,AF");
  EXPECT_EQ(Labels(*set, recordings["102"]), "") << "known to have none";
  EXPECT_EQ(Labels(*set, recordings["103"]), "?") << "blank columns";
  const absl::Status empty = set->Read(3).status();
  EXPECT_EQ(FaultReason(empty), "empty");
  EXPECT_THAT(std::string(empty.message()), HasSubstr("record 104"));
}

TEST_F(DataSetsTest, Code15AsPublishedIsHalved) {
  const auto set = Open({.type = "code15", .path = ReferenceFolder() / "code15"});
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->Read(0)->millivolts[0], 51.5);
  EXPECT_NE(*set->SourceDigest(),
            *Open({.type = "code15", .path = ReferenceFolder() / "code15", .gain = 1})->SourceDigest());
  EXPECT_EQ(ErrorOf({.type = "cpsc2018", .path = ReferenceFolder(), .gain = 2}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorOf({.type = "code15", .path = ReferenceFolder() / "code15", .gain = -1}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(DataSetsTest, CodeTestIsJoinedByRowAndAllOfItIsTheTestFold) {
  const auto set = Open({.type = "code-test", .path = ReferenceFolder() / "code-test"});
  ASSERT_NE(set, nullptr);
  const auto recordings = ReadAll(*set);
  ASSERT_THAT(recordings, SizeIs(2));
  EXPECT_EQ(Labels(*set, recordings.at("code-test-0")), "AF");
  EXPECT_EQ(Labels(*set, recordings.at("code-test-1")), "RBBB");
  EXPECT_EQ(recordings.at("code-test-1").fold, 10u);
  EXPECT_EQ(recordings.at("code-test-1").millivolts[0], 2);
}

TEST_F(DataSetsTest, SamiTropWithoutIdsIsJoinedByRow) {
  const auto set = Open({.type = "sami-trop", .path = ReferenceFolder() / "sami-trop"});
  ASSERT_NE(set, nullptr);
  const auto recordings = ReadAll(*set);
  EXPECT_EQ(Labels(*set, recordings.at("294669")), "normal_ecg");
  EXPECT_EQ(Labels(*set, recordings.at("291838")), "?");
  EXPECT_EQ(recordings.at("291838").millivolts[0], 1) << "halved";
}

TEST_F(DataSetsTest, Cpsc2018TakesLabelsFromItsTableInBothEncodings) {
  folder_.Write(
      "REFERENCE.csv",
      "Recording,First_label,Second_label,Third_label\nA0001,5,,\nA0002,2,8,\nA0003,1,,\nA6877,9,3,1\n");
  WriteRecord("A0001", "#Dx: 59118001\n");
  WriteRecord("sub/A0002", "#Dx: AF,STD\n");
  WriteRecord("A0009", "#Dx: AF\n");
  auto set = Open({.type = "cpsc2018"});
  ASSERT_NE(set, nullptr);
  auto recordings = ReadAll(*set);
  EXPECT_THAT(set->info().skipped, UnorderedElementsAre(Pair("file_missing", 2), Pair("not_in_table", 1)));
  ASSERT_THAT(recordings, SizeIs(2));
  EXPECT_EQ(Labels(*set, recordings.at("A0002")), "AF,STD");
  EXPECT_EQ(recordings.at("A0001").millivolts[13], 101);
  EXPECT_EQ(recordings.at("A0001").fold, FoldOfCpsc2018("A0001"));

  TestFolder original;
  original.Write("REFERENCE.csv", folder_.Read("REFERENCE.csv"));
  original.Write("TrainingSet1/A6877.mat", ReadFile(ReferenceFolder() / "compressed.mat", 1 << 20).value());
  set = Open({.type = "cpsc2018", .path = original.path()});
  ASSERT_NE(set, nullptr);
  recordings = ReadAll(*set);
  EXPECT_EQ(Labels(*set, recordings.at("A6877")), "I-AVB,Normal,STE");
  EXPECT_EQ(recordings.at("A6877").millivolts[12 * 5 + 2], (5 - 24) / 1000.0) << "sample 5 of lead III";
  EXPECT_EQ(recordings.at("A6877").rate, 500);
}

TEST_F(DataSetsTest, Cpsc2018WithoutTableReadsTheHeaders) {
  WriteRecord("A0001", "# Dx: 164889003, 164884008\n");
  const auto set = Open({.type = "cpsc2018"});
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(Labels(*set, ReadAll(*set).at("A0001")), "AF,PVC");
}

TEST_F(DataSetsTest, Cpsc2018FoldsAreFixedAndEven) {
  EXPECT_EQ(FoldOfCpsc2018("A0000"), std::nullopt);
  EXPECT_EQ(FoldOfCpsc2018("A6878"), std::nullopt);
  EXPECT_EQ(FoldOfCpsc2018("B0001"), std::nullopt);
  EXPECT_EQ(FoldOfCpsc2018("A00001"), std::nullopt);
  std::map<uint32_t, int> counts;
  std::string first;
  for (int i = 1; i <= 6877; ++i) ++counts[*FoldOfCpsc2018(absl::StrFormat("A%04d", i))];
  for (int i = 1; i <= 8; ++i) absl::StrAppend(&first, *FoldOfCpsc2018(absl::StrFormat("A%04d", i)), " ");
  for (const auto& [fold, count] : counts) EXPECT_NEAR(count, 687.7, 1) << fold;
  EXPECT_THAT(counts, SizeIs(10));
  EXPECT_EQ(first, "10 6 4 9 1 2 2 7 ");
}

TEST_F(DataSetsTest, DamagedReferenceStopsWithLineAndColumn) {
  WriteRecord("A0001", "#Dx: 59118001\n");
  folder_.Write("REFERENCE.csv", "Recording,First_label,Second_label,Third_label\nA0001,10,,\n");
  EXPECT_THAT(
      std::string(ErrorOf({.type = "cpsc2018", .path = folder_.path()}).message()),
      HasSubstr("REFERENCE.csv line 2, First_label: expected a whole number from 1 to 9, found \"10\""));
}

TEST_F(DataSetsTest, ChallengeMergesCodesAndKeepsTheFoldsOfCopies) {
  WriteRecord("ptb-xl/g1/HR00005", "#Dx: 426783006\n");
  WriteRecord("cpsc/A0003", "#Dx: 713427006,284470004\n");
  WriteRecord("georgia/E00001", "#Dx: 63593006,67741000119109\n");
  WriteRecord("georgia/E00002", "#Dx: 67741000119109\n");
  auto set = Open({.type = "challenge"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().tasks[0].classes, SizeIs(26));
  EXPECT_THAT(set->info().skipped, ElementsAre(Pair("ptbxl_copy", 1)));
  EXPECT_THAT(set->info().notes, ElementsAre(HasSubstr("HR records are copies of PTB-XL")));
  auto recordings = ReadAll(*set);
  ASSERT_THAT(recordings, SizeIs(3));
  EXPECT_EQ(Labels(*set, recordings.at("A0003")), "PAC,RBBB");
  EXPECT_EQ(recordings.at("A0003").patient, "cpsc2018/A0003");
  EXPECT_EQ(recordings.at("A0003").fold, FoldOfCpsc2018("A0003"));
  EXPECT_EQ(Labels(*set, recordings.at("E00001")), "PAC");
  EXPECT_EQ(Labels(*set, recordings.at("E00002")), "?") << "no scored class";

  folder_.Write("ptbxl_database.csv", "ecg_id,patient_id,strat_fold\n5,123.0,9\n");
  set = Open({.type = "challenge"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().skipped, IsEmpty());
  recordings = ReadAll(*set);
  EXPECT_EQ(recordings.at("HR00005").patient, "ptbxl/123");
  EXPECT_EQ(recordings.at("HR00005").fold, 9u);
  folder_.Write("ptbxl_database.csv", "ecg_id,patient_id,strat_fold\n6,123.0,9\n");
  EXPECT_THAT(std::string(ErrorOf({.type = "challenge", .path = folder_.path()}).message()),
              HasSubstr("has no ecg_id 5, of which HR00005 is a copy"));
}

TEST_F(DataSetsTest, HeaderWithoutKnownDiagnosisStopsWithTheReason) {
  WriteRecord("E00001", "#Dx: 63593006,Flutter\n");
  EXPECT_THAT(std::string(ErrorOf({.type = "challenge", .path = folder_.path()}).message()),
              HasSubstr("E00001.hea, Dx: expected SNOMED CT codes or names of CPSC 2018, found \"Flutter\""));
  WriteRecord("E00001", "#Age: 5\n");
  EXPECT_THAT(std::string(ErrorOf({.type = "challenge", .path = folder_.path()}).message()),
              HasSubstr("E00001.hea: expected a line \"#Dx: ...\""));
}

TEST_F(DataSetsTest, MimicLeadsAreFoundByName) {
  WriteRecord("files/p1000/p10000032/s40689238/40689238", "", false,
              "I II III aVR aVF aVL V1 V2 V3 V4 V5 V6");
  folder_.Write("record_list.csv",
                "subject_id,study_id,file_name,ecg_time,path\n"
                "10000032,40689238,40689238,2180-07-23 08:44:00,files/p1000/p10000032/s40689238/40689238\n"
                "10000032,44458630,44458630,2180-07-23 09:54:00,files/p1000/p10000032/s44458630/44458630\n");
  const auto set = Open({.type = "mimic-iv-ecg"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().tasks, IsEmpty());
  EXPECT_THAT(set->info().skipped, ElementsAre(Pair("file_missing", 1)));
  const auto recordings = ReadAll(*set);
  const Recording& recording = recordings.at("40689238");
  EXPECT_EQ(recording.patient, "10000032");
  EXPECT_EQ(recording.fold, FoldOfPatient("10000032"));
  EXPECT_EQ(recording.millivolts[4], 5) << "aVL stands sixth in the file";
  EXPECT_EQ(recording.millivolts[5], 4) << "aVF stands fifth";
}

TEST_F(DataSetsTest, PatientInTwoFoldsAndDoubledIdsAreRefused) {
  WriteRecord("one", "", false);
  WriteRecord("two", "", false);
  folder_.Write("ecgtrain.yaml", "columns: {fold: fold, id: id}\n");
  folder_.Write("records.csv", "path,patient,fold,id\none,ann,1,a\ntwo,ann,2,b\n");
  EXPECT_THAT(std::string(ErrorOf({.type = "own", .path = folder_.path()}).message()),
              HasSubstr("record b: expected fold 1 as in the other records of patient ann, found 2"));
  folder_.Write("records.csv", "path,patient,fold,id\none,ann,1,a\ntwo,bob,2,a\n");
  EXPECT_THAT(std::string(ErrorOf({.type = "own", .path = folder_.path()}).message()),
              HasSubstr("record a: expected each id once"));
}

TEST_F(DataSetsTest, DigestsFollowTablesHeadersAndSignals) {
  WriteRecord("one", "", false);
  folder_.Write("ecgtrain.yaml", "{}\n");
  folder_.Write("records.csv", "path,patient\none,ann\n");
  const auto digest = [this] { return *Open({.type = "own"})->SourceDigest(); };
  const std::string first = digest();
  EXPECT_EQ(digest(), first);
  const std::string quick = Open({.type = "own"})->QuickKey();
  folder_.Write("one.dat", folder_.Read("one.dat") + "x");
  EXPECT_NE(digest(), first) << "another size";
  EXPECT_NE(Open({.type = "own"})->QuickKey(), quick);
  WriteRecord("one", "# note\n", false);
  EXPECT_NE(digest(), first) << "another header";
  WriteRecord("one", "", false);
  EXPECT_EQ(digest(), first);
  folder_.Write("records.csv", "path,patient\none,bob\n");
  EXPECT_NE(digest(), first) << "another table";
}

TEST_F(DataSetsTest, DigestFollowsSegmentsThatLeadBackOnce) {
  folder_.Write("one.hea", "one/2 12 500 4\npart 2\npart 2\n");
  folder_.Write("part.hea", "part/1 12 500 4\none 4\n");
  folder_.Write("ecgtrain.yaml", "{}\n");
  folder_.Write("records.csv", "path,patient\none,ann\n");
  const auto digest = [this] { return *Open({.type = "own"})->SourceDigest(); };
  const std::string first = digest();
  folder_.Write("part.hea", "part/1 12 500 4\none 4\n# note\n");
  EXPECT_NE(digest(), first);
}

TEST_F(DataSetsTest, EveryTypeNeedsItsFolder) {
  for (const std::string& type : DataSetTypes()) {
    if (type == "synthetic") continue;
    EXPECT_EQ(ErrorOf({.type = type}).code(), absl::StatusCode::kInvalidArgument) << type;
    EXPECT_EQ(ErrorOf({.type = type, .path = folder_.path() / "absent"}).code(), absl::StatusCode::kNotFound)
        << type;
    EXPECT_EQ(ErrorOf({.type = type, .path = folder_.path()}).code(), absl::StatusCode::kNotFound) << type;
  }
}

}  // namespace
}  // namespace ecgtrain
