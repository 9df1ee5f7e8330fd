#include "client/cli/demo_plan.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/durable_file.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

// The whole PTB-XL has 6 MB.
constexpr uint64_t kMaxDatabaseBytes = 64 << 20;

// Takes the next row off the front of `text`. Fields may be quoted and then hold commas and line breaks.
std::vector<std::string> TakeRow(absl::string_view& text) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c == '\n' && !quoted) {
      break;
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  text.remove_prefix(std::min(text.size(), i + 1));
  return fields;
}

constexpr char kSpecification[] = R"(# What ecgctl demo has submitted.
jobs:
- name: pretrain
  pretrain: {dataset: DATASET, folds: {train: TRAIN, validation: VALIDATION}}
  model: {preset: tiny}
  schedule: {epochs: PRETRAINING, batch_size: 32}
- name: pretrained
  finetune: {dataset: DATASET, task: all, from: pretrain@best, folds: FOLDS}
  schedule: {epochs: FINETUNING, batch_size: 32}
- name: scratch
  finetune: {dataset: DATASET, task: all, folds: FOLDS}
  model: {preset: tiny}
  schedule: {epochs: FINETUNING, batch_size: 32}
  after: [pretrain]
)";

}  // namespace

absl::StatusOr<std::set<int>> FoldsOfPtbxl(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "ptbxl_database.csv";
  ASSIGN_OR_RETURN(const std::string content, ReadFile(file, kMaxDatabaseBytes));
  absl::string_view rest = content;
  const std::vector<std::string> header = TakeRow(rest);
  const auto column = std::find(header.begin(), header.end(), "strat_fold");
  if (column == header.end()) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), " has no column strat_fold"));
  }
  const auto index = static_cast<size_t>(std::distance(header.begin(), column));
  std::set<int> folds;
  while (!rest.empty()) {
    const std::vector<std::string> row = TakeRow(rest);
    double fold = 0;
    if (row.size() > index && absl::SimpleAtod(row[index], &fold) && fold >= 1 && fold <= 10) {
      folds.insert(static_cast<int>(fold));
    }
  }
  if (folds.empty())
    return absl::InvalidArgumentError(absl::StrCat(file.string(), " has no record in a fold"));
  return folds;
}

std::string DemoSpecification(const DemoPlan& plan) {
  const std::string train = plan.without_fold_10 ? "[1, 2, 3, 4, 5, 6, 7]" : "[1, 2, 3, 4, 5, 6, 7, 8]";
  const std::string validation = plan.without_fold_10 ? "[8]" : "[9]";
  const std::string test = plan.without_fold_10 ? "[9]" : "[10]";
  return absl::StrReplaceAll(
      kSpecification,
      {{"DATASET", plan.dataset},
       {"PRETRAINING", absl::StrCat(plan.pretraining_epochs)},
       {"FINETUNING", absl::StrCat(plan.finetuning_epochs)},
       {"TRAIN", train},
       {"VALIDATION", validation},
       {"FOLDS", absl::StrCat("{train: ", train, ", validation: ", validation, ", test: ", test, "}")}});
}

}  // namespace ecgtrain
