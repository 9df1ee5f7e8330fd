#include "worker/agent/event_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/temporary_folder.h"
#include "worker/agent/event_parser.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

constexpr char kDigest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string Warning(int seq) {
  return absl::StrCat(R"({"seq":)", seq, R"(,"time":)", 100 + seq,
                      R"(,"type":"warning","code":"C","message":"m"})");
}

class EventReaderTest : public testing::Test {
 protected:
  void Append(const std::string& text) { std::ofstream(path_, std::ios::app | std::ios::binary) << text; }
  std::vector<v1::TrainerEvent> ReadAll() {
    std::vector<v1::TrainerEvent> events;
    while (true) {
      auto event = reader_.Next();
      EXPECT_TRUE(event.ok()) << event.status();
      if (!event.ok() || !event->has_value()) return events;
      events.push_back(**std::move(event));
    }
  }
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "events.jsonl";
  EventReader reader_{path_};
};

TEST_F(EventReaderTest, MissingFileHasNoEventsYet) {
  EXPECT_TRUE(ReadAll().empty());
  Append(Warning(1) + "\n");
  EXPECT_EQ(ReadAll().size(), 1);
}

TEST_F(EventReaderTest, LineWithoutItsNewlineIsNotThereYet) {
  const std::string line = Warning(1) + "\n";
  for (const char byte : line.substr(0, line.size() - 1)) {
    Append(std::string(1, byte));
    ASSERT_TRUE(ReadAll().empty());
  }
  Append("\n");
  EXPECT_EQ(ReadAll().size(), 1);
}

TEST_F(EventReaderTest, BadLinesBecomeWarningsInTheirPlace) {
  Append(Warning(1) + "\n\n\xff\xfe\n[1]\n{\"seq\":5}\n" + Warning(6) + "\n");
  const std::vector<v1::TrainerEvent> events = ReadAll();
  ASSERT_EQ(events.size(), 6);
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].seq(), i + 1);
  for (size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(events[i].warning().code(), "BAD_EVENT");
    EXPECT_THAT(events[i].warning().message(), HasSubstr(absl::StrCat("line ", i + 1, " ")));
    EXPECT_EQ(events[i].time(), 101);  // of the last good one
  }
  EXPECT_EQ(events[5].warning().code(), "C");
}

TEST_F(EventReaderTest, OverlongLineIsRefusedWithoutBeingKept) {
  Append(std::string(1 << 20, 'x'));
  EXPECT_TRUE(ReadAll().empty());
  Append("\n" + Warning(2) + "\n");
  const std::vector<v1::TrainerEvent> events = ReadAll();
  ASSERT_EQ(events.size(), 2);
  EXPECT_THAT(events[0].warning().message(), HasSubstr("long"));
  EXPECT_EQ(events[1].warning().code(), "C");
}

TEST_F(EventReaderTest, RepeatedNumberIsNoSecondEvent) {
  Append(Warning(1) + "\n" + Warning(2) + "\n" + Warning(2) + "\n" + Warning(3) + "\n");
  const std::vector<v1::TrainerEvent> events = ReadAll();
  ASSERT_EQ(events.size(), 4);
  EXPECT_EQ(events[2].warning().code(), "BAD_EVENT");
  EXPECT_EQ(events[3].warning().code(), "C");
}

TEST_F(EventReaderTest, RewindReadsTheSameAgain) {
  Append(Warning(1) + "\nbad\n" + Warning(3) + "\n");
  const std::vector<v1::TrainerEvent> first = ReadAll();
  reader_.Rewind();
  const std::vector<v1::TrainerEvent> second = ReadAll();
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i)
    EXPECT_EQ(first[i].SerializeAsString(), second[i].SerializeAsString());
}

