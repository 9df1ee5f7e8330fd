#include "worker/data/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view text) {
  const absl::Status status = CsvTable::Parse(text, "t.csv").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
  return std::string(status.message());
}

TEST(CsvTest, CellsAreFoundByColumnName) {
  const auto table = CsvTable::Parse("a,b,c\n1,2,3\n4,,6\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->rows(), 2u);
  EXPECT_EQ(table->cell(0, *table->Column("b")), "2");
  EXPECT_EQ(table->cell(1, *table->Column("b")), "");
  EXPECT_EQ(table->cell(1, *table->Column("c")), "6");
}

TEST(CsvTest, QuotedFieldsKeepCommasQuotesAndNewlines) {
  const auto table = CsvTable::Parse("id,text\n1,\"a, \"\"b\"\"\r\nc\"\n2,\"\"\n3,d\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->cell(0, 1), "a, \"b\"\r\nc");
  EXPECT_EQ(table->cell(1, 1), "");
  EXPECT_EQ(table->cell(2, 1), "d");
  EXPECT_EQ(table->Where(0), "t.csv line 2");
  EXPECT_EQ(table->Where(2), "t.csv line 5") << "a newline in quotes counts as a line of the file";
}

TEST(CsvTest, ByteOrderMarkCarriageReturnsAndMissingLastNewlineAreAccepted) {
  const auto table = CsvTable::Parse("\xef\xbb\xbfid,x\r\n1,2\r\n3,4", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows(), 2u);
  EXPECT_EQ(table->cell(1, *table->Column("id")), "3");
  EXPECT_EQ(table->cell(1, *table->Column("x")), "4");
}

TEST(CsvTest, EmptyLinesAtTheEndAreLeftOut) {
  const auto table = CsvTable::Parse("id,x\n1,2\n\r\n\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows(), 1u);
}

TEST(CsvTest, HeaderAloneIsATableWithoutRows) {
  const auto table = CsvTable::Parse("id,x", "t.csv");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->rows(), 0u);
}

TEST(CsvTest, ColumnWithoutNameIsFound) {
  const auto table = CsvTable::Parse(",description\nNORM,normal\n", "t.csv");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->cell(0, *table->Column("")), "NORM");
}

TEST(CsvTest, UnknownColumnNamesANearOne) {
  const auto table = CsvTable::Parse("patient_id,x\n", "t.csv");
  ASSERT_TRUE(table.ok());
  const absl::Status status = table->Column("patientid").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("did you mean \"patient_id\"?"));
}

TEST(CsvTest, RaggedRowsNameTheLine) {
  EXPECT_THAT(ErrorOf("a,b\n1,2\n3\n"), HasSubstr("t.csv line 3 has 1 fields; the header has 2"));
  EXPECT_THAT(ErrorOf("a,b\n1,2,3\n"), HasSubstr("t.csv line 2 has 3 fields"));
  EXPECT_THAT(ErrorOf("a,b\n1,2\n\n3,4\n"), HasSubstr("line 3 has 1 fields"));
}

TEST(CsvTest, MalformedQuotesAreRefused) {
  EXPECT_THAT(ErrorOf("a,b\n1,\"never closed\n2,3\n"),
              HasSubstr("line 2 opens a quote that is never closed"));
  EXPECT_THAT(ErrorOf("a,b\n1,x\"y\n"), HasSubstr("line 2 has a quote inside an unquoted field"));
  EXPECT_THAT(ErrorOf("a,b\n1,\"x\"y\n"), HasSubstr("line 2 has text after a closing quote"));
}

TEST(CsvTest, LoneCarriageReturnIsRefused) {
  EXPECT_THAT(ErrorOf("a,b\r1,2\r"), HasSubstr("carriage return without a newline"));
}

TEST(CsvTest, DoubledColumnIsRefused) {
  EXPECT_THAT(ErrorOf("a,b,a\n"), HasSubstr("names the column \"a\" twice"));
}

TEST(CsvTest, EmptyTextIsRefused) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("\xef\xbb\xbf\r\n\n"), HasSubstr("empty"));
}

TEST(CsvTest, NulBytesAreData) {
  const std::string text("a,b\n\0,2\n", 8);
  const auto table = CsvTable::Parse(text, "t.csv");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->cell(0, 0), absl::string_view("\0", 1));
}

}  // namespace
}  // namespace ecgtrain
