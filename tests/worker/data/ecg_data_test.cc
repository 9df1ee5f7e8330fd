// Runs the program itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/json.h"
#include "tests/support/mini_ptbxl.h"
#include "tests/worker/data/test_folder.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code;
  std::string out;
  std::string error;
};

class EcgDataTest : public ::testing::Test {
 protected:
  // `before` stands in the shell's line before the program.
  Outcome Run(const std::string& arguments, const std::string& before = "") {
    const std::string error = (folder_.path() / "stderr").string();
    const std::string command = absl::StrCat(before, "'", std::getenv("ECGTRAIN_BIN_DIR"), "/ecg-data' ",
                                             arguments, " 2>'", error, "'");
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, got);
    return {WEXITSTATUS(pclose(pipe)), out, ReadFile(error).value_or("")};
  }

  std::string Cache() { return absl::StrCat(" --cache '", (folder_.path() / "cache").string(), "' "); }
  std::string Set() {
    return absl::StrCat(" --type ptbxl --path '", (folder_.path() / "set").string(), "' --rate 100 ");
  }

  // Exchanges the names of II and V2 in the header of a record of the set.
  void ContradictLimbLeads(int record) {
    const std::string name = absl::StrFormat("set/records100/00000/%05d_lr.hea", record);
    folder_.Write(name, absl::StrReplaceAll(folder_.Read(name), {{" II\n", " V2\n"}, {" V2\n", " II\n"}}));
  }

  TestFolder folder_;
};

TEST_F(EcgDataTest, PackPrintsThePathLastAndProgressOnStandardError) {
  const Outcome outcome = Run("pack --type synthetic --records 30 --rate 100" + Cache());
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("packed 30 of 30 records\n"));
  EXPECT_THAT(outcome.error, ::testing::Not(HasSubstr("\r")));
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n');
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(std::filesystem::exists(lines[0]));
}

TEST_F(EcgDataTest, PackPrintsOneJsonObject) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 4, .records500 = false}).ok());
  std::filesystem::remove(folder_.path() / "set/records100/00000/00002_lr.dat");
  const Outcome outcome = Run("pack --json" + Set() + Cache());
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const auto json = ParseJson(outcome.out, "output");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->at("records"), 3);
  EXPECT_EQ(json->at("skipped").at("file_missing"), 1);
  EXPECT_EQ(json->at("path"), absl::StrCat((folder_.path() / "cache/").string(),
                                           json->at("digest").get<std::string>(), ".pack"));
  EXPECT_EQ(json->at("source_digest").get<std::string>().size(), 64u);
  EXPECT_THAT(outcome.error, HasSubstr("left out 1 records: file_missing"));
}

TEST_F(EcgDataTest, InspectCountsFoldsAndClasses) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 12, .records500 = false}).ok());
  const Outcome packed = Run("pack" + Set() + Cache());
  ASSERT_EQ(packed.code, 0) << packed.error;
  const std::string path = packed.out.substr(0, packed.out.size() - 1);
  const Outcome text = Run("inspect " + path);
  EXPECT_EQ(text.code, 0) << text.error;
  EXPECT_THAT(text.out, HasSubstr("records        12 of 6 patients, 10.0 to 10.0 s"));
  EXPECT_THAT(text.out, HasSubstr("rhythm: 2 classes, 12 labelled records"));
  const auto json = ParseJson(Run("inspect --json " + path).out, "output");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->at("records_by_fold"), nlohmann::json({2, 2, 2, 2, 2, 2, 0, 0, 0, 0}));
  EXPECT_EQ(json->at("tasks").at(5).at("positives"), nlohmann::json({{"AFIB", 3}, {"SR", 9}}));
  EXPECT_EQ(json->at("tasks").at(4).at("labelled_records"), 6) << "records with NDT, LVOLT or PVC";
}

TEST_F(EcgDataTest, VerifyReadsAFileOrAFolder) {
  const Outcome packed = Run("pack --type synthetic --records 30 --rate 100" + Cache());
  const std::string path = packed.out.substr(0, packed.out.size() - 1);
  EXPECT_EQ(Run("verify " + path).out, path + ": ok\n");
  EXPECT_EQ(Run("verify " + (folder_.path() / "cache").string()).code, 0);
  std::string bytes = ReadFile(path, 1 << 30).value();
  bytes[5000] ^= 1;
  folder_.Write("cache/" + std::filesystem::path(path).filename().string(), bytes);
  const Outcome damaged = Run("verify " + (folder_.path() / "cache").string());
  EXPECT_EQ(damaged.code, 4);
  EXPECT_EQ(damaged.out, path + ": BAD\n");
  EXPECT_THAT(damaged.error, HasSubstr("synthetic-0"));
}

