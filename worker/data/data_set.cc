#include "worker/data/data_set.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "common/quoted.h"
#include "worker/data/challenge.h"
#include "worker/data/code_family.h"
#include "worker/data/cpsc2018.h"
#include "worker/data/mimic_iv_ecg.h"
#include "worker/data/own_data.h"
#include "worker/data/ptbxl.h"
#include "worker/data/synthetic.h"

namespace ecgtrain {
namespace {

// One kind of set: how its folder is opened.
struct Type {
  const char* name;
  double gain;  // of the published files; 0 for sets that are not in HDF5
  absl::StatusOr<std::unique_ptr<DataSet>> (*open)(const DataSetOptions& options, double gain);
};

constexpr Type kTypes[] = {
    {"challenge", 0, [](const DataSetOptions& options, double) { return OpenChallenge(options.path); }},
    {"code", 1,
     [](const DataSetOptions& options, double gain) { return OpenCode("code", options.path, gain); }},
    {"code-test", 1,
     [](const DataSetOptions& options, double gain) { return OpenCodeTest(options.path, gain); }},
    {"code15", 0.5,
     [](const DataSetOptions& options, double gain) { return OpenCode("code15", options.path, gain); }},
    {"cpsc2018", 0, [](const DataSetOptions& options, double) { return OpenCpsc2018(options.path); }},
    {"mimic-iv-ecg", 0, [](const DataSetOptions& options, double) { return OpenMimicIvEcg(options.path); }},
    {"own", 1, [](const DataSetOptions& options, double gain) { return OpenOwnData(options.path, gain); }},
    {"ptbxl", 0, [](const DataSetOptions& options, double) { return OpenPtbxl(options.path, options.rate); }},
    {"sami-trop", 0.5,
     [](const DataSetOptions& options, double gain) { return OpenSamiTrop(options.path, gain); }},
};
constexpr char kSynthetic[] = "synthetic";

absl::StatusOr<std::unique_ptr<DataSet>> OpenType(const Type& type, const DataSetOptions& options) {
  if (options.path.empty())
    return absl::InvalidArgumentError(absl::StrCat("a data set of type ", type.name, " needs a path"));
  if (options.gain == 0) return type.open(options, type.gain);
  if (type.gain == 0) {
    return absl::InvalidArgumentError(absl::StrCat("gain: a data set of type ", type.name,
                                                   " states its units; only sets in HDF5 take a gain"));
  }
  if (!std::isfinite(options.gain) || options.gain < 0)
    return absl::InvalidArgumentError(absl::StrCat("gain: expected a number above 0, found ", options.gain));
  return type.open(options, options.gain);
}

}  // namespace

std::vector<std::string> DataSetTypes() {
  std::vector<std::string> names;
  for (const Type& type : kTypes) names.emplace_back(type.name);
  names.emplace_back(kSynthetic);
  return names;
}

absl::StatusOr<std::unique_ptr<DataSet>> OpenDataSet(const DataSetOptions& options) {
  if (options.type == kSynthetic) {
    if (!options.path.empty()) return absl::InvalidArgumentError("a synthetic data set has no path");
    return OpenSynthetic({options.rate, options.records, options.seed});
  }
  for (const Type& type : kTypes) {
    if (options.type == type.name) return OpenType(type, options);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown data set type ", Quoted(options.type), DidYouMean(options.type, DataSetTypes())));
}

}  // namespace ecgtrain
