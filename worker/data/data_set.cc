#include "worker/data/data_set.h"

#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "worker/data/ptbxl.h"
#include "worker/data/synthetic.h"

namespace ecgtrain {

absl::StatusOr<std::unique_ptr<DataSet>> OpenDataSet(const DataSetOptions& options) {
  if (options.type == "synthetic") {
    if (!options.path.empty()) return absl::InvalidArgumentError("a synthetic data set has no path");
    return OpenSynthetic({options.rate, options.records, options.seed});
  }
  if (options.type == "ptbxl") {
    if (options.path.empty()) return absl::InvalidArgumentError("a data set of type ptbxl needs a path");
    return OpenPtbxl(options.path, options.rate);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown data set type \"", options.type, "\"",
                                                 DidYouMean(options.type, {"ptbxl", "synthetic"})));
}

}  // namespace ecgtrain
