#include "spec/spec_rules.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "ecgtrain/v1/rules.pb.h"
#include "spec/dataset_reference.h"
#include "spec/field_value.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

const v1::FieldRule& RuleOf(const FieldDescriptor& field) { return field.options().GetExtension(v1::rule); }

std::string Bounds(const v1::FieldRule& rule) {
  if (rule.has_min() && rule.has_max() && rule.min() == rule.max()) {
    return absl::StrCat("must be ", FormatNumber(rule.min()));
  }
  if (rule.has_min() && rule.has_max())
    return absl::StrCat("must be ", FormatNumber(rule.min()), " to ", FormatNumber(rule.max()));
  return rule.has_min() ? absl::StrCat("must be at least ", FormatNumber(rule.min()))
                        : absl::StrCat("must be at most ", FormatNumber(rule.max()));
}

// Checks the values of one field.
class FieldCheck {
 public:
  FieldCheck(const Message& message, const FieldDescriptor& field, std::string path,
             std::vector<v1::SpecProblem>& problems)
      : message_(message),
        reflection_(*message.GetReflection()),
        field_(field),
        rule_(RuleOf(field)),
        path_(std::move(path)),
        problems_(problems) {}

  void Run() {
    if (rule_.required() && !IsPresent()) Add("is missing");
    if (field_.is_repeated()) {
      CheckSize(reflection_.FieldSize(message_, &field_), field_.is_map() ? " entries" : " elements");
    }
    if (!IsPresent() || field_.is_map()) return;
    if (IsSection(field_)) {
      CheckRules(reflection_.GetMessage(message_, &field_), path_, problems_);
    } else if (IsDuration(field_)) {
      CheckDuration();
    } else if (field_.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (!field_.is_repeated()) CheckString(reflection_.GetString(message_, &field_));
    } else {
      CheckNumbers();
    }
  }

 private:
  bool IsPresent() const {
    return field_.is_repeated() ? reflection_.FieldSize(message_, &field_) > 0
                                : reflection_.HasField(message_, &field_);
  }

  void Add(absl::string_view description) { AddProblem(problems_, path_, description); }

  void CheckSize(size_t size, absl::string_view unit) {
    if (!rule_.has_max_size() || size <= rule_.max_size()) return;
    Add(absl::StrCat("has ", size, unit, "; the limit is ", rule_.max_size()));
  }

  void CheckString(const std::string& value) {
    CheckSize(value.size(), " characters");
    const std::string shown = Quoted(value);
    if (rule_.identifier() && !IsIdentifier(value)) {
      Add(absl::StrCat(shown,
                       " must hold letters, digits, '.', '_' and '-' only and begin with a letter or digit"));
    }
    if (rule_.dataset()) {
      const absl::StatusOr<DatasetReference> reference = ParseDatasetReference(value);
      if (!reference.ok()) Add(reference.status().message());
    }
    if (rule_.one_of().empty()) return;
    const std::vector<std::string> known(rule_.one_of().begin(), rule_.one_of().end());
    for (const std::string& name : known) {
      if (name == value) return;
    }
    const std::string nearest = NearestName(value, known);
    Add(absl::StrCat(shown, " is not one of ", absl::StrJoin(known, ", "),
                     nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?")));
  }

  void CheckDuration() {
    google::protobuf::Duration value;
    value.CopyFrom(reflection_.GetMessage(message_, &field_));
    if (value.nanos() != 0) Add("must be whole seconds");
    CheckBounds(static_cast<double>(value.seconds()), "s", path_);
  }

  void CheckNumbers() {
    if (field_.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      CheckBounds(reflection_.GetDouble(message_, &field_), "", path_);
    } else if (field_.cpp_type() == FieldDescriptor::CPPTYPE_UINT32 && field_.is_repeated()) {
      for (int i = 0; i < reflection_.FieldSize(message_, &field_); ++i) {
        CheckBounds(reflection_.GetRepeatedUInt32(message_, &field_, i), "",
                    absl::StrCat(path_, "[", i, "]"));
      }
    } else if (field_.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
      CheckBounds(reflection_.GetUInt32(message_, &field_), "", path_);
    }
  }

  // Written so that NaN fails.
  void CheckBounds(double value, absl::string_view unit, const std::string& path) {
    const bool above = !rule_.has_min() || value >= rule_.min();
    const bool below = !rule_.has_max() || value <= rule_.max();
    if (above && below) return;
    AddProblem(problems_, path,
               absl::StrCat(Bounds(rule_), unit.empty() ? "" : " seconds", ", not ", FormatNumber(value)));
  }

  const Message& message_;
  const Reflection& reflection_;
  const FieldDescriptor& field_;
  const v1::FieldRule& rule_;
  const std::string path_;
  std::vector<v1::SpecProblem>& problems_;
};

}  // namespace

void AddProblem(std::vector<v1::SpecProblem>& problems, absl::string_view field,
                absl::string_view description) {
  v1::SpecProblem& problem = problems.emplace_back();
  problem.set_field(std::string(field));
  problem.set_description(std::string(description));
}

void FillDefaults(Message& message, std::vector<v1::SpecProblem>& problems) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_repeated()) continue;
    const bool present = reflection.HasField(message, &field);
    if (IsSection(field)) {
      if (present || field.real_containing_oneof() == nullptr) {
        FillDefaults(*reflection.MutableMessage(&message, &field), problems);
      }
      continue;
    }
    const v1::FieldRule& rule = RuleOf(field);
    if (present || !rule.has_default_value()) continue;
    const absl::Status status = SetScalar(message, field, rule.default_value(), false);
    if (!status.ok())
      AddProblem(problems, field.full_name(), absl::StrCat("default in spec.proto: ", status.message()));
  }
}

void CheckRules(const Message& message, const std::string& path, std::vector<v1::SpecProblem>& problems) {
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) {
    AddProblem(problems, path, "holds settings that this version does not know; use programs of one version");
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    FieldCheck(message, field, path.empty() ? field.name() : absl::StrCat(path, ".", field.name()), problems)
        .Run();
  }
}

}  // namespace ecgtrain
