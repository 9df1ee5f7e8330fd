// ./dev bench submit: what the service costs. A real coordinator on the disk under TMPDIR (default: the build
// folder), which syncs before each answer; real worker and trainer where a figure names them. Bounded in
// counts.
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/mutex.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "ecgtrain/v1/worker_service.grpc.pb.h"
#include "proto/channel_settings.h"
#include "tests/bench/figures.h"
#include "tests/integration/process.h"

namespace ecgtrain::bench {
namespace {

using testing::AwaitFile;
using testing::Process;
using testing::Program;

double Milliseconds(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

[[noreturn]] void Die(const std::string& message) {
  absl::FPrintF(stderr, "submit_bench: %s\n", message);
  std::exit(1);
}

void Check(const grpc::Status& status, const char* what) {
  if (!status.ok()) Die(absl::StrCat(what, ": ", status.error_message()));
}

struct Api {
  explicit Api(const std::string& address)
      : channel(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                          ClientChannelArguments(true))),
        training(v1::TrainingService::NewStub(channel)),
        worker(v1::WorkerService::NewStub(channel)) {}
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::TrainingService::Stub> training;
  std::unique_ptr<v1::WorkerService::Stub> worker;
};

struct Coordinator {
  explicit Coordinator(const std::filesystem::path& folder) {
    const absl::Time begin = absl::Now();
    process = std::make_unique<Process>(
        std::vector<std::string>{Program("ecg-coordinator"), "serve", "--state-dir", folder, "--listen",
                                 "127.0.0.1:0", "--no-metrics", "--max-queued-per-user", "20000"},
        folder.string() + ".log");
    const auto read = AwaitFile(folder / "address");
    if (!read.ok()) Die(absl::StrCat(read.status().message(), "; see ", folder.string(), ".log"));
    ready_ms = Milliseconds(absl::Now() - begin);
    address = std::string(absl::StripAsciiWhitespace(*read));
    std::ifstream status(absl::StrCat("/proc/", process->pid(), "/status"));
    for (std::string line; std::getline(status, line);) {
      absl::string_view rest = line;
      if (absl::ConsumePrefix(&rest, "VmRSS:"))
        rss_mib = std::strtod(std::string(rest).c_str(), nullptr) / 1024;
    }
  }
  std::unique_ptr<Process> process;
  std::string address;
  double ready_ms = 0;
  double rss_mib = 0;
};

v1::JobSpec TinySpec(const std::string& dataset) {
  v1::JobSpec spec;
  spec.mutable_pretrain()->set_dataset(dataset);
  spec.mutable_model()->set_preset("tiny");
  return spec;
}

v1::SubmitJobsResponse Submit(Api& api, const v1::JobSpec& spec, int copies = 1) {
  v1::SubmitJobsRequest request;
  request.set_request_id(NewUuid());
  for (int i = 0; i < copies; ++i) {
    v1::JobSpec* added = request.add_specs();
    *added = spec;
    if (copies > 1) added->set_name(absl::StrCat("cell-", i));
  }
  v1::SubmitJobsResponse response;
  grpc::ClientContext context;
  Check(api.training->SubmitJobs(&context, request, &response), "SubmitJobs");
  return response;
}

std::vector<double> TimedSubmits(const std::string& address, int count) {
  Api api(address);
  const v1::JobSpec spec = TinySpec("absent");
  Submit(api, spec);
  std::vector<double> milliseconds;
  for (int i = 0; i < count; ++i) {
    const absl::Time begin = absl::Now();
    Submit(api, spec);
    milliseconds.push_back(Milliseconds(absl::Now() - begin));
  }
  return milliseconds;
}

void BenchSubmit(const std::string& address) {
  PrintFigure("submit.1.p50_ms", Quantile(TimedSubmits(address, 1000), 0.5), "ms");

  constexpr int kThreads = 8;
  constexpr int kEach = 1500;
  Mutex mutex;
  std::vector<double> all;
  const absl::Time begin = absl::Now();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      const std::vector<double> mine = TimedSubmits(address, kEach);
      MutexLock lock(mutex);
      all.insert(all.end(), mine.begin(), mine.end());
    });
  }
  for (std::thread& thread : threads) thread.join();
  PrintFigure("submit.8.per_second", kThreads * (kEach + 1) / absl::ToDoubleSeconds(absl::Now() - begin),
              "1/s");
  PrintFigure("submit.8.p99_ms", Quantile(all, 0.99), "ms");
}

