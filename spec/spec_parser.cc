#include "spec/spec_parser.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "spec/field_value.h"
#include "spec/yaml_tree.h"

namespace ecgtrain {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::OneofDescriptor;

std::string Join(absl::string_view path, absl::string_view name) {
  return path.empty() ? std::string(name) : absl::StrCat(path, ".", name);
}

std::string UnknownKey(absl::string_view key, absl::string_view path, const Descriptor& type) {
  return absl::StrCat("unknown key ", Quoted(key), " in ", path.empty() ? "the specification" : path,
                      DidYouMean(key, FieldNames(type)));
}

// A task beside the one that is there already.
absl::Status RefuseSecondTask(const Message& message, const FieldDescriptor& field) {
  const OneofDescriptor* oneof = field.real_containing_oneof();
  if (oneof == nullptr) return absl::OkStatus();
  const FieldDescriptor* present = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  if (present == nullptr || present == &field) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", field.name(), "\" beside \"", present->name(), "\"; a job has one of them"));
}

// Moves the content of a tree into a message; errors carry the line of the value or key.
class MessageFiller {
 public:
  explicit MessageFiller(absl::string_view what) : what_(what) {}

  absl::Status FillSection(const YamlNode& node, absl::string_view path, Message& message) const {
    const Descriptor& type = *message.GetDescriptor();
    if (node.kind != YamlNode::Kind::kMapping) {
      return Error(node.line, absl::StrCat(path.empty() ? "a specification" : path, " must be a mapping of ",
                                           absl::StrJoin(FieldNames(type), ", ")));
    }
    for (const YamlMember& member : node.members) {
      const FieldDescriptor* field = type.FindFieldByName(member.key);
      if (field == nullptr) return Error(member.line, UnknownKey(member.key, path, type));
      if (absl::Status status = RefuseSecondTask(message, *field); !status.ok()) {
        return Error(member.line, status.message());
      }
      RETURN_IF_ERROR(FillField(member.value, Join(path, field->name()), *field, message));
    }
    return absl::OkStatus();
  }

  absl::Status FillField(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                         Message& message) const {
    if (node.kind == YamlNode::Kind::kNull) {
      return Error(node.line,
                   absl::StrCat(path, " has no value; write ", TypeInWords(field), " or leave it out"));
    }
    if (field.is_map()) return FillMap(node, path, field, message);
    if (field.is_repeated()) return FillList(node, path, field, message);
    if (IsSection(field))
      return FillSection(node, path, *message.GetReflection()->MutableMessage(&message, &field));
    return FillScalar(node, path, field, message);
  }

 private:
  absl::Status Error(int line, absl::string_view reason) const { return YamlError(what_, line, reason); }

  absl::Status FillScalar(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                          Message& message) const {
    if (node.kind != YamlNode::Kind::kScalar) {
      return Error(node.line, absl::StrCat(path, " must be ", TypeInWords(field)));
    }
    const absl::Status status = SetScalar(message, field, node.text, node.quoted);
    return status.ok() ? status : Error(node.line, absl::StrCat(path, ": ", status.message()));
  }

  absl::Status FillList(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                        Message& message) const {
    if (node.kind != YamlNode::Kind::kSequence) {
      const std::string hint =
          node.kind == YamlNode::Kind::kScalar ? absl::StrCat("; write [", Shown(node.text), "]") : "";
      return Error(node.line, absl::StrCat(path, " must be ", TypeInWords(field), hint));
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      const std::string item_path = absl::StrCat(path, "[", i, "]");
      if (node.items[i].kind != YamlNode::Kind::kScalar) {
        return Error(node.items[i].line,
                     absl::StrCat(item_path, ": ", path, " must be ", TypeInWords(field)));
      }
      RETURN_IF_ERROR(FillScalar(node.items[i], item_path, field, message));
    }
    return absl::OkStatus();
  }

  absl::Status FillMap(const YamlNode& node, const std::string& path, const FieldDescriptor& field,
                       Message& message) const {
    if (node.kind != YamlNode::Kind::kMapping) {
      return Error(node.line, absl::StrCat(path, " must be ", TypeInWords(field)));
    }
    for (const YamlMember& member : node.members) {
      const std::string member_path = Join(path, Shown(member.key));
      Message* entry = message.GetReflection()->AddMessage(&message, &field);
      RETURN_IF_ERROR(SetScalar(*entry, *field.message_type()->map_key(), member.key, true));
      RETURN_IF_ERROR(FillField(member.value, member_path, *field.message_type()->map_value(), *entry));
    }
    return absl::OkStatus();
  }

  const absl::string_view what_;
};

