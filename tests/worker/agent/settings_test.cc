#include "worker/agent/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  absl::Status Read(const std::string& yaml) {
    std::ofstream(folder_.path() / "worker.yaml") << yaml;
    return ReadConfig(folder_.path() / "worker.yaml", settings_);
  }
  // What Complete needs.
  void FillIn() {
    settings_.server = "host:7443";
    settings_.name = "w";
    settings_.state_dir = folder_.path();
    settings_.threads = 4;
    settings_.trainer = "/bin/true";
    settings_.data_tool = "/bin/true";
  }
  TemporaryFolder folder_;
  AgentSettings settings_;
};

TEST_F(SettingsTest, ConfigIsRead) {
  ASSERT_TRUE(
      Read("server: gpu-lab:7443\nname: host-a\ncpu_slots: 2\nexit_when_idle: 10m\nkeep_finished: 1h\n"
           "datasets:\n  ptbxl: {type: ptbxl, path: /data/ptbxl}\n  mv: {type: code15, path: /data/c, gain: "
           "1}\n"
           "  small: {type: synthetic, records: 50, "
           "seed: 3}\n")
          .ok());
  EXPECT_EQ(settings_.server, "gpu-lab:7443");
  EXPECT_EQ(settings_.cpu_slots, 2);
  EXPECT_EQ(settings_.exit_when_idle, absl::Minutes(10));
  EXPECT_EQ(settings_.keep_finished, absl::Hours(1));
  EXPECT_EQ(settings_.datasets.at("ptbxl").path, "/data/ptbxl");
  EXPECT_EQ(settings_.datasets.at("mv").type, "code15");
  EXPECT_EQ(settings_.datasets.at("mv").gain, 1);
  EXPECT_EQ(settings_.datasets.at("small").records, 50);
  EXPECT_EQ(settings_.datasets.at("synthetic").records, 600);
}

TEST_F(SettingsTest, HowADatasetIsPreparedIsRead) {
  ASSERT_TRUE(
      Read("datasets:\n  lab: {type: own, path: /lab, quarantine: [missing, flat_lead], derive_leads: "
           "false, any_amplitude: true, gain: 0.5}\n  all: {type: own, path: /all, quarantine: []}\n")
          .ok());
  const DatasetSettings& lab = settings_.datasets.at("lab");
  EXPECT_EQ(lab.quarantine, (std::vector<std::string>{"missing", "flat_lead"}));
  EXPECT_FALSE(lab.derive_leads);
  EXPECT_TRUE(lab.any_amplitude);
  EXPECT_EQ(lab.gain, 0.5);
  EXPECT_TRUE(settings_.datasets.at("all").quarantine.empty());
  EXPECT_TRUE(settings_.datasets.at("all").derive_leads);
}

TEST_F(SettingsTest, VersionAndLicenceAreStatedOrKnown) {
  ASSERT_TRUE(Read("datasets:\n  stated: {type: own, path: /lab, version: '7', licence: in-house}\n"
                   "  official: {type: ptbxl, path: /data/ptb-xl-1.0.3}\n"
                   "  nested: {type: challenge, path: /data/challenge-2021/1.0.3/}\n"
                   "  unknown: {type: cpsc2018, path: /data/cpsc-2018}\n")
                  .ok());
  FillIn();
  ASSERT_TRUE(CompleteSettings(settings_).ok());
  const auto stated = [this](const std::string& name) {
    const DatasetSettings& dataset = settings_.datasets.at(name);
    return dataset.version + " " + dataset.licence;
  };
  EXPECT_EQ(stated("stated"), "7 in-house");
  EXPECT_EQ(stated("official"), "1.0.3 CC-BY-4.0");
  EXPECT_EQ(stated("nested"), "1.0.3 CC-BY-4.0");
  EXPECT_EQ(stated("unknown"), " ");
  settings_.datasets["stated"].version = "a b";
  EXPECT_THAT(CompleteSettings(settings_).message(), HasSubstr("data set stated: version \"a b\""));
}

TEST_F(SettingsTest, UnknownKeyIsRefusedWithTheNearestName) {
  const absl::Status status = Read("server: a:1\ncpu_slot: 2\n");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("worker.yaml"), HasSubstr("cpu_slot"), HasSubstr("\"cpu_slots\"")));
}

TEST_F(SettingsTest, ProblemWithinADatasetSaysWhere) {
  EXPECT_THAT(Read("datasets: {ptbxl: {typ: ptbxl}}").message(),
              HasSubstr("datasets: ptbxl: unknown key \"typ\""));
}

TEST_F(SettingsTest, BadYamlIsAnErrorAndNoCrash) {
  for (const char* yaml : {"{", "- a", "server: [1, 2]", "cpu_slots: many", "cpu_slots: -1",
                           "server: a\nserver: b", "exit_when_idle: 10", "datasets: 3", "? {a: b}\n: 1"}) {
    AgentSettings settings;
    std::ofstream(folder_.path() / "worker.yaml") << yaml;
    EXPECT_EQ(ReadConfig(folder_.path() / "worker.yaml", settings).code(), absl::StatusCode::kInvalidArgument)
        << yaml;
  }
}

TEST_F(SettingsTest, DatasetFlagIsTaken) {
  ASSERT_TRUE(AddDataset("ptbxl=ptbxl:/data/with:colon", settings_).ok());
  EXPECT_EQ(settings_.datasets.at("ptbxl").path, "/data/with:colon");
  ASSERT_TRUE(AddDataset("toy=synthetic", settings_).ok());
  EXPECT_EQ(AddDataset("ptbxl", settings_).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SettingsTest, DefaultsOfTheHostAreFilledIn) {
  FillIn();
  settings_.threads = 0;
  settings_.name = "";
  ASSERT_TRUE(CompleteSettings(settings_).ok());
  EXPECT_GT(settings_.threads, 0);
  EXPECT_FALSE(settings_.name.empty());
}

TEST_F(SettingsTest, WhatCannotWorkIsRefused) {
  const auto problem = [this](const std::function<void(AgentSettings&)>& change) {
    FillIn();
    AgentSettings settings = settings_;
    change(settings);
    const absl::Status status = CompleteSettings(settings);
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  EXPECT_THAT(problem([](auto& s) { s.server = ""; }), HasSubstr("--server"));
  EXPECT_THAT(problem([](auto& s) { s.state_dir = ""; }), HasSubstr("--state-dir"));
  EXPECT_THAT(problem([](auto& s) { s.name = "a/b"; }), HasSubstr("a/b"));
  EXPECT_THAT(problem([](auto& s) { s.cpu_slots = 5; }), HasSubstr("4 threads"));
  EXPECT_THAT(problem([](auto& s) { s.trainer = "/nonexistent/ecg-trainer"; }),
              HasSubstr("/nonexistent/ecg-trainer"));
  EXPECT_THAT(problem([](auto& s) { s.datasets["p"] = {.type = "ptb"}; }),
              HasSubstr("did you mean \"ptbxl\""));
  EXPECT_THAT(problem([](auto& s) { s.datasets["p"] = {.type = "ptbxl"}; }), HasSubstr("no path"));
  EXPECT_THAT(
      problem([](auto& s) { s.datasets["p"] = {.type = "own", .path = "/p", .quarantine = {"flat lead"}}; }),
      HasSubstr("\"flat lead\" is no flaw"));
  EXPECT_THAT(problem([](auto& s) { s.datasets["../p"] = {.type = "synthetic"}; }), HasSubstr("../p"));
}

}  // namespace
}  // namespace ecgtrain
