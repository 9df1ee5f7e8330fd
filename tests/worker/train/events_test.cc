#include "worker/train/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cmath>

#include "absl/strings/str_split.h"
#include "common/durable_file.h"
#include "tests/worker/train/fake_pack.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

class EventFileTest : public testing::Test {
 protected:
  std::unique_ptr<EventFile> Open() {
    auto events = EventFile::Open(folder_.path(), clock_);
    EXPECT_TRUE(events.ok()) << events.status();
    return events.ok() ? *std::move(events) : nullptr;
  }
  std::filesystem::path File() const { return folder_.path() / "events.jsonl"; }
  std::vector<Json> Lines() {
    std::vector<Json> lines;
    const std::string content = *ReadFile(File());
    for (const absl::string_view line : absl::StrSplit(content, '\n', absl::SkipEmpty())) {
      lines.push_back(Json::parse(line));
    }
    return lines;
  }

  TemporaryFolder folder_;
  FakeClock clock_;
};

TEST_F(EventFileTest, NumbersEventsAndGoesOnAfterReopening) {
  ASSERT_TRUE(Open()->Append("phase", {{"phase", "preparing"}}).ok());
  ASSERT_TRUE(Open()->Append("warning", {{"code", "X"}, {"message", "y"}}).ok());
  const std::vector<Json> lines = Lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["seq"], 1);
  EXPECT_EQ(lines[0]["time"], 1'800'000'000.0);
  EXPECT_EQ(lines[1]["seq"], 2);
  EXPECT_EQ(lines[1]["type"], "warning");
}

TEST_F(EventFileTest, CutsAnUnfinishedLastLine) {
  ASSERT_TRUE(Open()->Append("phase", {{"phase", "preparing"}}).ok());
  const std::string whole = *ReadFile(File());
  for (size_t size = 1; size < whole.size(); ++size) {
    ASSERT_TRUE(WriteFileDurably(File(), whole + whole.substr(0, size)).ok());
    ASSERT_TRUE(Open()->Append("phase", {{"phase", "training"}}).ok());
    const std::vector<Json> lines = Lines();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1]["seq"], 2);
  }
}

TEST_F(EventFileTest, RefusesAFileThatIsNotEvents) {
  ASSERT_TRUE(WriteFileDurably(File(), "hello\n").ok());
  EXPECT_EQ(EventFile::Open(folder_.path(), clock_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EventFileTest, RefusesAnEventOverTheLimit) {
  const auto events = Open();
  EXPECT_EQ(events->Append("warning", {{"message", std::string(65536, 'x')}}).code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(events->Append("phase", {{"phase", "training"}}).ok());
  EXPECT_EQ(Lines().at(0)["seq"], 1);
}

TEST_F(EventFileTest, KeepsEventsOfAFullDiskAndWritesThemLater) {
  const auto events = Open();
  ASSERT_TRUE(events->Append("phase", {{"phase", "preparing"}}).ok());
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit full = {std::filesystem::file_size(File()) + 10, limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_TRUE(events->Append("phase", {{"phase", "training"}}).ok());
  EXPECT_TRUE(events->Append("phase", {{"phase", "validating"}}).ok());
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_EQ(Lines().size(), 1u);
  ASSERT_TRUE(events->Append("phase", {{"phase", "finishing"}}).ok());
  const std::vector<Json> lines = Lines();
  ASSERT_EQ(lines.size(), 4u);
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i]["seq"], i + 1);
}

TEST(EventNumber, SpellsOutWhatJsonCannotHold) {
  EXPECT_EQ(EventNumber(0.5), 0.5);
  EXPECT_EQ(EventNumber(std::nan("")), "nan");
  EXPECT_EQ(EventNumber(-INFINITY), "-inf");
}

}  // namespace
}  // namespace ecgtrain
