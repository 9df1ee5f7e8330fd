#include "worker/data/python_dict.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

// Thread-compatible.
class DictParser {
 public:
  explicit DictParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<std::pair<std::string, double>>> Run() {
    std::vector<std::pair<std::string, double>> entries;
    absl::flat_hash_set<std::string> keys;
    if (!Take('{')) return Bad("\"{\"");
    while (!Take('}')) {
      ASSIGN_OR_RETURN(std::string key, ReadString());
      if (!Take(':')) return Bad("\":\"");
      ASSIGN_OR_RETURN(const double value, ReadNumber());
      if (!keys.insert(key).second) return Bad(absl::StrCat("each key once, not ", Quoted(key), " again"));
      entries.emplace_back(std::move(key), value);
      if (!Take(',') && !Peek('}')) return Bad("\",\" or \"}\"");
    }
    SkipBlanks();
    if (at_ != text_.size()) return Bad("nothing after the closing brace");
    return entries;
  }

 private:
  absl::Status Bad(absl::string_view expected) const {
    return absl::DataLossError(absl::StrCat("dict literal, character ", at_ + 1, ": expected ", expected));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
  }

  bool Peek(char wanted) {
    SkipBlanks();
    return at_ < text_.size() && text_[at_] == wanted;
  }

  bool Take(char wanted) {
    if (!Peek(wanted)) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<std::string> ReadString() {
    const char quote = Peek('"') ? '"' : '\'';
    if (!Take(quote)) return Bad("a quoted key");
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size()) value += text_[at_];
      ++at_;
    }
    if (at_ >= text_.size()) return Bad("a closing quote");
    ++at_;
    return value;
  }

  absl::StatusOr<double> ReadNumber() {
    SkipBlanks();
    const size_t end = std::min(text_.find_first_of(",} \t\r\n", at_), text_.size());
    double value;
    if (!absl::SimpleAtod(text_.substr(at_, end - at_), &value) || !std::isfinite(value))
      return Bad("a finite number");
    at_ = end;
    return value;
  }

  absl::string_view text_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, double>>> ParsePythonDict(absl::string_view text) {
  return DictParser(text).Run();
}

}  // namespace ecgtrain