void BenchBatchAndList(const std::filesystem::path& folder) {
  // A store of exactly 10,000 jobs, made in ten batches.
  Coordinator coordinator(folder);
  Api api(coordinator.address);
  std::vector<double> batches;
  for (int i = 0; i < 10; ++i) {
    const absl::Time begin = absl::Now();
    Submit(api, TinySpec("absent"), 1000);
    batches.push_back(Milliseconds(absl::Now() - begin));
  }
  PrintFigure("submit.batch1000_ms", Quantile(batches, 0.5), "ms");

  const auto list = [&api](uint32_t page_size, bool all) {
    const absl::Time begin = absl::Now();
    v1::ListJobsRequest request;
    request.set_page_size(page_size);
    int jobs = 0;
    do {
      v1::ListJobsResponse response;
      grpc::ClientContext context;
      Check(api.training->ListJobs(&context, request, &response), "ListJobs");
      jobs += response.jobs_size();
      request.set_page_token(response.next_page_token());
    } while (all && !request.page_token().empty());
    if (jobs != (all ? 10'000 : 100)) Die(absl::StrCat("listed ", jobs, " jobs"));
    return Milliseconds(absl::Now() - begin);
  };
  std::vector<double> all, page;
  for (int i = 0; i < 15; ++i) {
    all.push_back(list(1000, true));
    page.push_back(list(100, false));
  }
  PrintFigure("list.10000.p50_ms", Quantile(all, 0.5), "ms");
  PrintFigure("list.page100.p50_ms", Quantile(page, 0.5), "ms");
}

// One simulated worker that leases a job and reports batches of metrics.
void BenchMetrics(const std::filesystem::path& folder) {
  Coordinator coordinator(folder);
  Api api(coordinator.address);
  v1::RegisterWorkerRequest registration;
  registration.set_name("simulated");
  registration.set_incarnation(NewUuid());
  registration.set_host("localhost");
  registration.set_api_version(kApiVersion);
  v1::Device* device = registration.add_devices();
  device->set_id("cpu/0");
  device->set_kind("cpu");
  device->set_threads(2);
  v1::WorkerDataset* dataset = registration.add_datasets();
  dataset->set_name("synthetic");
  dataset->set_type("synthetic");
  v1::RegisterWorkerResponse registered;
  grpc::ClientContext register_context;
  Check(api.worker->RegisterWorker(&register_context, registration, &registered), "RegisterWorker");
  Submit(api, TinySpec("synthetic"));

  v1::HeartbeatRequest beat;
  beat.set_worker("simulated");
  beat.set_session(registered.session());
  v1::HeartbeatResponse answer;
  for (int i = 1; answer.start().empty(); ++i) {
    if (i > 5) Die("the simulated worker got no job");
    beat.set_beat(i);
    grpc::ClientContext context;
    Check(api.worker->Heartbeat(&context, beat, &answer), "Heartbeat");
  }

  constexpr int kBatches = 100, kEvents = 500, kNames = 10;
  v1::ReportEventsRequest report;
  *report.mutable_attempt() = answer.start(0).attempt();
  uint64_t seq = 0;
  absl::Duration total;
  for (int batch = 0; batch < kBatches; ++batch) {
    report.clear_events();
    for (int i = 0; i < kEvents; ++i) {
      v1::TrainerEvent* event = report.add_events();
      event->set_seq(++seq);
      event->set_time(1.8e9 + static_cast<double>(seq));
      event->mutable_metrics()->set_step(seq);
      event->mutable_metrics()->set_epoch(1);
      for (int name = 0; name < kNames; ++name) {
        (*event->mutable_metrics()->mutable_values())[absl::StrCat("train/metric_", name)] =
            1.0 / static_cast<double>(seq + name);
      }
    }
    v1::ReportEventsResponse response;
    grpc::ClientContext context;
    const absl::Time begin = absl::Now();
    Check(api.worker->ReportEvents(&context, report, &response), "ReportEvents");
    total += absl::Now() - begin;
    if (response.acknowledged_seq() != seq) Die("a batch of metrics was not acknowledged");
  }
  PrintFigure("metrics.points_per_second", kBatches * kEvents * kNames / absl::ToDoubleSeconds(total), "1/s");
}

v1::Job AwaitEnd(Api& api, int64_t id) {
  v1::WatchJobRequest request;
  request.set_job(absl::StrCat(id));
  request.set_until_ended(true);
  grpc::ClientContext context;
  const auto stream = api.training->WatchJob(&context, request);
  v1::WatchJobResponse response;
  v1::Job job;
  while (stream->Read(&response)) {
    if (response.has_snapshot()) job = response.snapshot();
  }
  Check(stream->Finish(), "WatchJob");
  return job;
}

// From the acknowledged submit to the running trainer process. The trainer is a script that writes down when
// it began.
void BenchDispatch(const std::filesystem::path& folder) {
  Coordinator coordinator(folder);
  const std::filesystem::path trainer = folder.string() + "-trainer";
  const absl::Status written =
      WriteFileDurably(trainer,
                       "#!/bin/sh\n"
                       "date +%s%N > \"$5/started\"\n"
                       "echo '{\"outcome\": \"SUCCEEDED\", \"reason\": \"COMPLETED\", "
                       "\"message\": \"\", \"step\": 0}' > \"$5/exit.json\"\n",
                       0755);
  if (!written.ok()) Die(std::string(written.message()));
  const std::filesystem::path state = folder.string() + "-worker";
  const Process worker({Program("ecg-worker"), "--server", coordinator.address, "--name", "w", "--state-dir",
                        state, "--trainer", trainer},
                       state.string() + ".log");
  Api api(coordinator.address);
  std::vector<double> milliseconds;
  for (int i = 0; i < 21; ++i) {
    const int64_t id = Submit(api, TinySpec("synthetic")).jobs(0).id();
    const absl::Time acknowledged = absl::Now();
    if (AwaitEnd(api, id).state() != v1::SUCCEEDED)
      Die(absl::StrCat("job/", id, " failed; see ", state.string(), ".log"));
    const auto started = ReadFile(state / "attempts" / absl::StrCat(id, ".1") / "started");
    int64_t nanoseconds = 0;
    if (!started.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*started), &nanoseconds))
      Die("no start time");
    // The first job packs its data set.
    if (i > 0) milliseconds.push_back(Milliseconds(absl::FromUnixNanos(nanoseconds) - acknowledged));
  }
  PrintFigure("dispatch.p50_ms", Quantile(milliseconds, 0.5), "ms");
}

