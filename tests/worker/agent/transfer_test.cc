// What goes between worker and coordinator in bulk: uploads, inputs; and packs, which come from beside.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include "common/json.h"
#include "common/sha256.h"
#include "proto/channel_settings.h"
#include "tests/worker/agent/agent_fixture.h"

namespace ecgtrain {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kChunks = 4;  // of the model file below

class TransferTest : public AgentFixture {
 protected:
  // An assignment that resumes from a checkpoint with these files.
  v1::Assignment Resuming(int64_t job, const std::map<std::string, std::string>& files) const {
    v1::Assignment assignment = MakeAssignment(job, "e");
    v1::Checkpoint& checkpoint = *assignment.mutable_resume();
    checkpoint.set_job_id(1);
    checkpoint.set_attempt(1);
    checkpoint.set_name("step-000000001");
    for (const auto& [name, content] : files) {
      v1::ArtifactFile& file = *checkpoint.add_files();
      file.set_name(name);
      file.set_size(content.size());
      file.set_sha256(Sha256Hex(content));
    }
    return assignment;
  }
  void Store(const std::string& content) {
    coordinator_.With([&](FakeState& state) { state.artifacts[Sha256Hex(content)] = content; });
  }
  // Tells the fake ecg-data of its next calls.
  void Tool(const std::string& file, const std::string& content) {
    std::ofstream(settings_.state_dir / "packs" / file) << content;
  }
  // Waits until the worker has advertised a pack of the data set with this source digest, and no other.
  bool WaitForSource(const std::string& dataset, const std::string& digest) {
    return coordinator_.WaitFor([&](const FakeState& state) {
      if (state.registrations.empty()) return false;
      for (const v1::WorkerDataset& held : state.registrations.back().datasets()) {
        if (held.name() == dataset) return held.packs_size() == 1 && held.packs(0).source_digest() == digest;
      }
      return false;
    });
  }
  int PackCalls() {
    const std::string calls = ReadAll(settings_.state_dir / "packs" / "calls");
    return static_cast<int>(std::count(calls.begin(), calls.end(), '\n'));
  }
};

class CutUploadTest : public TransferTest, public testing::WithParamInterface<int> {};

TEST_P(CutUploadTest, GoesOnWhereItWasCut) {
  coordinator_.CutUploads(GetParam(), 1);
  StartAgent();
  v1::Assignment assignment = MakeAssignment(1, "sce");
  (*assignment.mutable_spec()->mutable_labels())["size"] = std::to_string((kChunks - 1) * kChunkBytes + 1);
  coordinator_.Assign(assignment);
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).files.size(), 2);
  // Four chunks of the model and one of the manifest: none was sent twice.
  coordinator_.With([](FakeState& state) { EXPECT_EQ(state.chunks, kChunks + 1); });
}

INSTANTIATE_TEST_SUITE_P(AtEachChunk, CutUploadTest, testing::Range(0, kChunks + 1));

TEST_F(TransferTest, HeartbeatsGoOnWhileUploadsFail) {
  StartAgent();
  coordinator_.CutUploads(0, 1'000'000);
  coordinator_.Assign(MakeAssignment(1, "sce"));
  ASSERT_TRUE(WaitForState(1001, v1::HeldAttempt::SHIPPING));
  size_t beats = 0;
  coordinator_.With([&](FakeState& state) { beats = state.beats.size(); });
  ASSERT_TRUE(coordinator_.WaitFor([=](const FakeState& state) { return state.beats.size() > beats + 2; }));
  coordinator_.CutUploads(0, 0);
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).files.size(), 2);
}

TEST_F(TransferTest, AttemptEndsWithoutUploadsThatTakeTooLong) {
  settings_.upload_time = absl::Milliseconds(100);
  StartAgent();
  coordinator_.CutUploads(0, 1'000'000);
  coordinator_.Assign(MakeAssignment(1, "sce"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_TRUE(Attempt(1001).files.empty());
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
}

TEST_F(TransferTest, LogThatIsNotTakenHoldsUpNeitherEventsNorTheEnd) {
  settings_.upload_time = absl::Milliseconds(100);
  coordinator_.With([](FakeState& state) { state.takes_logs = false; });
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "se"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).log, "");
  EXPECT_FALSE(Attempt(1001).events.empty());
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
}

TEST_F(TransferTest, LogThatIsTakenLaterArrivesWhole) {
  coordinator_.With([](FakeState& state) { state.takes_logs = false; });
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "se"));
  ASSERT_TRUE(WaitForState(1001, v1::HeldAttempt::SHIPPING));
  coordinator_.With([](FakeState& state) { state.takes_logs = true; });
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).log, ReadAll(Directory(1) / "trainer.log"));
}

