#include "spec/spec_reference.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ecgtrain/v1/rules.pb.h"
#include "ecgtrain/v1/spec.pb.h"
#include "spec/embedded.h"
#include "spec/field_value.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

constexpr absl::string_view kIntroduction = R"(# Job specification

Made from `proto/ecgtrain/v1/spec.proto` by `ecg-spec-reference`; change that file, not this page.

A specification is one YAML or JSON mapping. It names exactly one task, `pretrain`, `finetune` or `evaluate`, and may set
everything else. What is left out gets its default when the job is submitted, and is stored with the job;
`ecgctl job validate -f FILE` shows the result and all problems at once. Unknown keys are errors. A file may also hold a batch: the one
key `jobs` with a list of specifications, which are accepted together or not at all and may refer to one another by name.

```yaml
name: ptbxl-from-pretraining
finetune:
  dataset: ptbxl
  task: all
  from: job/12@best
optimizer: {learning_rate: 1e-3}
schedule: {epochs: 50, batch_size: 64}
resources: {device: any, max_time: 12h}
```

Numbers are decimal and without leading zeros, switches are `true` or `false`, durations are written `90s`, `10m`, `1h30m`. Text needs quotes
only where YAML asks for them. Anchors, aliases and tags are refused; so are more than 64 KiB (a batch: 1 MiB and 1,000 jobs) and
more than 16 levels. On the command line `--set optimizer.learning_rate=3e-4` and `--set finetune.folds.train=[1,2,3]` set
single fields.

A job that starts `from` another takes `model` and `signal` from there: a fine-tuning may give `model.dropout` and `model.head`, an
evaluation no part of `model`.
)";

using CommentsByPath = std::map<std::vector<int>, std::string>;

std::string OneLine(absl::string_view comment) {
  std::vector<std::string> words = absl::StrSplit(comment, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return absl::StrJoin(words, " ");
}

// Leading comments of spec.proto by their place, as descriptor.proto explains under SourceCodeInfo.
CommentsByPath ReadComments() {
  google::protobuf::FileDescriptorSet files;
  CommentsByPath comments;
  if (!files.ParseFromArray(kSpecDescriptors.data, static_cast<int>(kSpecDescriptors.size)) ||
      files.file_size() != 1) {
    return comments;
  }
  for (const auto& location : files.file(0).source_code_info().location()) {
    if (!location.has_leading_comments()) continue;
    comments[{location.path().begin(), location.path().end()}] = OneLine(location.leading_comments());
  }
  return comments;
}

struct Section {
  const Descriptor* type;
  // Everywhere it is used: "pretrain.folds", "finetune.folds".
  std::vector<std::string> paths;
};

void CollectSections(const Descriptor& type, const std::string& path, std::vector<Section>& sections) {
  const auto known =
      std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.type == &type; });
  if (known != sections.end()) {
    known->paths.push_back(path);
  } else {
    sections.push_back({&type, {path}});
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!IsSection(field)) continue;
    CollectSections(*field.message_type(),
                    path.empty() ? field.name() : absl::StrCat(path, ".", field.name()), sections);
  }
}

std::string Code(absl::string_view text) { return absl::StrCat("`", text, "`"); }

std::string Type(const FieldDescriptor& field) {
  if (field.is_map()) return "mapping";
  if (IsDuration(field)) return "duration";
  if (IsSection(field)) return "section";
  std::string type = "text";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32) type = "whole number";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) type = "number";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) type = "switch";
  return field.is_repeated() ? absl::StrCat("list of ", type, "s") : type;
}

std::string Default(const FieldDescriptor& field, const v1::FieldRule& rule, const std::string& comment) {
  if (rule.required()) return "required";
  if (rule.has_default_value()) return Code(rule.default_value());
  if (comment.find("Default: ") != std::string::npos || comment.find("Defaults: ") != std::string::npos)
    return "see right";
  return field.is_repeated() ? "none" : "";
}

std::string Values(const FieldDescriptor& field, const v1::FieldRule& rule) {
  std::vector<std::string> parts;
  for (const std::string& value : rule.one_of()) parts.push_back(Code(value));
  const absl::string_view unit = IsDuration(field) ? " s" : "";
  if (rule.has_min() && rule.has_max()) {
    const std::string bounds = absl::StrCat(FormatNumber(rule.min()), " to ", FormatNumber(rule.max()), unit);
    parts.push_back(rule.min() == rule.max() ? FormatNumber(rule.min()) : bounds);
  } else if (rule.has_min()) {
    parts.push_back(absl::StrCat("at least ", FormatNumber(rule.min()), unit));
  } else if (rule.has_max()) {
    parts.push_back(absl::StrCat("at most ", FormatNumber(rule.max()), unit));
  }
  if (rule.has_max_size()) {
    parts.push_back(
        absl::StrCat("at most ", rule.max_size(), field.is_repeated() ? " elements" : " characters"));
  }
  if (rule.identifier()) parts.push_back("letters, digits, `.`, `_`, `-`");
  return absl::StrJoin(parts, ", ");
}

void AppendSection(const Section& section, const CommentsByPath& comments, std::string& page) {
  const auto comment_at = [&comments](const std::vector<int>& path) {
    const auto found = comments.find(path);
    return found == comments.end() ? std::string() : found->second;
  };
  using FileProto = google::protobuf::FileDescriptorProto;
  const int message = section.type->index();
  if (section.paths[0].empty()) {
    absl::StrAppend(&page, "\n## Top level\n\n");
  } else {
    const auto code = [](std::string* out, const std::string& path) { absl::StrAppend(out, Code(path)); };
    absl::StrAppend(&page, "\n## ", absl::StrJoin(section.paths, ", ", code), "\n\n");
  }
  const std::string about = comment_at({FileProto::kMessageTypeFieldNumber, message});
  if (!about.empty()) absl::StrAppend(&page, about, "\n\n");
  absl::StrAppend(&page, "| field | type | default | values | meaning |\n|---|---|---|---|---|\n");
  for (int i = 0; i < section.type->field_count(); ++i) {
    const FieldDescriptor& field = *section.type->field(i);
    const v1::FieldRule& rule = field.options().GetExtension(v1::rule);
    const std::string comment =
        comment_at({FileProto::kMessageTypeFieldNumber, message,
                    google::protobuf::DescriptorProto::kFieldFieldNumber, field.index()});
    absl::StrAppend(&page, "| ", Code(field.name()), " | ", Type(field), " | ", Default(field, rule, comment),
                    " | ", Values(field, rule), " | ", absl::StrReplaceAll(comment, {{"|", "\\|"}}), " |\n");
  }
}

}  // namespace

std::string SpecReference() {
  const CommentsByPath comments = ReadComments();
  std::vector<Section> sections;
  CollectSections(*v1::JobSpec::descriptor(), "", sections);
  std::string page(kIntroduction);
  for (const Section& section : sections) AppendSection(section, comments, page);
  return page;
}

}  // namespace ecgtrain