absl::StatusOr<v1::JobSpec> SpecFromNode(const YamlNode& node, absl::string_view what) {
  v1::JobSpec spec;
  RETURN_IF_ERROR(MessageFiller(what).FillSection(node, "", spec));
  return spec;
}

// Lists and quoted values are YAML; everything else is taken as it stands, so that "@last" needs no quotes.
absl::StatusOr<YamlNode> SettingValue(absl::string_view text, absl::string_view what) {
  if (absl::StartsWith(text, "[") || absl::StartsWith(text, "{") || absl::StartsWith(text, "\"") ||
      absl::StartsWith(text, "'")) {
    return ParseYaml(text, what, {kMaxSpecBytes, kMaxSpecDepth});
  }
  YamlNode node;
  node.line = 0;
  node.text = std::string(text);
  node.kind = text.empty() ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
  return node;
}

absl::Status SetLabel(v1::JobSpec& spec, absl::string_view key, const YamlNode& value,
                      absl::string_view what) {
  if (key.empty() || value.kind != YamlNode::Kind::kScalar)
    return YamlError(what, 0, "write labels.KEY=VALUE");
  (*spec.mutable_labels())[std::string(key)] = value.text;
  return absl::OkStatus();
}

absl::Status SetPath(v1::JobSpec& spec, absl::string_view path, const YamlNode& value,
                     absl::string_view what) {
  if (absl::StartsWith(path, "labels.")) return SetLabel(spec, path.substr(7), value, what);
  Message* message = &spec;
  std::string walked;
  const std::vector<std::string> names = absl::StrSplit(path, '.');
  for (size_t i = 0; i < names.size(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(names[i]);
    if (field == nullptr) return YamlError(what, 0, UnknownKey(names[i], walked, *message->GetDescriptor()));
    if (absl::Status status = RefuseSecondTask(*message, *field); !status.ok()) {
      return YamlError(what, 0, status.message());
    }
    walked = Join(walked, names[i]);
    if (i + 1 == names.size()) {
      message->GetReflection()->ClearField(message, field);
      return MessageFiller(what).FillField(value, walked, *field, *message);
    }
    if (!IsSection(*field))
      return YamlError(what, 0, absl::StrCat(walked, " is no section; it is ", TypeInWords(*field)));
    message = message->GetReflection()->MutableMessage(message, field);
  }
  return absl::InternalError("empty path");
}

}  // namespace

absl::StatusOr<v1::JobSpec> ParseSpec(absl::string_view text, absl::string_view what) {
  ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, what, {kMaxSpecBytes, kMaxSpecDepth}));
  return SpecFromNode(root, what);
}

absl::StatusOr<std::vector<v1::JobSpec>> ParseSpecs(absl::string_view text, absl::string_view what) {
  ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, what, {kMaxBatchBytes, kMaxSpecDepth}));
  std::vector<v1::JobSpec> specs;
  if (root.kind != YamlNode::Kind::kMapping || root.members.empty() || root.members[0].key != "jobs") {
    ASSIGN_OR_RETURN(v1::JobSpec spec, SpecFromNode(root, what));
    specs.push_back(std::move(spec));
    return specs;
  }
  if (root.members.size() > 1) {
    return YamlError(what, root.members[1].line,
                     absl::StrCat("unknown key ", Quoted(root.members[1].key),
                                  " beside \"jobs\"; nothing may stand there"));
  }
  const YamlNode& jobs = root.members[0].value;
  if (jobs.kind != YamlNode::Kind::kSequence || jobs.items.empty()) {
    return YamlError(what, jobs.line, "jobs must be a list of specifications");
  }
  if (jobs.items.size() > kMaxBatchJobs) {
    return YamlError(
        what, jobs.line,
        absl::StrCat("jobs holds ", jobs.items.size(), " specifications; the limit is ", kMaxBatchJobs));
  }
  for (const YamlNode& job : jobs.items) {
    ASSIGN_OR_RETURN(v1::JobSpec spec, SpecFromNode(job, what));
    specs.push_back(std::move(spec));
  }
  return specs;
}

absl::Status ApplySetting(v1::JobSpec& spec, absl::string_view setting) {
  const size_t equals = setting.find('=');
  const std::string what = absl::StrCat("--set ", Shown(setting.substr(0, equals)));
  if (equals == absl::string_view::npos || equals == 0) {
    return YamlError(what, 0, "write it as key=value, for example optimizer.learning_rate=3e-4");
  }
  ASSIGN_OR_RETURN(const YamlNode value, SettingValue(setting.substr(equals + 1), what));
  v1::JobSpec changed = spec;
  RETURN_IF_ERROR(SetPath(changed, setting.substr(0, equals), value, what));
  spec = std::move(changed);
  return absl::OkStatus();
}

}  // namespace ecgtrain
