// A YAML document as a tree that remembers line numbers and quoting, read with everything refused that a
// specification has no use for: anchors, aliases, tags, doubled keys, several documents, deep nesting.
#ifndef ECGTRAIN_SPEC_YAML_TREE_H_
#define ECGTRAIN_SPEC_YAML_TREE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

struct YamlMember;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  // From 1; of the node's first character.
  int line = 1;
  // Of a scalar: its text without quotes, and whether it had any.
  std::string text;
  bool quoted = false;
  std::vector<YamlNode> items;
  std::vector<YamlMember> members;
};

struct YamlMember {
  std::string key;
  int line = 1;
  YamlNode value;
};

struct YamlLimits {
  size_t bytes = 0;
  // Mappings and sequences inside one another; the outermost counts as 1.
  int depth = 0;
};

// One document. INVALID_ARGUMENT "WHAT:LINE: reason". Thread-safe.
absl::StatusOr<YamlNode> ParseYaml(absl::string_view text, absl::string_view what, YamlLimits limits);

// INVALID_ARGUMENT "WHAT:LINE: reason"; without a line for line 0.
absl::Status YamlError(absl::string_view what, int line, absl::string_view reason);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_YAML_TREE_H_
