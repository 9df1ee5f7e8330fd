#include "client/cli/output.h"

#include <gtest/gtest.h>

#include <sstream>

#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {
namespace {

Table Sample() {
  Table table;
  table.columns = {{"JOB"}, {"SIZE", false, true}, {"USER", true}, {"WHY"}};
  table.rows = {{"job/1", {"1.0 KiB", "1024"}, "ada", "it said \"no\", twice"},
                {"job/12", {"5 B", "5"}, "bob", "line\nbreak"}};
  return table;
}

TEST(OutputTest, TableIsAlignedAndHasNoTrailingBlanks) {
  EXPECT_EQ(RenderTable(Sample(), /*wide=*/false, /*headers=*/true),
            "JOB        SIZE  WHY\n"
            "job/1   1.0 KiB  it said \"no\", twice\n"
            "job/12      5 B  line\\x0abreak\n");
}

TEST(OutputTest, WideTableHasAllColumns) {
  EXPECT_EQ(RenderTable(Sample(), /*wide=*/true, /*headers=*/false),
            "job/1   1.0 KiB  ada  it said \"no\", twice\n"
            "job/12      5 B  bob  line\\x0abreak\n");
}

TEST(OutputTest, CsvQuotesWhatWouldBreakIt) {
  EXPECT_EQ(RenderCsv(Sample(), /*headers=*/true),
            "job,size,user,why\n"
            "job/1,1024,ada,\"it said \"\"no\"\", twice\"\n"
            "job/12,5,bob,\"line\nbreak\"\n");
}

TEST(OutputTest, JsonHasProtoNamesAndTextForLongNumbers) {
  v1::Job job;
  job.set_id(42);
  job.set_state(v1::RUNNING);
  job.set_user_retries(2);
  EXPECT_EQ(RenderJson(job, /*one_line=*/true), "{\"id\":\"42\",\"state\":\"RUNNING\",\"user_retries\":2}\n");
}

TEST(OutputTest, HeadersOfAStreamArePrintedOnce) {
  std::ostringstream out;
  Output output(out, {.format = OutputFormat::kCsv});
  Table table;
  table.columns = {{"A"}};
  table.rows = {{"1"}};
  output.PrintTable(table);
  output.PrintTable(table);
  EXPECT_EQ(out.str(), "a\n1\n1\n");
}

TEST(OutputTest, QuietLeavesTheReferences) {
  std::ostringstream out;
  Output output(out, {.format = OutputFormat::kJson, .quiet = true});
  const std::vector<v1::Job> none;
  output.Print(v1::Job(), none, Sample());
  EXPECT_EQ(out.str(), "job/1\njob/12\n");
}

}  // namespace
}  // namespace ecgtrain