TEST_F(TransferTest, CheckpointThatRetentionHasRemovedIsNoObstacle) {
  StartAgent();
  coordinator_.FailNext("QueryUpload", std::vector<grpc::Status>(4, {grpc::StatusCode::UNAVAILABLE, "busy"}));
  coordinator_.Assign(MakeAssignment(1, "scRsce"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_GE(Attempt(1001).files.size(), 2);
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED);
}

TEST_F(TransferTest, InputsAreDownloadedAndGoOnAfterACut) {
  const std::string model(3 * kChunkBytes, 'm');
  const std::string manifest = "{}";
  Store(model);
  Store(manifest);
  coordinator_.CutReads(kChunkBytes + 7, 2);
  StartAgent();
  coordinator_.Assign(Resuming(2, {{"model.safetensors", model}, {"manifest.json", manifest}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::COMPLETED);
  EXPECT_EQ(ReadAll(Directory(2) / "inputs/resume/model.safetensors"), model);
  EXPECT_EQ(ReadAll(Directory(2) / "inputs/resume/manifest.json"), manifest);
  const auto spec = ParseJson(ReadAll(Directory(2) / "spec.json"), "spec");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ((*spec)["inputs"], nlohmann::json({{"resume", "inputs/resume"}}));
}

TEST_F(TransferTest, InputsThatAreHereAreLinkedAndNotDownloaded) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "sce"));
  ASSERT_TRUE(WaitForFinish(1001));
  const std::filesystem::path model = Directory(1) / "checkpoints/step-000000001/model.safetensors";
  coordinator_.Assign(Resuming(2, {{"model.safetensors", ReadAll(model)}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(std::filesystem::hard_link_count(model), 2);
  coordinator_.With([](FakeState& state) { EXPECT_EQ(state.read_calls, 0); });
}

TEST_F(TransferTest, LocalFileThatHasChangedIsDownloaded) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "sce"));
  ASSERT_TRUE(WaitForFinish(1001));
  const std::filesystem::path model = Directory(1) / "checkpoints/step-000000001/model.safetensors";
  const std::string content = ReadAll(model);
  Store(content);
  std::fstream(model, std::ios::in | std::ios::out).put('!');
  coordinator_.Assign(Resuming(2, {{"model.safetensors", content}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(ReadAll(Directory(2) / "inputs/resume/model.safetensors"), content);
}

TEST_F(TransferTest, InputThatIsLostEndsTheAttemptAsCorruptCheckpoint) {
  StartAgent();
  coordinator_.Assign(Resuming(2, {{"model.safetensors", "gone"}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::CHECKPOINT_CORRUPT);
}

TEST_F(TransferTest, InputWithAWrongDigestEndsTheAttemptAsCorruptCheckpoint) {
  coordinator_.With([](FakeState& state) { state.artifacts[Sha256Hex("good")] = "evil"; });
  StartAgent();
  coordinator_.Assign(Resuming(2, {{"model.safetensors", "good"}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::CHECKPOINT_CORRUPT);
  EXPECT_THAT(Attempt(1002).finish->message(), HasSubstr("another digest"));
}

TEST_F(TransferTest, InputNamesThatLeaveTheDirectoryAreRefused) {
  StartAgent();
  coordinator_.Assign(Resuming(2, {{"../../escape", "x"}}));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::START_FAILED);
}

TEST_F(TransferTest, ChangedRecordingsGetAPackOfTheirOwn) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e"));
  ASSERT_TRUE(WaitForFinish(1001));
  ASSERT_TRUE(WaitForSource("synthetic", std::string(64, 'a')));
  Tool("source", "cccc");
  coordinator_.Assign(MakeAssignment(2, "e"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(PackCalls(), 2);
  EXPECT_TRUE(WaitForSource("synthetic", "cccc" + std::string(60, 'a')));
}

TEST_F(TransferTest, ASuccessorAdvertisesThePacksThatAreThere) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e"));
  ASSERT_TRUE(WaitForFinish(1001));
  StopAgent();
  coordinator_.With([](FakeState& state) { state.registrations.clear(); });
  StartAgent();
  ASSERT_TRUE(WaitForSource("synthetic", std::string(64, 'a')));
  coordinator_.With([](FakeState& state) {
    const v1::DatasetPack& pack = state.registrations.at(0).datasets(0).packs(0);
    EXPECT_EQ(pack.records(), 10u);
    EXPECT_EQ(pack.rate(), 100u);
  });
  StopAgent();
  coordinator_.With([](FakeState& state) { state.registrations.clear(); });
  std::filesystem::remove(settings_.state_dir / "packs" / "synthetic-100.pack");
  StartAgent();
  ASSERT_TRUE(coordinator_.WaitFor([](const FakeState& state) { return !state.registrations.empty(); }));
  coordinator_.With(
      [](FakeState& state) { EXPECT_EQ(state.registrations.at(0).datasets(0).packs_size(), 0); });
}

TEST_F(TransferTest, ThePackOfLastTimeServesWhereTheRecordingsAreGone) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e"));
  ASSERT_TRUE(WaitForFinish(1001));
  Tool("exit", "3");
  coordinator_.Assign(MakeAssignment(2, "e"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::COMPLETED) << Attempt(1002).finish->message();
  // Not where they are damaged: what was right last time says nothing of today.
  Tool("exit", "4");
  coordinator_.Assign(MakeAssignment(3, "e"));
  ASSERT_TRUE(WaitForFinish(1003));
  EXPECT_EQ(Attempt(1003).finish->reason(), v1::DATA_CORRUPT);
}

TEST_F(TransferTest, AStateThatThisWorkerDoesNotHaveEndsTheAttemptAsMissingData) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e", "synthetic#aaaaaaaaaaaa"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::COMPLETED) << Attempt(1001).finish->message();
  coordinator_.Assign(MakeAssignment(2, "e", "synthetic#cccccccccccc"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::DATA_MISSING);
  EXPECT_EQ(Attempt(1002).finish->message(),
            "this worker has synthetic#aaaaaaaaaaaa, not the synthetic#cccccccccccc that the job asks for");
}

TEST_F(TransferTest, ThePackerIsToldHowTheDatasetIsPrepared) {
  settings_.datasets["lab"] = {.type = "own",
                               .path = "/lab",
                               .gain = 0.5,
                               .quarantine = {"missing", "flat_lead"},
                               .derive_leads = false,
                               .any_amplitude = true};
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e", "lab"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_THAT(
      ReadAll(settings_.state_dir / "packs" / "calls"),
      AllOf(HasSubstr("--type own --path /lab --gain 0.5"), HasSubstr("--quarantine missing,flat_lead"),
            HasSubstr("--no-derived-leads"), HasSubstr("--any-amplitude")));
  // Changed settings ask anew.
  StopAgent();
  settings_.datasets["lab"].quarantine.clear();
  StartAgent();
  coordinator_.Assign(MakeAssignment(2, "e", "lab"));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_THAT(ReadAll(settings_.state_dir / "packs" / "calls"), HasSubstr("--quarantine none"));
}

TEST_F(TransferTest, TwoAttemptsThatWantTheSamePackDoNotMakeItAtOnce) {
  StartAgent();
  v1::Assignment second = MakeAssignment(2, "e");
  second.set_devices(0, "cpu/1");
  coordinator_.Assign(MakeAssignment(1, "e"));
  coordinator_.Assign(second);
  ASSERT_TRUE(WaitForFinish(1001));
  ASSERT_TRUE(WaitForFinish(1002));
  for (const int token : {1001, 1002})  // a second call beside the first would have failed
    EXPECT_EQ(Attempt(token).finish->reason(), v1::COMPLETED) << Attempt(token).finish->message();
}

struct PackFailure {
  std::string path;
  v1::EndReason reason;
};

class PackFailureTest : public TransferTest, public testing::WithParamInterface<PackFailure> {};

TEST_P(PackFailureTest, ExitCodeOfThePackerIsTheReason) {
  settings_.datasets["set"] = {.type = "ptbxl", .path = GetParam().path};
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e", "set"));
  ASSERT_TRUE(WaitForFinish(1001));
  EXPECT_EQ(Attempt(1001).finish->reason(), GetParam().reason);
  EXPECT_THAT(Attempt(1001).log, HasSubstr("packing ptbxl"));
  EXPECT_TRUE(Attempt(1001).events.empty());
}

INSTANTIATE_TEST_SUITE_P(Codes, PackFailureTest,
                         testing::Values(PackFailure{"/data/exit-3", v1::DATA_MISSING},
                                         PackFailure{"/data/exit-4", v1::DATA_CORRUPT},
                                         PackFailure{"/data/exit-8", v1::DISK_FULL},
                                         PackFailure{"/data/exit-10", v1::START_FAILED}));

TEST_F(TransferTest, UnknownDatasetDeviceAndTrainerAreNamed) {
  StartAgent();
  coordinator_.Assign(MakeAssignment(1, "e", "cinc"));
  v1::Assignment elsewhere = MakeAssignment(2, "e");
  elsewhere.set_devices(0, "GPU-1");
  coordinator_.Assign(elsewhere);
  ASSERT_TRUE(WaitForFinish(1001));
  ASSERT_TRUE(WaitForFinish(1002));
  EXPECT_EQ(Attempt(1001).finish->reason(), v1::DATA_MISSING);
  EXPECT_THAT(Attempt(1001).finish->message(), HasSubstr("cinc"));
  EXPECT_EQ(Attempt(1002).finish->reason(), v1::START_FAILED);
  EXPECT_THAT(Attempt(1002).finish->message(), HasSubstr("GPU-1"));
  StopAgent();
  settings_.trainer = "/nonexistent/ecg-trainer";
  StartAgent();
  coordinator_.Assign(MakeAssignment(3, "e"));
  ASSERT_TRUE(WaitForFinish(1003));
  EXPECT_EQ(Attempt(1003).finish->reason(), v1::START_FAILED);
  EXPECT_THAT(Attempt(1003).finish->message(), HasSubstr("/nonexistent/ecg-trainer"));
}

}  // namespace
}  // namespace ecgtrain
