// ecgctl pretrain, finetune, evaluate: the common job from flags, without a file.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/references.h"
#include "client/cli/submission.h"
#include "common/status_macros.h"
#include "spec/spec_parser.h"

namespace ecgtrain {
namespace {

struct QuickOption {
  Option option;
  // Field of the specification; "" stands for a field of the task.
  std::string field;
};

const QuickOption kDataset = {
    {"--dataset", OptionKind::kText, "data set that a worker has; synthetic is always there", {}, true},
    "TASK.dataset"};
const QuickOption kTask = {
    {"--task", OptionKind::kText, "labels: all, diagnostic, superdiagnostic, rhythm, ..."}, "TASK.task"};
const QuickOption kFrom = {
    {"--from", OptionKind::kText, "checkpoint to start from, as in job/12@best or NAME@best"}, "TASK.from"};
const QuickOption kFraction = {
    {"--label-fraction", OptionKind::kText, "share of the labelled training patients"},
    "TASK.label_fraction"};
const QuickOption kPreset = {
    {"--preset", OptionKind::kText, "size of the model", {"paper", "quarter", "tiny"}}, "model.preset"};
const QuickOption kEpochs = {{"--epochs", OptionKind::kInteger, "passes over the training data"},
                             "schedule.epochs"};
const QuickOption kSeed = {{"--seed", OptionKind::kInteger, "of weights, order and masks"}, "seed"};

struct QuickJob {
  std::string kind;
  std::string help;
  std::vector<QuickOption> options;
};

std::string FieldOf(const QuickOption& option, const std::string& kind) {
  return option.field.rfind("TASK.", 0) == 0 ? absl::StrCat(kind, ".", option.field.substr(5)) : option.field;
}

absl::StatusOr<ExitCode> Run(const QuickJob& job, Session& session, const Arguments& arguments) {
  RETURN_IF_ERROR(CheckSubmitOptions(arguments));
  std::vector<v1::JobSpec> specs(1);
  for (const QuickOption& option : job.options) {
    const std::string name = LongName(option.option);
    if (!arguments.Has(name)) continue;
    std::string value = arguments.Get(name);
    if (name == LongName(kFrom.option)) {
      ASSIGN_OR_RETURN(value, NumberedCheckpoint(session, value), WithContext(_, name));
    }
    const std::string setting = absl::StrCat(FieldOf(option, job.kind), "=", value);
    RETURN_IF_ERROR(WithContext(ApplySetting(specs[0], setting), name));
  }
  RETURN_IF_ERROR(ApplySubmitOptions(session, arguments, specs));
  return SubmitAndFollow(session, arguments, std::move(specs));
}

}  // namespace

std::vector<Command> QuickJobCommands() {
  QuickOption required_from = kFrom;
  required_from.option.required = true;
  const std::vector<QuickJob> jobs = {
      {"pretrain", "submit a masked pretraining", {kDataset, kPreset, kEpochs, kSeed}},
      {"finetune", "submit a fine-tuning", {kDataset, kTask, kFrom, kFraction, kPreset, kEpochs, kSeed}},
      {"evaluate", "submit an evaluation", {kDataset, kTask, required_from}},
  };
  std::vector<Command> commands;
  for (const QuickJob& job : jobs) {
    Command command;
    command.path = job.kind;
    command.help = job.help;
    for (const QuickOption& option : job.options) command.options.push_back(option.option);
    for (const Option& option : SubmitOptions()) command.options.push_back(option);
    command.run = [job](Session& session, const Arguments& arguments) {
      return Run(job, session, arguments);
    };
    commands.push_back(std::move(command));
  }
  return commands;
}

}  // namespace ecgtrain