TEST_F(EcgDataTest, VerifyFindsEveryDamagedRecordingOfADataSet) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 6}).ok());
  const std::string set = (folder_.path() / "set").string();
  const Outcome whole = Run("verify " + set);
  EXPECT_EQ(whole.code, 0) << whole.error;
  EXPECT_EQ(whole.out, absl::StrCat(set, " at 100 samples a second: 6 records, 0 damaged\n", set,
                                    " at 500 samples a second: 6 records, 0 damaged\n"));
  ContradictLimbLeads(6);
  EXPECT_THAT(Run("verify " + set).out,
              HasSubstr("100 samples a second: 6 records, 0 damaged, 1 limb_leads_contradict\n"));
  for (const char* name : {"set/records100/00000/00002_lr.dat", "set/records100/00000/00005_lr.dat",
                           "set/records500/00000/00001_hr.dat"}) {
    std::string bytes = folder_.Read(name);
    bytes[77] ^= 4;
    folder_.Write(name, bytes);
  }
  const Outcome damaged = Run("verify " + set);
  EXPECT_EQ(damaged.code, 4);
  EXPECT_THAT(damaged.out, HasSubstr("100 samples a second: 6 records, 2 damaged, 1 "));
  EXPECT_THAT(damaged.out, HasSubstr("500 samples a second: 6 records, 1 damaged\n"));
  EXPECT_THAT(damaged.error, HasSubstr("00002_lr.dat, signal"));
  EXPECT_THAT(damaged.error, HasSubstr("00005_lr.dat, signal"));
  EXPECT_THAT(damaged.error, HasSubstr("00001_hr.dat, signal"));
}

TEST_F(EcgDataTest, PackCountsFlawsAndLeavesOutWhatIsInQuarantine) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 4, .records500 = false}).ok());
  for (const int record : {1, 2, 3}) ContradictLimbLeads(record);
  const Outcome flagged = Run("pack" + Set() + Cache());
  ASSERT_EQ(flagged.code, 0) << flagged.error;
  EXPECT_THAT(flagged.error, HasSubstr("flagged 3 records: limb_leads_contradict"));
  EXPECT_THAT(Run("inspect " + flagged.out.substr(0, flagged.out.size() - 1)).out,
              HasSubstr("flagged        3 records: limb_leads_contradict"));
  const Outcome one_left = Run("pack --quarantine limb_leads_contradict" + Set() + Cache());
  EXPECT_EQ(one_left.code, 0);
  EXPECT_THAT(one_left.error, HasSubstr("left out 3 records: limb_leads_contradict"));
  ContradictLimbLeads(4);
  const Outcome none_left = Run("pack --quarantine limb_leads_contradict" + Set() + Cache());
  EXPECT_EQ(none_left.code, 4);
  EXPECT_THAT(none_left.error, HasSubstr("none of the 4 records of ptbxl is usable"));
  const Outcome typo = Run("pack --quarantine clipt" + Set() + Cache());
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.error, HasSubstr("--quarantine: unknown flaw \"clipt\""));
}

TEST_F(EcgDataTest, ShowDrawsARecordOfFilesOrOfAPack) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 2, .records500 = false}).ok());
  const std::string record = (folder_.path() / "set/records100/00000/00002_lr").string();
  ContradictLimbLeads(2);
  const Outcome files = Run("show " + record);
  ASSERT_EQ(files.code, 0) << files.error;
  EXPECT_THAT(files.out, ::testing::StartsWith("00002_lr   0 to 10 s of 10 s at 100 samples a second\n"));
  EXPECT_EQ(Run("show --svg - " + record + ".hea").out.substr(0, 5), "<svg ");
  std::string pack = Run("pack" + Set() + Cache()).out;
  pack.pop_back();
  const Outcome packed = Run("show 2 --columns 60 --from 4 --pack " + pack);
  ASSERT_EQ(packed.code, 0) << packed.error;
  EXPECT_THAT(packed.out, HasSubstr("ptbxl 2 (limb_leads_contradict)   4 to 10 s"));
  EXPECT_EQ(Run("show 7 --pack " + pack).code, 3);
  EXPECT_EQ(Run("show --from 10 " + record).code, 2);
  EXPECT_EQ(Run("show " + (folder_.path() / "absent").string()).code, 3);
}