// Steps a second between the first and the last logged step.
double StepsPerSecond(const std::filesystem::path& run) {
  std::ifstream events(run / "events.jsonl");
  double first_time = 0, last_time = 0, first_step = 0, last_step = 0;
  for (std::string line; std::getline(events, line);) {
    const auto event = ParseJson(line, "events.jsonl");
    if (!event.ok() || (*event)["type"] != "metrics" || !(*event)["values"].contains("train/loss")) continue;
    last_time = (*event)["time"];
    last_step = (*event)["step"];
    if (first_time == 0) first_time = last_time, first_step = last_step;
  }
  if (last_step <= first_step) Die(absl::StrCat("no steps in ", run.string()));
  return (last_step - first_step) / (last_time - first_time);
}

// The same tiny job through the service and alone, in turns. The service's programs share the host's cores
// with the trainer: with one training thread they have a core left, with a thread on each core they do not.
void BenchThroughput(const std::filesystem::path& folder, const std::string& threads,
                     const std::string& figure) {
  Coordinator coordinator(folder);
  const std::filesystem::path state = folder.string() + "-worker";
  const Process worker({Program("ecg-worker"), "--server", coordinator.address, "--name", "w", "--state-dir",
                        state, "--threads", threads},
                       state.string() + ".log");
  Api api(coordinator.address);
  v1::JobSpec spec = TinySpec("synthetic");
  spec.set_precision("fp32");
  spec.mutable_schedule()->set_epochs(10);
  spec.mutable_schedule()->set_batch_size(32);
  std::vector<double> service, alone;
  for (int round = 0; round < 5; ++round) {
    const int64_t id = Submit(api, spec).jobs(0).id();
    const v1::Job job = AwaitEnd(api, id);
    if (job.state() != v1::SUCCEEDED) Die(absl::StrCat("job/", id, " failed: ", job.message()));
    const std::filesystem::path run = state / "attempts" / absl::StrCat(id, ".1");
    service.push_back(StepsPerSecond(run));
    const std::filesystem::path own = absl::StrCat(folder.string(), "-alone-", round);
    if (!MakeDirectories(own).ok()) Die("cannot make " + own.string());
    Process trainer({Program("ecg-trainer"), "run", "--spec", run / "spec.json", "--dir", own},
                    own.string() + ".log");
    if (trainer.Wait() != 0) Die(absl::StrCat("ecg-trainer failed; see ", own.string(), ".log"));
    alone.push_back(StepsPerSecond(own));
    absl::FPrintF(stderr, "round %d: %.1f steps/s through the service, %.1f alone\n", round, service.back(),
                  alone.back());
  }
  PrintFigure(figure, Quantile(service, 0.5) / Quantile(alone, 0.5), "1");
}

void Run(const std::filesystem::path& folder) {
  std::vector<double> ready, rss;
  for (int i = 0; i < 7; ++i) {
    const Coordinator coordinator(folder / absl::StrCat("start-", i));
    ready.push_back(coordinator.ready_ms);
    rss.push_back(coordinator.rss_mib);
  }
  PrintFigure("startup.ready_ms", Quantile(ready, 0.5), "ms");
  PrintFigure("startup.rss_mib", Quantile(rss, 0.5), "MiB");
  {
    const Coordinator coordinator(folder / "submit");
    BenchSubmit(coordinator.address);
  }
  BenchBatchAndList(folder / "list");
  BenchMetrics(folder / "metrics");
  BenchDispatch(folder / "dispatch");
  BenchThroughput(folder / "throughput-1", "1", "service.throughput_ratio");
  BenchThroughput(folder / "throughput-2", "2", "service.throughput_ratio.2_threads");
}

}  // namespace
}  // namespace ecgtrain::bench

int main(int, char** argv) {
  // Programs lie beside the benchmarks' folder; the disk is the build folder's own unless TMPDIR says
  // otherwise.
  const std::filesystem::path bin = std::filesystem::canonical(argv[0]).parent_path();
  setenv("ECGTRAIN_BIN_DIR", bin.c_str(), 0);
  const char* temporary = std::getenv("TMPDIR");
  const std::filesystem::path folder =
      (temporary != nullptr ? std::filesystem::path(temporary) : bin.parent_path()) /
      ("submit-bench-" + ecgtrain::NewUuid());
  std::filesystem::create_directories(folder);
  ecgtrain::bench::Run(folder);
  std::filesystem::remove_all(folder);
  return 0;
}
