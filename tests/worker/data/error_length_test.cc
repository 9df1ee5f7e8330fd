// Errors are lines in logs, in the journal of a job and on a terminal: none may be as long as what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/csv.h"
#include "worker/data/data_set.h"
#include "worker/data/diagnosis_codes.h"
#include "worker/data/leads.h"
#include "worker/data/own_description.h"
#include "worker/data/ptbxl_labels.h"
#include "worker/data/python_dict.h"
#include "worker/data/quality.h"
#include "worker/data/source_folder.h"
#include "worker/data/table_cells.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What everything below holds where something else belongs; an error may show its beginning, escaped.
std::string Megabyte() { return "wrong\x1b[31m" + std::string(1 << 20, 'o'); }

void ExpectShort(const absl::Status& status, const std::string& what) {
  EXPECT_FALSE(status.ok()) << what;
  EXPECT_LT(status.message().size(), 1000u) << what;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"wrong\\x1b[31mooo"), HasSubstr("...\""), Not(HasSubstr("\x1b"))))
      << what;
}

CsvTable Table(const std::string& text) { return *CsvTable::Parse(text, "t.csv"); }

TEST(ErrorLengthTest, CellsAndColumnsOfTablesAreCut) {
  const std::string wrong = Megabyte();
  const CsvTable table = Table(absl::StrCat("a,", wrong, "\n", wrong, ",1\n"));
  ExpectShort(ReadWhole(table, 0, "a", 0, 1).status(), "whole number");
  ExpectShort(ReadFlag(table, 0, "a").status(), "flag");
  ExpectShort(table.Column(wrong + "y").status(), "absent column");
  EXPECT_LT(ReadFlag(Table(wrong + "\nx\n"), 0, wrong).status().message().size(), 1000u) << "its column";
  EXPECT_LT(table.Column("b").status().message().size(), 1000u) << "the columns that are there";
  ExpectShort(CsvTable::Parse(absl::StrCat(wrong, ",", wrong, "\n"), "t.csv").status(), "doubled column");
}

TEST(ErrorLengthTest, FieldsOfHeadersAreCut) {
  const std::string wrong = Megabyte();
  for (const std::string& header :
       {absl::StrCat("r ", wrong), absl::StrCat("r/", wrong, " 1"), absl::StrCat("r 1 ", wrong),
        absl::StrCat("r 1 100 10\nf ", wrong), absl::StrCat("r 1 100 10\nf 16 ", wrong),
        absl::StrCat("r 1 100 10\nf 16 1(", wrong, ")")}) {
    ExpectShort(ParseWfdbHeader(header, "r.hea").status(), header.substr(0, 30));
  }
  ExpectShort(ReadDiagnoses({absl::StrCat("Dx: ", wrong)}, "r.hea").status(), "diagnosis");
  ExpectShort(FindLeads({wrong}, "r.hea").status(), "lead");
}

TEST(ErrorLengthTest, CodesOfStatementsAreCut) {
  const std::string wrong = Megabyte();
  ExpectShort(ParsePythonDict(absl::StrCat("{'", wrong, "': 1, '", wrong, "': 2}")).status(), "key");
  const std::string columns = ",diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass\n";
  const auto labels = PtbxlLabels::Make(Table(columns + "SR,,,1.0,,\n"));
  ASSERT_TRUE(labels.ok()) << labels.status();
  ExpectShort(labels->Read(absl::StrCat("{'", wrong, "': 1}")).status(), "code");
  const std::string row = absl::StrCat(wrong, ",,,1.0,,\n");
  ExpectShort(PtbxlLabels::Make(Table(absl::StrCat(columns, row, row))).status(), "doubled statement");
}

TEST(ErrorLengthTest, NamesAndKeysAreCut) {
  const std::string wrong = Megabyte();
  ExpectShort(ParseFlaws(wrong).status(), "flaw");
  ExpectShort(OpenDataSet({.type = wrong}).status(), "type");
  const std::string key(1 << 20, 'k');
  EXPECT_LT(ParseOwnDescription(absl::StrCat("? ", key, "\n: 1\n"), "d.yaml").status().message().size(),
            1000u);
  EXPECT_LT(ParseOwnDescription(absl::StrCat("a: *", key), "d.yaml").status().message().size(), 1000u);
  const TestFolder folder;
  const auto source = SourceFolder::Open(folder.path());
  ASSERT_TRUE(source.ok()) << source.status();
  const absl::Status status = source->Read(wrong).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  ExpectShort(status, "file name");
  ExpectShort(source->Read(absl::StrCat(wrong, "/..")).status(), "file name with a part too many");
}

}  // namespace
}  // namespace ecgtrain
