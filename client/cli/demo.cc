// ecgctl demo: a coordinator and a worker of its own, three jobs, and what came out.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/demo_plan.h"
#include "client/cli/demo_processes.h"
#include "client/cli/job_board.h"
#include "client/cli/job_view.h"
#include "client/cli/session.h"
#include "client/cli/text.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartTime = absl::Seconds(30);
constexpr absl::Duration kStopGrace = absl::Seconds(20);

struct DemoOptions {
  fs::path folder;
  // Empty: synthetic recordings.
  fs::path ptbxl;
  bool keep = false;
  std::optional<int> epochs;
};

absl::StatusOr<DemoOptions> ReadOptions(Session& session, const Arguments& arguments) {
  DemoOptions options;
  const std::string name =
      absl::FormatTime("ecgtrain-demo-%Y%m%d-%H%M%S", session.clock().Now(), absl::UTCTimeZone());
  std::error_code error;
  options.folder =
      fs::absolute(arguments.Has("--dir") ? fs::path(arguments.Get("--dir")) : fs::path(name), error);
  if (!error && fs::exists(options.folder, error) && !fs::is_empty(options.folder, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.folder.string(), " is not empty; choose another --dir"));
  }
  if (error) return FileError(error.value(), "look at", options.folder);
  if (arguments.Has("--ptbxl")) options.ptbxl = fs::absolute(arguments.Get("--ptbxl"), error);
  options.keep = arguments.Has("--keep");
  if (const auto epochs = arguments.Integer("--epochs")) {
    if (*epochs < 1 || *epochs > 1000) return absl::InvalidArgumentError("--epochs must be 1 to 1000");
    options.epochs = static_cast<int>(*epochs);
  }
  return options;
}

// The two programs of a demo; both are stopped at the end of its life, the worker first.
class DemoService {
 public:
  DemoService(Session& session, const DemoOptions& options) : session_(session), options_(options) {}
  ~DemoService() {
    if (worker_ != nullptr) worker_->Stop(kStopGrace);
    if (coordinator_ != nullptr) coordinator_->Stop(kStopGrace);
  }

  // Returns when the coordinator answers.
  absl::Status Start() {
    ASSIGN_OR_RETURN(const fs::path programs, OwnFolder());
    RETURN_IF_ERROR(MakeDirectories(options_.folder));
    // Ctrl-C must not shorten the time that a child gets to stop, so these waits are not the session's.
    const ChildProgram::Pause pause = [this](absl::Duration time) { Pause(time); };
    const fs::path state = options_.folder / "coordinator";
    ASSIGN_OR_RETURN(coordinator_, ChildProgram::Start(programs / "ecg-coordinator",
                                                       {"serve", "--state-dir", state, "--listen",
                                                        "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"},
                                                       options_.folder / "coordinator.log", pause));
    RETURN_IF_ERROR(AwaitAddress(state / "address"));
    // A model this small gains nothing from more threads, and on a busy host they would wait for one another.
    std::vector<std::string> arguments = {
        "--server", address_, "--name", "demo", "--state-dir", options_.folder / "worker", "--threads", "1"};
    if (!options_.ptbxl.empty()) {
      arguments.insert(arguments.end(), {"--dataset", absl::StrCat("ptbxl=ptbxl:", options_.ptbxl.string())});
    }
    ASSIGN_OR_RETURN(worker_, ChildProgram::Start(programs / "ecg-worker", arguments,
                                                  options_.folder / "worker.log", pause));
    return absl::OkStatus();
  }

  absl::Status CheckRunning() {
    RETURN_IF_ERROR(coordinator_->CheckRunning());
    return worker_->CheckRunning();
  }

  const std::string& address() const { return address_; }

 private:
  void Pause(absl::Duration time) {
    Cancellation never(session_.clock());
    never.SleepFor(time);
  }

