#include <gmock/gmock.h>

#include "tests/client/cli/cli_fixture.h"

namespace ecgtrain {
namespace {

using ::testing::HasSubstr;

class CliQueryTest : public CliFixture {
 protected:
  CliQueryTest() {
    v1::Job running = MakeJob(42, "pre", v1::RUNNING);
    running.set_kind("pretrain");
    running.set_dataset("ptbxl");
    running.set_user("ada");
    running.set_priority("normal");
    running.set_attempts(1);
    running.set_worker("gpu-1");
    *running.mutable_submitted() = Before(absl::Seconds(200));
    running.mutable_progress()->set_step(1);
    running.mutable_progress()->set_total_steps(4);
    running.mutable_progress()->set_epoch(1);
    running.mutable_progress()->set_epochs(2);
    (*running.mutable_metrics())["train/loss"] = 0.5;
    v1::Job queued = MakeJob(43, "fine", v1::QUEUED);
    queued.set_kind("finetune");
    queued.set_dataset("ptbxl");
    queued.mutable_pending()->set_reason(v1::DEPENDENCY);
    queued.mutable_pending()->set_explanation("waits for job/42");
    queued.mutable_pending()->set_position(2);
    *queued.mutable_submitted() = Before(absl::Seconds(100));
    state_.jobs = {running, queued};
    v1::Attempt attempt;
    attempt.set_job_id(42);
    attempt.set_number(1);
    attempt.set_state(v1::ATTEMPT_RUNNING);
    attempt.set_worker("gpu-1");
    state_.attempts[42] = {attempt};
  }