TEST_F(EcgDataTest, ShowWritesPngAndSvgWhereItIsTold) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 1, .records500 = false}).ok());
  const std::string show = "show " + (folder_.path() / "set/records100/00000/00001_lr").string();
  const std::string png = (folder_.path() / "strip.png").string();
  const std::string svg = (folder_.path() / "strip.svg").string();
  const Outcome both = Run(absl::StrCat(show, " --png ", png, " --svg ", svg));
  ASSERT_EQ(both.code, 0) << both.error;
  EXPECT_EQ(both.out, "");
  EXPECT_EQ(folder_.Read("strip.svg"), Run(show + " --svg -").out);
  EXPECT_EQ(folder_.Read("strip.png"), Run(show + " --png -").out) << "the same in another process";
  EXPECT_THAT(folder_.Read("strip.png"), HasSubstr(std::string("pHYs\0\0\x2e\x23", 8))) << "300 dpi";
  const Outcome mixed = Run(absl::StrCat(show, " --dpi 72 --svg ", svg, " --png -"));
  ASSERT_EQ(mixed.code, 0) << mixed.error;
  EXPECT_THAT(mixed.out, HasSubstr(std::string("pHYs\0\0\x0b\x13", 8)));
}

TEST_F(EcgDataTest, ShowRefusesOptionsThatDoNotFitBeforeItReadsAnything) {
  for (const char* options : {"--png x --dpi 71", "--png x --dpi 601", "--dpi 300", "--png - --svg -",
                              "--png x --svg x", "--png x --dpi x"}) {
    EXPECT_EQ(Run(absl::StrCat("show absent ", options)).code, 2) << options;
  }
  EXPECT_THAT(Run("show absent --png - --svg -").error,
              HasSubstr("expected two places, found \"-\" for both"));
}

TEST_F(EcgDataTest, ShowSaysWhyAPngCannotBeWrittenAndLeavesNothing) {
  ASSERT_TRUE(testing::WriteMiniPtbxl(folder_.path() / "set", {.records = 1, .records500 = false}).ok());
  const std::string show = "show " + (folder_.path() / "set/records100/00000/00001_lr").string();
  const Outcome absent = Run(absl::StrCat(show, " --png ", (folder_.path() / "absent/strip.png").string()));
  EXPECT_EQ(absent.code, 3);
  EXPECT_THAT(absent.error, HasSubstr("absent"));
  folder_.Write("out/strip.png", "what was there");
  const std::string out = (folder_.path() / "out/strip.png").string();
  // A file may have 8 KiB here, which stands for a disk that is full.
  const Outcome full = Run(absl::StrCat(show, " --png ", out), "trap '' XFSZ; ulimit -f 8; ");
  EXPECT_EQ(full.code, 8) << full.error;
  EXPECT_EQ(folder_.Read("out/strip.png"), "what was there");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path() / "out"),
                          std::filesystem::directory_iterator()),
            1);
  EXPECT_EQ(Run(show + " --png - > /dev/full").code, 10);
}

TEST_F(EcgDataTest, ExitCodesTellTheKindOfError) {
  EXPECT_EQ(Run("").code, 2);
  EXPECT_EQ(Run("unpack").code, 2);
  EXPECT_EQ(Run("pack").code, 2);
  EXPECT_EQ(Run("pack --type nothing" + Cache()).code, 2);
  EXPECT_EQ(Run("pack --type synthetic --rate 99" + Cache()).code, 2);
  EXPECT_EQ(Run("pack" + Set() + Cache()).code, 3);
  EXPECT_EQ(Run("inspect " + (folder_.path() / "absent").string()).code, 3);
  EXPECT_EQ(Run("verify " + folder_.path().string()).code, 3) << "a folder without packs";
  folder_.Write("x.pack", std::string(300, 'x'));
  EXPECT_EQ(Run("inspect " + (folder_.path() / "x.pack").string()).code, 4);
  EXPECT_EQ(Run("--help").code, 0);
  EXPECT_EQ(Run("--version").code, 0);
}

TEST_F(EcgDataTest, ErrorsAreOneLine) {
  const Outcome outcome = Run("pack" + Set() + Cache());
  EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  EXPECT_THAT(outcome.error, ::testing::StartsWith("ecg-data: cannot open folder"));
  const Outcome usage = Run("pack --typo");
  EXPECT_EQ(std::count(usage.error.begin(), usage.error.end(), '\n'), 1) << usage.error;
}

}  // namespace
}  // namespace ecgtrain
