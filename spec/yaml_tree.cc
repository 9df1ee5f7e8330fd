#include "spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/quoted.h"

namespace ecgtrain {
namespace {

// Ends the parse from inside yaml-cpp; never leaves this file.
struct Refused {
  int line;
  std::string reason;
};

int LineOf(const YAML::Mark& mark) { return mark.is_null() ? 1 : mark.line + 1; }

// yaml-cpp reports plain values as tag "?" and quoted ones as "!"; anything else was written by hand.
void RefuseProperties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                      bool may_be_quoted) {
  if (anchor != YAML::NullAnchor) throw Refused{LineOf(mark), "anchors (&) and aliases (*) are not allowed"};
  if (tag.empty() || tag == "?" || (may_be_quoted && tag == "!")) return;
  throw Refused{LineOf(mark), absl::StrCat("tags (", Shown(tag, 40), ") are not allowed")};
}

// Builds the tree. Open containers are held by value on a stack, so that growing vectors move nothing that is
// pointed to.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(int max_depth) : max_depth_(max_depth) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseProperties(mark, "", anchor, false);
    YamlNode node;
    node.line = LineOf(mark);
    Add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{LineOf(mark), "anchors (&) and aliases (*) are not allowed"};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseProperties(mark, tag, anchor, true);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.line = LineOf(mark);
    node.text = value;
    node.quoted = tag == "!";
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMapping, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

  YamlNode Take() { return std::move(root_); }

 private:
  struct Container {
    YamlNode node;
    // Inside a mapping: the key whose value comes next.
    bool has_key = false;
    std::string key;
    int key_line = 0;
  };

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseProperties(mark, tag, anchor, false);
    if (static_cast<int>(open_.size()) >= max_depth_) {
      throw Refused{LineOf(mark), absl::StrCat("nested more than ", max_depth_, " levels deep")};
    }
    Container container;
    container.node.kind = kind;
    container.node.line = LineOf(mark);
    open_.push_back(std::move(container));
  }

  void Close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    Add(std::move(node));
  }

  void Add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Container& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      TakeKey(parent, std::move(node));
    } else {
      parent.node.members.push_back({std::move(parent.key), parent.key_line, std::move(node)});
      parent.has_key = false;
    }
  }

  static void TakeKey(Container& mapping, YamlNode key) {
    if (key.kind != YamlNode::Kind::kScalar) throw Refused{key.line, "a key must be a plain word"};
    for (const YamlMember& earlier : mapping.node.members) {
      if (earlier.key != key.text) continue;
      throw Refused{key.line, absl::StrCat("key ", Quoted(key.text, 64),
                                           " stands here a second time; first in line ", earlier.line)};
    }
    if (mapping.node.members.size() >= kMaxMembers)
      throw Refused{key.line, "more than 1,000 keys in one mapping"};
    mapping.has_key = true;
    mapping.key = std::move(key.text);
    mapping.key_line = key.line;
  }

  // Keeps the search for doubled keys short.
  static constexpr size_t kMaxMembers = 1000;

  const int max_depth_;
  std::vector<Container> open_;
  YamlNode root_;
};

// yaml-cpp takes 0x04 for the end of the text, and NUL for the mark of another encoding.
absl::Status RefuseControlCharacters(absl::string_view text, absl::string_view what) {
  int line = 1;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') ++line;
    if ((byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f) {
      return YamlError(what, line, absl::StrCat("control character 0x", absl::Hex(byte, absl::kZeroPad2)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status YamlError(absl::string_view what, int line, absl::string_view reason) {
  return absl::InvalidArgumentError(line > 0 ? absl::StrCat(what, ":", line, ": ", reason)
                                             : absl::StrCat(what, ": ", reason));
}

absl::StatusOr<YamlNode> ParseYaml(absl::string_view text, absl::string_view what, YamlLimits limits) {
  if (text.size() > limits.bytes) {
    return YamlError(what, 0, absl::StrCat("has ", text.size(), " bytes; the limit is ", limits.bytes));
  }
  if (absl::Status status = RefuseControlCharacters(text, what); !status.ok()) return status;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(limits.depth);
    if (!parser.HandleNextDocument(builder)) return YamlError(what, 0, "is empty");
    TreeBuilder second(limits.depth);
    if (parser.HandleNextDocument(second))
      return YamlError(what, 0, "holds more than one document; write one");
    return builder.Take();
  } catch (const Refused& refused) {
    return YamlError(what, refused.line, refused.reason);
  } catch (const YAML::Exception& error) {
    return YamlError(what, LineOf(error.mark), absl::StrCat("not valid YAML: ", error.msg));
  }
}

}  // namespace ecgtrain