  FakeState state_;
};

TEST_F(CliQueryTest, ListIsATableForPeople) {
  Serve(state_);
  const CliResult result = Run({"job", "list"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(
      result.out,
      "JOB     NAME  KIND      DATASET  STATE    PROGRESS         SUBMITTED  WHY\n"
      "job/42  pre   pretrain  ptbxl    RUNNING  epoch 1/2, 25 %  3m20s ago\n"
      "job/43  fine  finetune  ptbxl    QUEUED                    1m40s ago  DEPENDENCY: waits for job/42\n");
}

TEST_F(CliQueryTest, ListIsCsvForPrograms) {
  Serve(state_);
  EXPECT_EQ(
      Run({"ps", "-o", "csv"}).out,
      "job,name,kind,dataset,state,progress,submitted,user,priority,attempts,worker,started,ended,why\n"
      "job/42,pre,pretrain,ptbxl,RUNNING,0.2500,2027-01-15T07:56:40Z,ada,normal,1,gpu-1,,,\n"
      "job/43,fine,finetune,ptbxl,QUEUED,0.0000,2027-01-15T07:58:20Z,,,0,,,,DEPENDENCY: waits for job/42\n");
}

TEST_F(CliQueryTest, ListIsCanonicalJson) {
  Serve(state_);
  EXPECT_EQ(
      Run({"job", "list", "-o", "jsonl", "--limit", "1"}).out,
      "{\"id\":\"42\",\"name\":\"pre\",\"kind\":\"pretrain\",\"dataset\":\"ptbxl\",\"priority\":\"normal\","
      "\"state\":\"RUNNING\",\"user\":\"ada\",\"submitted\":\"2027-01-15T07:56:40Z\",\"attempts\":1,"
      "\"worker\":\"gpu-1\",\"progress\":{\"step\":\"1\",\"total_steps\":\"4\",\"epoch\":1,\"epochs\":2},"
      "\"metrics\":{\"train/loss\":0.5}}\n");
  EXPECT_THAT(Run({"job", "list", "-o", "json"}).out, HasSubstr("{\n \"jobs\": [\n"));
}

TEST_F(CliQueryTest, ListSaysWhenThereIsMore) {
  Serve(state_);
  EXPECT_THAT(Run({"job", "list", "--limit", "1"}).err, HasSubstr("--all shows more"));
  EXPECT_EQ(Run({"job", "list", "-q"}).out, "job/42\njob/43\n");
  EXPECT_EQ(Run({"job", "list", "-q"}).err, "");
}

TEST_F(CliQueryTest, FiltersGoToTheServer) {
  Serve(state_);
  EXPECT_EQ(Run({"job", "list", "--state", "running,FAILED", "--user", "ada", "--label", "study=a=b",
                 "--since", "1h"})
                .code,
            0);
  const v1::ListJobsRequest request = fake_->record().lists.front();
  EXPECT_EQ(request.states_size(), 2);
  EXPECT_EQ(request.states(1), v1::FAILED);
  EXPECT_EQ(request.user(), "ada");
  EXPECT_EQ(request.labels().at("study"), "a=b");
  EXPECT_EQ(request.submitted_after().seconds(), absl::ToUnixSeconds(clock_.Now()) - 3600);
  EXPECT_EQ(Run({"job", "list", "--all"}).code, 0);
  EXPECT_FALSE(fake_->record().lists.back().has_submitted_after());
}

TEST_F(CliQueryTest, MineIsForTheServerToDecide) {
  Serve(state_);
  EXPECT_EQ(Run({"job", "list"}).code, 0);
  EXPECT_FALSE(fake_->record().lists.back().mine());
  EXPECT_EQ(Run({"job", "list", "--me"}).code, 0);
  EXPECT_TRUE(fake_->record().lists.back().mine());
  EXPECT_EQ(Run({"ps"}).code, 0);
  EXPECT_TRUE(fake_->record().lists.back().mine());
  EXPECT_EQ(Run({"ps", "--user", "ada"}).code, 0);
  EXPECT_FALSE(fake_->record().lists.back().mine());
}

TEST_F(CliQueryTest, HintsAreTalkAndNotData) {
  FakeState nothing;
  Serve(nothing);
  const CliResult people = Run({"job", "list"});
  EXPECT_THAT(people.err, HasSubstr("ecgctl job list --all shows older ones"));
  EXPECT_THAT(people.out, testing::Not(HasSubstr("ecgctl")));
  const CliResult programs = Run({"job", "list", "-o", "csv", "--no-headers"});
  EXPECT_EQ(programs.out, "");
  EXPECT_EQ(programs.err, "");
  const CliResult workers = Run({"worker", "list"});
  EXPECT_THAT(workers.err, HasSubstr("ecg-worker --help"));
  EXPECT_THAT(workers.out, testing::Not(HasSubstr("ecg-worker")));
}

TEST_F(CliQueryTest, UnknownStateAndBrokenLabelAreUsageErrors) {
  Serve(state_);
  const CliResult state = Run({"job", "list", "--state", "runing"});
  EXPECT_EQ(state.code, 2);
  EXPECT_THAT(state.err, HasSubstr("did you mean \"running\""));
  EXPECT_EQ(Run({"job", "list", "--label", "study"}).code, 2);
}

TEST_F(CliQueryTest, GetShowsFieldsAndAttempts) {
  Serve(state_);
  const CliResult result = Run({"job", "get", "pre"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("state      RUNNING\n"));
  EXPECT_THAT(result.out, HasSubstr("metrics    train/loss=0.5\n"));
  EXPECT_THAT(result.out, HasSubstr("42.1     RUNNING  gpu-1"));
}

TEST_F(CliQueryTest, ExplainSaysWhatTheJobWaitsFor) {
  Serve(state_);
  EXPECT_EQ(Run({"job", "explain", "job/43"}).out,
            "job/43 is QUEUED (place 2 in the queue): DEPENDENCY: waits for job/42\n");
}

TEST_F(CliQueryTest, EventsAreThoseBeforeTheFirstSnapshot) {
  state_.watches = {{{MakeEvent(3, "submitted", v1::QUEUED), MakeEvent(7, "leased", v1::RUNNING),
                      MakeSnapshot(state_.jobs[0], 7)},
                     grpc::Status::OK,
                     /*held=*/true}};
  Serve(state_);
  const CliResult result = Run({"job", "events", "42", "-o", "csv"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out,
            "event,time,attempt,type,state,actor,message\n"
            "3,2027-01-15T08:00:03Z,,submitted,QUEUED,,\n"
            "7,2027-01-15T08:00:07Z,,leased,RUNNING,,\n");
}

TEST_F(CliQueryTest, MetricsKeepAllDigitsInCsv) {
  v1::ReadMetricsResponse points;
  v1::MetricPoint& point = *points.add_points();
  point.set_attempt(1);
  point.set_step(10);
  point.set_epoch(1);
  point.set_name("train/loss");
  point.set_value(0.1);
  points.set_final_state(v1::RUNNING);
  state_.metrics = {{{points}, grpc::Status::OK}, {{points}, grpc::Status::OK}};
  Serve(state_);
  EXPECT_EQ(Run({"job", "metrics", "42", "--names", "train/.*", "-o", "csv"}).out,
            "attempt,step,epoch,name,value,time\n1,10,1,train/loss,0.10000000000000001,\n");
  EXPECT_EQ(fake_->record().metrics.front().names(), "train/.*");
  EXPECT_EQ(Run({"job", "metrics", "42"}).out,
            "ATTEMPT  STEP  EPOCH  NAME        VALUE\n      1    10      1  train/loss    0.1\n");
}

TEST_F(CliQueryTest, WorkersShowWhatTheyHave) {
  v1::Worker worker;
  worker.set_name("gpu-1");
  worker.set_reachable(true);
  worker.add_datasets()->set_name("ptbxl");
  worker.add_attempts("42.1");
  v1::Device& device = *worker.add_devices();
  device.set_id("cpu/0");
  device.set_kind("cpu");
  device.set_threads(2);
  state_.workers = {worker};
  Serve(state_);
  EXPECT_EQ(Run({"worker", "list"}).out,
            "WORKER  STATE  DEVICES            DATASETS  RUNNING  HEARD\n"
            "gpu-1   READY  cpu/0 (2 threads)  ptbxl     42.1\n");
  EXPECT_THAT(Run({"worker", "cordon", "gpu-1", "--reason", "new fan", "-o", "wide"}).out,
              HasSubstr("new fan"));
  EXPECT_EQ(Run({"worker", "cordon", "gpu-9"}).code, 3);
}

TEST_F(CliQueryTest, ServerCommandsSayHowItIs) {
  state_.status.set_version("9.9");
  (*state_.status.mutable_jobs())[v1::RUNNING] = 3;
  Serve(state_);
  EXPECT_THAT(Run({"server", "status"}).out, HasSubstr("0 QUEUED, 3 RUNNING"));
  EXPECT_EQ(Run({"server", "health"}).out, "SERVING\n");
  EXPECT_EQ(Run({"server", "version"}).out, "ecgctl " ECGTRAIN_VERSION "\nserver 9.9\n");
}

TEST_F(CliQueryTest, CompletionOffersWordsChoicesAndLiveJobs) {
  Serve(state_);
  EXPECT_EQ(Run({"__complete", "--", "job", "re"}).out, "requeue\nresume\n");
  EXPECT_EQ(Run({"__complete", "--", "job", "submit", "--prio"}).out, "--priority\n");
  EXPECT_EQ(Run({"__complete", "--", "ps", "-o", "js"}).out, "json\njsonl\n");
  EXPECT_EQ(Run({"__complete", "--", "job", "get", "job/4"}).out, "job/42\njob/43\n");
  EXPECT_EQ(Run({"__complete", "--", "checkpoint", "download", "job/42"}).out, "job/42@best\n");
  EXPECT_THAT(Run({"completion", "bash"}).out, HasSubstr("complete -F _ecgctl ecgctl"));
}

TEST_F(CliQueryTest, CompletionIsSilentWithoutACoordinator) {
  const CliResult result = Run({"__complete", "--", "job", "get", ""});
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "");
}

v1::Dataset TwoStates() {
  v1::Dataset dataset;
  dataset.set_name("ptbxl");
  for (const char* worker : {"gpu-1", "gpu-2", "gpu-3", "gpu-4"}) {
    v1::Dataset::Holder& holder = *dataset.add_holders();
    holder.set_worker(worker);
    holder.set_reachable(holder.worker() != "gpu-2");
    v1::WorkerDataset& held = *holder.mutable_dataset();
    held.set_name("ptbxl");
    held.set_type("ptbxl");
    held.set_version("1.0.3");
    held.set_licence("CC-BY-4.0");
    if (holder.worker() == "gpu-4") continue;  // not packed yet
    v1::DatasetPack& pack = *held.add_packs();
    pack.set_source_digest(std::string(64, holder.worker() == "gpu-3" ? 'b' : 'a'));
    pack.set_digest(std::string(64, holder.worker() == "gpu-3" ? 'd' : 'c'));
    pack.set_rate(100);
    pack.set_highpass(true);
    pack.set_bytes(3 << 20);
    pack.set_records(holder.worker() == "gpu-3" ? 490 : 498);
    pack.set_patients(480);
    pack.set_shortest_samples(1000);
    pack.set_longest_samples(1000);
    for (const int records : {50, 0, 448}) pack.add_records_by_fold(static_cast<uint64_t>(records));
    (*pack.mutable_skipped())["missing"] = 2;
    (*pack.mutable_flagged())["clipped"] = 3;
    pack.set_amplitude(2.5);
    v1::DatasetPack::Task& task = *pack.add_tasks();
    task.set_name("rhythm");
    task.set_classes(12);
    task.set_labelled_records(400);
    pack.add_notes("units are millivolts");
  }
  return dataset;
}

TEST_F(CliQueryTest, DataSetsAreListedByState) {
  state_.datasets = {TwoStates()};
  Serve(state_);
  EXPECT_EQ(Run({"data", "list"}).out,
            "DATASET  TYPE   VERSION  DIGEST          RECORDS  PATIENTS  LICENCE    WORKERS\n"
            "ptbxl    ptbxl  1.0.3    not packed yet                     CC-BY-4.0  gpu-4\n"
            "ptbxl    ptbxl  1.0.3    aaaaaaaaaaaa        498       480  CC-BY-4.0  gpu-1 gpu-2 (away)\n"
            "ptbxl    ptbxl  1.0.3    bbbbbbbbbbbb        490       480  CC-BY-4.0  gpu-3\n");
  EXPECT_THAT(Run({"data", "list", "-o", "csv"}).out, HasSubstr("," + std::string(64, 'a') + ",498,480,"));
}

TEST_F(CliQueryTest, ADataSetIsShownWithItsPacks) {
  state_.datasets = {TwoStates()};
  Serve(state_);
  const CliResult result = Run({"data", "get", "ptbxl@1.0.3"});
  EXPECT_EQ(result.code, 0) << result.err;
  for (const char* part :
       {"3 different states", "ptbxl@1.0.3#aaaaaaaaaaaa", "gpu-1 gpu-2 (away)",
        "cccccccccccc, 100 samples a second, high-pass 0.8 Hz, 3.0 MiB", "498 of 480 patients, 10 s",
        "1:50 3:448", "2 missing", "3 clipped", "2.50 mV", "rhythm (12 classes, 400 records)",
        "units are millivolts", "known once a job has had it packed"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  EXPECT_THAT(Run({"data", "get", "ptbxl", "-o", "json"}).out, HasSubstr("\"records_by_fold\""));
  const CliResult unknown = Run({"data", "get", "nope"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_EQ(unknown.err, "ecgctl: no worker has a data set \"nope\"; see ecgctl data list\n");
  EXPECT_EQ(Run({"data", "get", "a b"}).code, 2);
}

TEST_F(CliQueryTest, AttemptsTellWhatTheyWereTrainedOn) {
  (*state_.attempts[42][0].mutable_environment())["source_digest"] = std::string(64, 'a');
  Serve(state_);
  EXPECT_THAT(Run({"job", "get", "pre"}).out, HasSubstr("42.1     RUNNING  gpu-1   #aaaaaaaaaaaa"));
}

}  // namespace
}  // namespace ecgtrain
