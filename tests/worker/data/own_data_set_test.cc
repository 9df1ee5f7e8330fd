// The adapter of a lab's own folder: what its description and manifest say, and what they must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "tests/worker/data/data_sets_fixture.h"
#include "worker/data/folds.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class OwnDataSetTest : public DataSetsFixture {};

TEST_F(OwnDataSetTest, WfdbFolderIsReadAsItsDescriptionSays) {
  WriteRecord("rec/one", "", false);
  WriteRecord("rec/two", "", false);
  folder_.Write("ecgtrain.yaml", "manifest: list.csv\ncolumns: {fold: split}\nlabels: [LBBB, AF]\n");
  folder_.Write("list.csv",
                "path,patient,split,AF,LBBB\nrec/one,ann,3,1,0\nrec/two.hea,bob,4,,1\nrec/three,cid,5,0,0\n");
  const auto set = Open({.type = "own"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().skipped, ElementsAre(Pair("file_missing", 1)));
  const auto recordings = ReadAll(*set);
  ASSERT_THAT(recordings, SizeIs(2));
  EXPECT_EQ(Labels(*set, recordings.at("rec/one")), "AF");
  EXPECT_EQ(recordings.at("rec/one").fold, 3u);
  EXPECT_EQ(recordings.at("rec/one").patient, "ann");
  EXPECT_EQ(Labels(*set, recordings.at("rec/two.hea")), "?");
}

TEST_F(OwnDataSetTest, LabelsMayBeAList) {
  WriteRecord("one", "", false);
  WriteRecord("two", "", false);
  folder_.Write("mine.yaml",
                "labels: {column: found, separator: \"|\"}\ncolumns: {patient: who, id: name}\n");
  folder_.Write("records.csv", "path,who,name,found\none,ann,first,x | y\ntwo,bob,second,\n");
  const auto set = Open({.type = "own", .path = folder_.path() / "mine.yaml"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().tasks[0].classes, ElementsAre("x", "y"));
  const auto recordings = ReadAll(*set);
  EXPECT_EQ(Labels(*set, recordings.at("first")), "x,y");
  EXPECT_EQ(Labels(*set, recordings.at("second")), "?");
  EXPECT_EQ(recordings.at("first").fold, FoldOfPatient("ann"));
}

TEST_F(OwnDataSetTest, LabelColumnOfFreeTextIsRefused) {
  folder_.Write("ecgtrain.yaml", "labels: {column: found}\n");
  std::string manifest = "path,patient,found\n";
  for (int row = 0; row < 1001; ++row) absl::StrAppend(&manifest, "one,ann,note ", row, "\n");
  folder_.Write("records.csv", manifest);
  EXPECT_THAT(
      std::string(ErrorOf({.type = "own", .path = folder_.path()}).message()),
      HasSubstr("records.csv line 1002, found: expected at most 1000 classes in all, found \"note 1000\""));
}

TEST_F(OwnDataSetTest, Hdf5IsJoinedByIdOrRow) {
  folder_.Write("data/x.h5", ReadFile(ReferenceFolder() / "uneven.h5", 1 << 20).value());
  folder_.Write("ecgtrain.yaml",
                "signals: hdf5\nhdf5: {rate: 250, gain: 2, ids: exam_id, leads: [II, I, III, aVR, aVL, aVF, "
                "V1, V2, V3, V4, V5, V6]}\n"
                "columns: {id: exam}\n");
  folder_.Write("records.csv", "path,patient,exam\ndata/x.h5,ann,1007\ndata/x.h5,bob,5\n");
  auto set = Open({.type = "own"});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->info().tasks, IsEmpty());
  EXPECT_THAT(set->info().skipped, ElementsAre(Pair("file_missing", 1)));
  const auto recordings = ReadAll(*set);
  const Recording& recording = recordings.at("1007");
  EXPECT_EQ(recording.rate, 250);
  EXPECT_EQ(recording.millivolts[0], 2 * (73.0 / 4 - 3)) << "row 1, column 1";
  EXPECT_EQ(recording.millivolts[1], 2 * (72.0 / 4 - 3));

  folder_.Write("ecgtrain.yaml", "signals: hdf5\nhdf5: {rate: 250}\n");
  folder_.Write("records.csv", "path,patient,row\ndata/x.h5,ann,4\n");
  set = Open({.type = "own"});
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(ReadAll(*set).at("data/x.h5:4").millivolts[0], 288.0 / 4 - 3);
}

TEST_F(OwnDataSetTest, NamesCannotLeaveTheFolder) {
  WriteRecord("one", "", false);
  folder_.Write("ecgtrain.yaml", "{}\n");
  for (const char* path : {"../one", "/etc/passwd", "a/../../one", "./one"}) {
    folder_.Write("records.csv", absl::StrCat("path,patient\n", path, ",ann\n"));
    const absl::Status status = ErrorOf({.type = "own", .path = folder_.path()});
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr("records.csv line 2, path")) << path;
  }
}

TEST_F(OwnDataSetTest, DescriptionsErrorsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"manifst: x\n", "unknown key \"manifst\"; did you mean \"manifest\"?"},
      {"signals: mat\n", "signals: expected wfdb or hdf5, found \"mat\""},
      {"signals: hdf5\n", "hdf5: expected a rate"},
      {"signals: hdf5\nhdf5: {rate: 0}\n", "hdf5: rate: expected a number above 0"},
      {"signals: hdf5\nhdf5: {rate: 5, ids: x}\n", "columns: expected an id"},
      {"labels: {classes: [a]}\n", "labels: expected a column"},
      {"labels: [a, a]\n", "labels: expected each text once"},
      {"- a\n", "expected a mapping"},
      {"a: [\n", "line"},
  };
  for (const auto& [text, expected] : cases) {
    folder_.Write("ecgtrain.yaml", text);
    const absl::Status status = ErrorOf({.type = "own", .path = folder_.path()});
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(expected)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("ecgtrain.yaml")) << text;
  }
}

}  // namespace
}  // namespace ecgtrain
