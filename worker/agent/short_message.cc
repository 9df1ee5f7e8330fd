#include "worker/agent/short_message.h"

#include "common/json.h"

namespace ecgtrain {

std::string ShortMessage(absl::string_view text) {
  // A character that the cut has halved is replaced with the rest that is not valid.
  const absl::StatusOr<nlohmann::json> valid =
      ParseJson(DumpJson(nlohmann::json(std::string(text.substr(0, 2000)))), "message");
  return valid.ok() ? valid->get<std::string>() : "";
}

}  // namespace ecgtrain