  absl::Status AwaitAddress(const fs::path& file) {
    const absl::Duration deadline = session_.clock().Monotonic() + kStartTime;
    while (true) {
      RETURN_IF_ERROR(coordinator_->CheckRunning());
      const absl::StatusOr<std::string> content = ReadFile(file, 256);
      address_ = std::string(absl::StripAsciiWhitespace(content.value_or("")));
      if (!address_.empty()) return absl::OkStatus();
      if (session_.clock().Monotonic() >= deadline) {
        return absl::UnavailableError(absl::StrCat("the coordinator was not ready in time; its log is ",
                                                   (options_.folder / "coordinator.log").string()));
      }
      if (!session_.Sleep(absl::Milliseconds(50))) return absl::CancelledError("interrupted");
    }
  }

  Session& session_;
  const DemoOptions& options_;
  std::unique_ptr<ChildProgram> coordinator_;
  std::unique_ptr<ChildProgram> worker_;
  std::string address_;
};

absl::StatusOr<std::vector<std::string>> SubmitPlan(TrainingClient& client, const DemoOptions& options) {
  DemoPlan plan;
  plan.pretraining_epochs = options.epochs.value_or(plan.pretraining_epochs);
  plan.finetuning_epochs = options.epochs.value_or(plan.finetuning_epochs);
  if (!options.ptbxl.empty()) {
    ASSIGN_OR_RETURN(const std::set<int> folds, FoldsOfPtbxl(options.ptbxl));
    plan.dataset = "ptbxl";
    plan.without_fold_10 = folds.count(10) == 0;
  }
  const std::string text = DemoSpecification(plan);
  const fs::path file = options.folder / "jobs.yaml";
  RETURN_IF_ERROR(WriteFileDurably(file, text));
  ASSIGN_OR_RETURN(const std::vector<v1::JobSpec> specs, ParseSpecs(text, file.string()));
  v1::SubmitJobsRequest request;
  request.mutable_specs()->Add(specs.begin(), specs.end());
  ASSIGN_OR_RETURN(const v1::SubmitJobsResponse response, client.SubmitJobs(std::move(request)));
  std::vector<std::string> jobs;
  for (const v1::Job& job : response.jobs()) jobs.push_back(absl::StrCat(job.id()));
  return jobs;
}

// First and last training loss; "" without points.
absl::StatusOr<std::string> LossFall(TrainingClient& client, const v1::Job& job) {
  v1::ReadMetricsRequest request;
  request.set_job(absl::StrCat(job.id()));
  request.set_names("train/loss");
  std::vector<double> losses;
  RETURN_IF_ERROR(client.ReadMetrics(request, [&losses](const v1::ReadMetricsResponse& part) {
    for (const v1::MetricPoint& point : part.points()) losses.push_back(point.value());
    return Next::kMore;
  }));
  if (losses.empty()) return std::string();
  return absl::StrFormat("%.4f -> %.4f", losses.front(), losses.back());
}

Table Comparison(const std::vector<v1::Job>& jobs) {
  Table table;
  table.columns = {{"ARM"},
                   {"STATE"},
                   {"TEST AUROC (MACRO)", false, true},
                   {"TEST F_MAX", false, true},
                   {"CLASSES SCORED", false, true},
                   {"LEFT OUT", false, true},
                   {"TEST RECORDS", false, true}};
  for (const v1::Job& job : jobs) {
    if (job.kind() == "pretrain") continue;
    const auto value = [&job](const std::string& name, int digits) -> Cell {
      const auto found = job.result().find(name);
      if (found == job.result().end()) return "-";
      return {absl::StrFormat("%.*f", digits, found->second), ShortNumber(found->second)};
    };
    table.rows.push_back({job.name(), StateText(job), value("test/auroc_macro", 3), value("test/f_max", 3),
                          value("classes_scored", 0), value("classes_left_out", 0), value("records", 0)});
  }
  return table;
}

