#include "common/json.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"

namespace ecgtrain {

absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view what, int max_depth) {
  std::vector<std::set<std::string>> keys;
  std::string problem;
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > max_depth) problem = absl::StrCat("nesting over ", max_depth);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end && !keys.empty()) keys.pop_back();
    if (event == Event::key && !keys.empty()) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) problem = absl::StrCat("key \"", key, "\" stands twice");
    }
    return true;
  };
  try {
    nlohmann::json value = nlohmann::json::parse(text.begin(), text.end(), check);
    if (!problem.empty()) return absl::InvalidArgumentError(absl::StrCat(what, ": ", problem));
    return value;
  } catch (const nlohmann::json::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": not valid JSON at byte ", error.byte));
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": not valid JSON"));
  }
}

std::string DumpJson(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ecgtrain
