#include "spec/resolve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spec/dataset_reference.h"
#include "spec/spec_checks.h"
#include "spec/spec_rules.h"

namespace ecgtrain {
namespace {

// paper.md section 0.
constexpr std::array<uint32_t, 5> kPaperChannels = {64, 128, 196, 256, 320};
constexpr double kMaskSeconds = 0.16;

struct Preset {
  absl::string_view name;
  double width;
  uint32_t rate;
  uint32_t samples;
};
constexpr std::array<Preset, 3> kPresets = {
    {{"paper", 1, 400, 4096}, {"quarter", 0.25, 400, 4096}, {"tiny", 0.125, 100, 1024}}};

// An unknown name is a problem already; the first preset stands in until it is reported.
const Preset& PresetOf(const v1::ModelSpec& model) {
  const auto* found = std::find_if(kPresets.begin(), kPresets.end(),
                                   [&](const Preset& preset) { return preset.name == model.preset(); });
  return found == kPresets.end() ? kPresets[0] : *found;
}

v1::SignalSpec* MutableSignal(v1::JobSpec& spec) {
  if (spec.has_pretrain()) return spec.mutable_pretrain()->mutable_signal();
  if (spec.has_finetune()) return spec.mutable_finetune()->mutable_signal();
  if (spec.has_evaluate()) return spec.mutable_evaluate()->mutable_signal();
  return nullptr;
}

const v1::SignalSpec& SignalOf(const v1::JobSpec& spec) {
  if (spec.has_pretrain()) return spec.pretrain().signal();
  return spec.has_finetune() ? spec.finetune().signal() : spec.evaluate().signal();
}

void FillFolds(v1::JobSpec& spec) {
  const bool evaluates = spec.has_evaluate();
  v1::Folds& folds = spec.has_pretrain() ? *spec.mutable_pretrain()->mutable_folds()
                     : evaluates         ? *spec.mutable_evaluate()->mutable_folds()
                                         : *spec.mutable_finetune()->mutable_folds();
  if (!evaluates && folds.train_size() == 0) {
    for (uint32_t fold = 1; fold <= 8; ++fold) folds.add_train(fold);
  }
  if (!evaluates && folds.validation_size() == 0) folds.add_validation(9);
  if (!spec.has_pretrain() && folds.test_size() == 0) folds.add_test(10);
}

void FillModel(v1::JobSpec& spec) {
  v1::ModelSpec& model = *spec.mutable_model();
  if (!model.has_width() && model.channels_size() == 0) model.set_width(PresetOf(model).width);
  if (model.channels_size() == 0) {
    for (const uint32_t channels : ChannelsForWidth(model.width())) model.add_channels(channels);
  }
  v1::SignalSpec& signal = *MutableSignal(spec);
  if (!signal.has_rate()) signal.set_rate(PresetOf(model).rate);
  if (!signal.has_samples()) signal.set_samples(PresetOf(model).samples);
}

// What comes from the parent stays as it was given.
void KeepGivenModel(const v1::JobSpec& given, v1::JobSpec& spec) {
  const v1::ModelSpec filled = spec.model();
  if (spec.has_evaluate()) {
    spec.clear_model();
  } else {
    *spec.mutable_model() = given.model();
    if (!spec.model().has_head()) spec.mutable_model()->set_head(filled.head());
  }
  *MutableSignal(spec) = SignalOf(given);
}

void FillByKind(v1::JobSpec& spec) {
  if (spec.name().empty()) spec.set_name(absl::StrCat(KindOf(spec), "-", DatasetName(DatasetOf(spec))));
  if (!spec.has_evaluate() && !spec.model().has_dropout()) {
    spec.mutable_model()->set_dropout(spec.has_finetune() ? 0.5 : 0);
  }
  if (!spec.checkpoint().has_metric()) {
    spec.mutable_checkpoint()->set_metric(spec.has_pretrain() ? "validation/loss" : "validation/auroc_macro");
  }
  if (!spec.has_pretrain()) return;
  v1::PretrainSpec& pretrain = *spec.mutable_pretrain();
  if (!pretrain.mask().has_cell()) {
    pretrain.mutable_mask()->set_cell(
        static_cast<uint32_t>(std::lround(pretrain.signal().rate() * kMaskSeconds)));
  }
}

void FillAll(const v1::JobSpec& given, v1::JobSpec& spec, std::vector<v1::SpecProblem>& problems) {
  FillDefaults(spec, problems);
  FillFolds(spec);
  if (InheritsModel(given)) {
    KeepGivenModel(given, spec);
  } else {
    FillModel(spec);
  }
  FillByKind(spec);
  if (spec.has_evaluate()) KeepEvaluationOnly(spec);
}

}  // namespace

absl::string_view KindOf(const v1::JobSpec& spec) {
  if (spec.has_pretrain()) return "pretrain";
  if (spec.has_finetune()) return "finetune";
  return spec.has_evaluate() ? "evaluate" : "";
}

absl::string_view DatasetOf(const v1::JobSpec& spec) {
  if (spec.has_pretrain()) return spec.pretrain().dataset();
  return spec.has_finetune() ? spec.finetune().dataset() : spec.evaluate().dataset();
}

absl::string_view FromOf(const v1::JobSpec& spec) {
  return spec.has_finetune() ? spec.finetune().from() : spec.evaluate().from();
}

bool InheritsModel(const v1::JobSpec& spec) {
  return spec.has_evaluate() || (spec.has_finetune() && !spec.finetune().from().empty());
}

std::vector<uint32_t> ChannelsForWidth(double width) {
  std::vector<uint32_t> channels;
  for (const uint32_t full : kPaperChannels) {
    // 196 stands in the paper's drawing and is no multiple of 8: width 1 is exact.
    const double rounded = width == 1 ? full : 8. * std::round(full * width / 8);
    channels.push_back(static_cast<uint32_t>(std::max(8., rounded)));
  }
  return channels;
}

void KeepEvaluationOnly(v1::JobSpec& spec) {
  v1::ScheduleSpec schedule;
  if (spec.schedule().has_batch_size()) schedule.set_batch_size(spec.schedule().batch_size());
  *spec.mutable_schedule() = schedule;
  spec.clear_optimizer();
  spec.clear_checkpoint();
}

std::vector<v1::SpecProblem> ResolveSpec(v1::JobSpec& spec) {
  std::vector<v1::SpecProblem> problems;
  CheckGiven(spec, problems);
  CheckRules(spec, "", problems);
  if (KindOf(spec).empty()) return problems;
  v1::JobSpec resolved = spec;
  FillAll(spec, resolved, problems);
  CheckTogether(resolved, problems);
  if (problems.empty()) spec = std::move(resolved);
  return problems;
}

void InheritModel(const v1::JobSpec& parent, v1::JobSpec& child) {
  if (!InheritsModel(child)) return;
  v1::ModelSpec model = parent.model();
  if (child.model().has_dropout()) model.set_dropout(child.model().dropout());
  if (child.model().has_head()) model.set_head(child.model().head());
  *child.mutable_model() = std::move(model);
  v1::SignalSpec signal = SignalOf(parent);
  signal.MergeFrom(SignalOf(child));
  *MutableSignal(child) = signal;
}

void ClearInheritedModel(v1::JobSpec& child) {
  if (!InheritsModel(child)) return;
  v1::ModelSpec own;
  if (child.has_finetune() && child.model().has_dropout()) own.set_dropout(child.model().dropout());
  if (child.has_finetune() && child.model().has_head()) own.set_head(child.model().head());
  *child.mutable_model() = own;
  if (child.has_evaluate()) child.clear_model();
  MutableSignal(child)->Clear();
}

}  // namespace ecgtrain