void TellWhere(Session& session, const DemoOptions& options) {
  const std::string folder = options.folder.string();
  session.Talk(absl::StrCat("everything is in ", folder, ":"));
  session.Talk("  jobs.yaml                  what was submitted (ecgctl submit -f takes it)");
  session.Talk("  coordinator/               jobs, metrics, logs and checkpoints");
  session.Talk("  worker/attempts/           run directories: events.jsonl, trainer.log, artifacts/");
  session.Talk("  coordinator.log, worker.log");
  session.Talk(absl::StrCat(
      "look further: ecg-coordinator serve --state-dir ", folder,
      "/coordinator, then in another terminal: ecgctl job list; ecgctl job metrics pretrain -o csv"));
}

// Shows the three jobs and what came of them. kDone only if all have succeeded.
absl::StatusOr<ExitCode> RunJobs(Session& session, DemoService& service, TrainingClient& client,
                                 const DemoOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> jobs, SubmitPlan(client, options));
  BoardOptions board;
  board.check = [&service] { return service.CheckRunning(); };
  ASSIGN_OR_RETURN(const std::vector<v1::Job> ended, ShowJobsUntilEnded(session, client, jobs, board));
  ASSIGN_OR_RETURN(const std::string fall, LossFall(client, ended.front()));
  session.output().Write("\n");
  session.output().PrintTable(Comparison(ended));
  session.output().Write(
      absl::StrCat("pretraining loss, first -> last: ", fall.empty() ? "-" : fall, "\n\n"));
  for (const v1::Job& job : ended) {
    if (job.state() == v1::SUCCEEDED) continue;
    session.Complain(
        absl::StrCat(JobReferenceText(job), " ", job.name(), " is ", StateText(job), ": ", WhyText(job)));
  }
  const auto failed = std::find_if(ended.begin(), ended.end(),
                                   [](const v1::Job& job) { return job.state() != v1::SUCCEEDED; });
  return failed == ended.end() ? ExitCode::kDone : ExitCodeOf(failed->state());
}

void WaitForInterrupt(Session& session, const std::string& address) {
  session.Talk(
      absl::StrCat("still running at ", address, " until Ctrl-C: ecgctl --server ", address, " job list"));
  while (session.Sleep(absl::Hours(1))) {
  }
}

absl::StatusOr<ExitCode> Demo(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const DemoOptions options, ReadOptions(session, arguments));
  if (!options.ptbxl.empty()) RETURN_IF_ERROR(FoldsOfPtbxl(options.ptbxl).status());
  DemoService service(session, options);
  session.Talk(
      absl::StrCat("starting a coordinator and a worker; their files are in ", options.folder.string()));
  RETURN_IF_ERROR(service.Start());
  ClientOptions client_options;
  client_options.server = service.address();
  ClientHooks hooks{session.clock(), session.cancellation()};
  ASSIGN_OR_RETURN(const std::unique_ptr<TrainingClient> client,
                   TrainingClient::Create(client_options, hooks));
  const absl::StatusOr<ExitCode> code = RunJobs(session, service, *client, options);
  TellWhere(session, options);
  if (code.ok() && options.keep) WaitForInterrupt(session, service.address());
  if (absl::IsCancelled(code.status())) session.Talk("interrupted; stopping what was started");
  return code;
}

}  // namespace

std::vector<Command> DemoCommands() {
  return {{"demo",
           "pretrain and fine-tune a tiny model with a coordinator and a worker of its own, in minutes",
           {{"--ptbxl", OptionKind::kText, "folder of PTB-XL; without it on synthetic recordings"},
            {"--dir", OptionKind::kText, "new folder for all files (./ecgtrain-demo-TIME)"},
            {"--epochs", OptionKind::kInteger, "of each training, for a quicker look (20 and 25)"},
            {"--keep", OptionKind::kFlag, "leave both running after the result, until Ctrl-C"}},
           Demo}};
}

}  // namespace ecgtrain
