#include "worker/train/training_state.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/train/events.h"

namespace ecgtrain {
namespace {

using Json = nlohmann::json;

absl::Status Missing(const char* key) {
  return absl::DataLossError(absl::StrCat("state.json: ", key, " is missing or of another type"));
}

absl::StatusOr<uint64_t> Count(const Json& json, const char* key) {
  const auto member = json.find(key);
  if (member == json.end() || !member->is_number_unsigned()) return Missing(key);
  return member->get<uint64_t>();
}

// The inverse of EventNumber.
absl::StatusOr<double> Number(const Json& json, const char* key) {
  const auto member = json.find(key);
  if (member == json.end()) return Missing(key);
  if (member->is_number()) return member->get<double>();
  if (*member == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (*member == "inf") return std::numeric_limits<double>::infinity();
  if (*member == "-inf") return -std::numeric_limits<double>::infinity();
  return Missing(key);
}

}  // namespace

Json StateToJson(const TrainingState& state) {
  Json best = Json::object();
  for (const auto& [name, value] : state.best) best[name] = EventNumber(value);
  return {{"step", state.step},
          {"epoch", state.epoch},
          {"step_in_epoch", state.step_in_epoch},
          {"best_step", state.best_step},
          {"best", best},
          {"learning_rate", EventNumber(state.plateau.learning_rate)},
          {"plateau_best", EventNumber(state.plateau.best)},
          {"epochs_since_best", state.plateau.epochs_since_best},
          {"approximate_resumes", state.approximate_resumes}};
}

Json PlaceToJson(const TrainingPlace& place) {
  return {{"step", place.step},
          {"total_steps", place.total_steps},
          {"epoch", place.epoch},
          {"epochs", place.epochs}};
}

absl::StatusOr<TrainingState> StateFromJson(const Json& json) {
  TrainingState state;
  ASSIGN_OR_RETURN(state.step, Count(json, "step"));
  ASSIGN_OR_RETURN(state.epoch, Count(json, "epoch"));
  ASSIGN_OR_RETURN(state.step_in_epoch, Count(json, "step_in_epoch"));
  ASSIGN_OR_RETURN(state.best_step, Count(json, "best_step"));
  ASSIGN_OR_RETURN(state.plateau.learning_rate, Number(json, "learning_rate"));
  ASSIGN_OR_RETURN(state.plateau.best, Number(json, "plateau_best"));
  ASSIGN_OR_RETURN(const uint64_t since_best, Count(json, "epochs_since_best"));
  state.plateau.epochs_since_best = static_cast<uint32_t>(since_best);
  ASSIGN_OR_RETURN(state.approximate_resumes, Count(json, "approximate_resumes"));
  const auto best = json.find("best");
  if (best == json.end() || !best->is_object()) return Missing("best");
  for (const auto& [name, value] : best->items()) {
    ASSIGN_OR_RETURN(state.best[name], Number(*best, name.c_str()));
  }
  return state;
}

}  // namespace ecgtrain
