#include "worker/data/own_description.h"

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

using Reader = std::function<absl::Status(const YAML::Node&)>;

absl::Status Bad(absl::string_view expected) {
  return absl::DataLossError(absl::StrCat("expected ", expected));
}

// Hands each member of a mapping to its reader.
absl::Status ReadMapping(const YAML::Node& node, const std::map<std::string, Reader>& readers) {
  if (!node.IsMap()) return Bad("a mapping of keys to values");
  std::vector<std::string> known;
  known.reserve(readers.size());
  for (const auto& [key, reader] : readers) known.push_back(key);
  std::set<std::string> seen;
  for (const auto& member : node) {
    const auto key = member.first.as<std::string>();
    if (!seen.insert(key).second) return Bad(absl::StrCat("the key ", Quoted(key), " once"));
    const auto reader = readers.find(key);
    if (reader == readers.end())
      return absl::DataLossError(absl::StrCat("unknown key ", Quoted(key), DidYouMean(key, known)));
    RETURN_IF_ERROR(WithContext(reader->second(member.second), key));
  }
  return absl::OkStatus();
}

absl::Status ReadText(const YAML::Node& node, std::string* target) {
  if (!node.IsScalar() || node.Scalar().empty()) return Bad("a text");
  *target = node.Scalar();
  return absl::OkStatus();
}

template <typename T>  // std::string or std::optional<std::string>
Reader Text(T& target) {
  return [&target](const YAML::Node& node) -> absl::Status {
    std::string text;
    RETURN_IF_ERROR(ReadText(node, &text));
    target = std::move(text);
    return absl::OkStatus();
  };
}

Reader Texts(std::vector<std::string>& target) {
  return [&target](const YAML::Node& node) -> absl::Status {
    if (!node.IsSequence()) return Bad("a list of texts");
    for (const YAML::Node& each : node) RETURN_IF_ERROR(ReadText(each, &target.emplace_back()));
    const std::set<std::string> once(target.begin(), target.end());
    return once.size() == target.size() ? absl::OkStatus() : Bad("each text once");
  };
}

Reader Positive(double& target) {
  return [&target](const YAML::Node& node) -> absl::Status {
    if (node.IsScalar() && YAML::convert<double>::decode(node, target) && std::isfinite(target) && target > 0)
      return absl::OkStatus();
    return Bad("a number above 0");
  };
}

Reader Flag(bool& target) {
  return [&target](const YAML::Node& node) -> absl::Status {
    return node.IsScalar() && YAML::convert<bool>::decode(node, target) ? absl::OkStatus()
                                                                        : Bad("true or false");
  };
}

Reader Columns(OwnDescription& own) {
  return [&own](const YAML::Node& node) {
    return ReadMapping(node, {{"path", Text(own.path)},
                              {"patient", Text(own.patient)},
                              {"id", Text(own.id)},
                              {"fold", Text(own.fold)},
                              {"row", Text(own.row)}});
  };
}

Reader Labels(OwnDescription& own) {
  return [&own](const YAML::Node& node) -> absl::Status {
    if (node.IsSequence()) return Texts(own.label_columns)(node);
    RETURN_IF_ERROR(ReadMapping(node, {{"column", Text(own.label_list)},
                                       {"separator", Text(own.separator)},
                                       {"classes", Texts(own.classes)}}));
    return own.label_list ? absl::OkStatus() : Bad("a column");
  };
}

Reader Hdf5(OwnDescription& own) {
  return [&own](const YAML::Node& node) {
    return ReadMapping(node, {{"tracings", Text(own.hdf5.tracings)},
                              {"ids", Text(own.hdf5.ids)},
                              {"rate", Positive(own.hdf5.rate)},
                              {"gain", Positive(own.hdf5.gain)},
                              {"leads", Texts(own.hdf5.leads)},
                              {"leads_first", Flag(own.hdf5.leads_first)}});
  };
}

absl::Status ReadDescription(const YAML::Node& node, OwnDescription& own) {
  std::string signals = "wfdb";
  own.hdf5.ids = "";
  own.hdf5.rate = 0;
  own.hdf5.ids_required = true;
  RETURN_IF_ERROR(ReadMapping(node, {{"manifest", Text(own.manifest)},
                                     {"signals", Text(signals)},
                                     {"columns", Columns(own)},
                                     {"labels", Labels(own)},
                                     {"hdf5", Hdf5(own)}}));
  if (signals != "wfdb" && signals != "hdf5")
    return absl::DataLossError(absl::StrCat("signals: expected wfdb or hdf5, found ", Quoted(signals)));
  own.is_hdf5 = signals == "hdf5";
  if (own.is_hdf5 && own.hdf5.rate == 0)
    return absl::DataLossError("hdf5: expected a rate, for HDF5 files do not tell it");
  if (own.is_hdf5 && !own.hdf5.ids.empty() && !own.id)
    return absl::DataLossError("columns: expected an id, by which the manifest is joined with hdf5.ids");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OwnDescription> ParseOwnDescription(absl::string_view text, absl::string_view name) {
  OwnDescription own;
  try {
    const absl::Status status = ReadDescription(YAML::Load(std::string(text)), own);
    if (!status.ok()) return WithContext(status, name);
  } catch (const YAML::Exception& error) {
    return absl::DataLossError(absl::StrCat(name, ": ", Shown(error.what(), 200)));
  }
  return own;
}

}  // namespace ecgtrain
