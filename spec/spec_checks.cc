#include "spec/spec_checks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/quoted.h"
#include "spec/reference.h"
#include "spec/resolve.h"
#include "spec/spec_rules.h"

namespace ecgtrain {
namespace {

using Problems = std::vector<v1::SpecProblem>;

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr size_t kMaxLabelKey = 63;
constexpr size_t kMaxLabelValue = 128;
constexpr size_t kMaxResolvedBytes = 64 << 10;

void CheckName(const v1::JobSpec& spec, Problems& problems) {
  const std::string& name = spec.name();
  if (!name.empty() && std::all_of(name.begin(), name.end(), absl::ascii_isdigit)) {
    AddProblem(problems, "name", absl::StrCat("\"", name, "\" would be read as a job number; add a letter"));
  }
}

void CheckLabels(const v1::JobSpec& spec, Problems& problems) {
  for (const auto& [key, value] : spec.labels()) {
    const std::string field = absl::StrCat("labels.", Shown(key));
    if (!IsIdentifier(key) || key.size() > kMaxLabelKey) {
      AddProblem(problems, field,
                 absl::StrCat("a label's key has at most ", kMaxLabelKey,
                              " letters, digits, '.', '_' and '-' and begins with a letter or digit"));
    }
    if (!IsIdentifier(value) || value.size() > kMaxLabelValue) {
      AddProblem(problems, field,
                 absl::StrCat("a label's value has at most ", kMaxLabelValue,
                              " letters, digits, '.', '_' and '-' and begins with a letter or digit"));
    }
  }
}

void CheckReference(const v1::JobSpec& spec, const JobReference& reference, const std::string& field,
                    Problems& problems) {
  if (reference.newest) {
    AddProblem(problems, field, "\"@last\" means another job every time; write the job's number or name");
  } else if (!reference.name.empty() && reference.name == spec.name()) {
    AddProblem(problems, field, absl::StrCat("\"", reference.name, "\" is this job itself"));
  }
}

void CheckReferences(const v1::JobSpec& spec, Problems& problems) {
  for (int i = 0; i < spec.after_size(); ++i) {
    const std::string field = absl::StrCat("after[", i, "]");
    const absl::StatusOr<JobReference> reference = ParseJobReference(spec.after(i));
    if (reference.ok()) {
      CheckReference(spec, *reference, field, problems);
    } else {
      AddProblem(problems, field, reference.status().message());
    }
  }
  if (FromOf(spec).empty()) return;
  const std::string field = absl::StrCat(KindOf(spec), ".from");
  const absl::StatusOr<JobReference> reference = ParseCheckpointReference(FromOf(spec));
  if (reference.ok()) {
    CheckReference(spec, *reference, field, problems);
  } else {
    AddProblem(problems, field, reference.status().message());
  }
}

void CheckFolds(const v1::Folds& folds, const std::string& path, Problems& problems) {
  const std::array<std::pair<const char*, const google::protobuf::RepeatedField<uint32_t>*>, 3> lists = {
      {{"train", &folds.train()}, {"validation", &folds.validation()}, {"test", &folds.test()}}};
  for (size_t i = 0; i < lists.size(); ++i) {
    const auto& [name, list] = lists[i];
    for (auto fold = list->begin(); fold != list->end(); ++fold) {
      if (std::find(list->begin(), fold, *fold) != fold) {
        AddProblem(problems, absl::StrCat(path, ".", name), absl::StrCat("holds fold ", *fold, " twice"));
      }
      for (size_t j = 0; j < i; ++j) {
        const auto& [other_name, other] = lists[j];
        if (std::find(other->begin(), other->end(), *fold) == other->end()) continue;
        AddProblem(problems, absl::StrCat(path, ".", name),
                   absl::StrCat("holds fold ", *fold, ", which stands in ", other_name, " [",
                                absl::StrJoin(*other, ", "), "] too; a fold belongs to one list"));
      }
    }
  }
}

void CheckSignal(const v1::SignalSpec& signal, const std::string& path, Problems& problems) {
  if (signal.has_rate() && signal.rate() != 100 && signal.rate() != 400) {
    AddProblem(problems, path + ".rate", absl::StrCat("must be 100 or 400, not ", signal.rate()));
  }
  if (signal.has_samples() && signal.samples() % 256 != 0) {
    AddProblem(problems, path + ".samples",
               absl::StrCat("must be a multiple of 256, not ", signal.samples()));
  }
}

void CheckMask(const v1::PretrainSpec& pretrain, Problems& problems) {
  const v1::MaskSpec& mask = pretrain.mask();
  const uint32_t samples = pretrain.signal().samples();
  if (mask.cell() == 0) return;
  const uint32_t cells = samples / mask.cell();
  if (samples % mask.cell() != 0) {
    AddProblem(problems, "pretrain.mask.cell",
               absl::StrCat(mask.cell(), " does not divide signal.samples ", samples));
  } else if (std::llround(mask.ratio() * cells) < 1) {
    AddProblem(
        problems, "pretrain.mask.ratio",
        absl::StrCat(mask.ratio(), " of ", cells, " cells masks none; raise it or make cells smaller"));
  }
}

void CheckLabelSet(const v1::JobSpec& spec, Problems& problems) {
  const std::string& task = spec.has_finetune() ? spec.finetune().task() : spec.evaluate().task();
  if (DatasetOf(spec) != "synthetic" || task == "all" || task == "rhythm") return;
  AddProblem(problems, absl::StrCat(KindOf(spec), ".task"),
             absl::StrCat("the synthetic data set has the tasks all and rhythm only, not ", Shown(task)));
}

void CheckModel(const v1::JobSpec& spec, Problems& problems) {
  const v1::ModelSpec& model = spec.model();
  if (model.has_kernel_size() && model.kernel_size() % 2 == 0) {
    AddProblem(problems, "model.kernel_size", absl::StrCat("must be odd, not ", model.kernel_size()));
  }
  if (model.channels_size() == 0) return;
  if (model.channels_size() != 5) {
    AddProblem(
        problems, "model.channels",
        absl::StrCat("must be 5 numbers, of the stem and of four blocks, not ", model.channels_size()));
  } else if (model.has_width()) {
    const std::vector<uint32_t> expected = ChannelsForWidth(model.width());
    if (std::equal(expected.begin(), expected.end(), model.channels().begin())) return;
    AddProblem(problems, "model.channels",
               absl::StrCat("[", absl::StrJoin(model.channels(), ", "), "] is not what width ", model.width(),
                            " gives: [", absl::StrJoin(expected, ", "), "]; leave one of the two out"));
  }
}

void CheckTraining(const v1::JobSpec& spec, Problems& problems) {
  const std::string& metric = spec.checkpoint().metric();
  if (spec.has_pretrain() && metric != "validation/loss" && absl::StartsWith(metric, "validation/")) {
    AddProblem(
        problems, "checkpoint.metric",
        absl::StrCat("a pretraining has no labels and so no ", Shown(metric), "; use validation/loss"));
  }
  if (spec.has_pretrain() && spec.allow_leakage())
    AddProblem(problems, "allow_leakage", "a pretraining tests nobody; leave it out");
  if (spec.precision() == "tf32" && spec.resources().device() != "gpu") {
    AddProblem(problems, "precision",
               absl::StrCat("tf32 needs resources.device gpu, not ", Shown(spec.resources().device())));
  }
}

std::set<std::string> GivenFields(const Message& section) {
  std::vector<const FieldDescriptor*> fields;
  section.GetReflection()->ListFields(section, &fields);
  std::set<std::string> names;
  for (const FieldDescriptor* field : fields) names.insert(field->name());
  return names;
}

// What only a training has.
void CheckEvaluation(const v1::JobSpec& given, Problems& problems) {
  v1::JobSpec rest = given;
  KeepEvaluationOnly(rest);
  const auto refuse = [&](const std::string& section, const Message& whole, const Message& kept) {
    for (const std::string& field : GivenFields(whole)) {
      if (!GivenFields(kept).contains(field)) {
        AddProblem(problems, absl::StrCat(section, ".", field), "an evaluation trains nothing; leave it out");
      }
    }
  };
  refuse("optimizer", given.optimizer(), rest.optimizer());
  refuse("schedule", given.schedule(), rest.schedule());
  refuse("checkpoint", given.checkpoint(), rest.checkpoint());
}

bool GivesInheritedModelField(const v1::ModelSpec& model) {
  v1::ModelSpec rest = model;
  rest.clear_dropout();
  rest.clear_head();
  return rest.ByteSizeLong() > 0;
}

}  // namespace

void CheckGiven(const v1::JobSpec& given, Problems& problems) {
  if (KindOf(given).empty()) {
    AddProblem(problems, "pretrain", "the kind of job is missing; give one of pretrain, finetune, evaluate");
  }
  if (given.has_pretrain() && given.pretrain().folds().test_size() > 0) {
    AddProblem(problems, "pretrain.folds.test", "a pretraining uses no test fold; leave it out");
  }
  if (given.has_evaluate() &&
      given.evaluate().folds().train_size() + given.evaluate().folds().validation_size() > 0) {
    AddProblem(problems, "evaluate.folds",
               "an evaluation uses test folds only; leave train and validation out");
  }
  if (given.has_evaluate()) CheckEvaluation(given, problems);
  if (given.has_evaluate() && given.model().ByteSizeLong() > 0) {
    AddProblem(problems, "model", "an evaluation takes its model from evaluate.from; leave it out");
  } else if (InheritsModel(given) && GivesInheritedModelField(given.model())) {
    AddProblem(problems, "model",
               "a job with finetune.from takes its model from there; only dropout and head may be given");
  }
  if (given.ByteSizeLong() > kMaxResolvedBytes) {
    AddProblem(problems, "",
               absl::StrCat("the specification has ", given.ByteSizeLong(), " bytes; the limit is ",
                            kMaxResolvedBytes));
  }
}

void CheckTogether(const v1::JobSpec& spec, Problems& problems) {
  CheckName(spec, problems);
  CheckLabels(spec, problems);
  CheckReferences(spec, problems);
  CheckModel(spec, problems);
  CheckTraining(spec, problems);
  if (spec.has_pretrain()) {
    CheckFolds(spec.pretrain().folds(), "pretrain.folds", problems);
    CheckSignal(spec.pretrain().signal(), "pretrain.signal", problems);
    CheckMask(spec.pretrain(), problems);
  } else if (spec.has_finetune()) {
    CheckFolds(spec.finetune().folds(), "finetune.folds", problems);
    CheckSignal(spec.finetune().signal(), "finetune.signal", problems);
    CheckLabelSet(spec, problems);
  } else if (spec.has_evaluate()) {
    CheckFolds(spec.evaluate().folds(), "evaluate.folds", problems);
    CheckSignal(spec.evaluate().signal(), "evaluate.signal", problems);
    CheckLabelSet(spec, problems);
  }
}

}  // namespace ecgtrain