TEST(EventParserTest, EachTypeOfTheContractIsUnderstood) {
  const auto phase = ParseEventLine(
      R"({"seq":1,"time":1.5,"type":"phase","phase":"training","resumed_step":3,"device":"cpu","precision":"fp32","threads":2,
          "parameters":1000,"records":{"train":10,"validation":2,"test":0}})");
  ASSERT_TRUE(phase.ok()) << phase.status();
  EXPECT_EQ(phase->phase().resumed_step(), 3);
  EXPECT_EQ(phase->phase().environment().at("records.validation"), "2");
  EXPECT_EQ(phase->phase().environment().at("precision"), "fp32");
  const auto metrics = ParseEventLine(
      R"({"seq":2,"time":2,"type":"metrics","step":4,"epoch":1,"values":{"a":1,"b":"nan","c":"-inf","d":"inf"}})");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_TRUE(std::isnan(metrics->metrics().values().at("b")));
  EXPECT_EQ(metrics->metrics().values().at("c"), -INFINITY);
  const auto checkpoint = ParseEventLine(absl::StrCat(
      R"({"seq":3,"time":3,"type":"checkpoint","name":"step-000000004","step":4,"epoch":1,"best":false,
          "files":[{"name":"model.safetensors","size":5,"sha256":")",
      kDigest, R"("}]})"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->checkpoint().files(0).size(), 5);
  EXPECT_EQ(checkpoint->checkpoint().metric_name(), "");
  const auto removed =
      ParseEventLine(R"({"seq":4,"time":3,"type":"checkpoint_removed","name":"step-000000004"})");
  EXPECT_TRUE(removed.ok()) << removed.status();
  const auto artifact = ParseEventLine(absl::StrCat(
      R"({"seq":5,"time":3,"type":"artifact","path":"artifacts/scores.json","kind":"scores","size":1,"sha256":")",
      kDigest, R"("})"));
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->artifact().path(), "scores.json");
  EXPECT_EQ(artifact->artifact().file().name(), "scores.json");
  const auto result = ParseEventLine(
      R"({"seq":6,"time":3,"type":"result","values":{"test/loss":0.5},"classes_scored":4,"classes_left_out":["A","B"],"records":9})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->result().values().at("classes_left_out"), 2);
  EXPECT_EQ(result->result().values().at("records"), 9);
  const auto error =
      ParseEventLine(R"({"seq":7,"time":3,"type":"error","reason":"NON_FINITE","message":"loss"})");
  EXPECT_TRUE(error.ok()) << error.status();
}

TEST(EventParserTest, WrongMembersAreNamed) {
  const auto problem = [](const std::string& rest) {
    return std::string(ParseEventLine(R"({"seq":1,"time":1,)" + rest + "}").status().message());
  };
  EXPECT_THAT(problem(R"("type":"metric")"), HasSubstr(R"(did you mean "metrics"?)"));
  EXPECT_THAT(problem(R"("type":"metrics","step":-1,"epoch":1,"values":{})"), HasSubstr("\"step\""));
  EXPECT_THAT(problem(R"("type":"metrics","step":1,"epoch":5000000000,"values":{})"), HasSubstr("\"epoch\""));
  EXPECT_THAT(problem(R"("type":"metrics","step":1,"epoch":1,"values":{"loss":"NaN"})"),
              HasSubstr("\"nan\""));
  EXPECT_THAT(problem(R"("type":"phase","phase":"sleeping")"), HasSubstr("unknown phase"));
  EXPECT_THAT(problem(R"("type":"warning","code":1,"message":"m")"), HasSubstr("\"code\" is not a string"));
  EXPECT_THAT(problem(R"("type":"checkpoint_removed","name":"../..")"), HasSubstr("no checkpoint"));
}

TEST(EventParserTest, PathsThatLeaveTheDirectoryAreRefused) {
  for (const char* path : {"../model", "/etc/passwd", "artifacts/../../x", ".hidden", "a//b", ""}) {
    const auto event =
        ParseEventLine(absl::StrCat(R"({"seq":1,"time":1,"type":"artifact","path":")", path,
                                    R"(","kind":"scores","size":1,"sha256":")", kDigest, R"("})"));
    EXPECT_EQ(event.status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

}  // namespace
}  // namespace ecgtrain
