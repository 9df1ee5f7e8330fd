// What `ecgctl demo` trains.
#ifndef ECGTRAIN_CLIENT_CLI_DEMO_PLAN_H_
#define ECGTRAIN_CLIENT_CLI_DEMO_PLAN_H_

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ecgtrain/v1/spec.pb.h"

namespace ecgtrain {

// Fold numbers that occur in ptbxl_database.csv of a PTB-XL folder. INVALID_ARGUMENT when the file has no
// column strat_fold or no record; otherwise as durable_file.h.
absl::StatusOr<std::set<int>> FoldsOfPtbxl(const std::filesystem::path& folder);

struct DemoPlan {
  // Name of the data set.
  std::string dataset = "synthetic";
  // Text of the folds: the usual ones, or 1-7, 8, 9 where there is no fold 10.
  bool without_fold_10 = false;
  int pretraining_epochs = 20;
  int finetuning_epochs = 25;
};

// One batch: `pretrain`; `pretrained`, which starts from its best checkpoint; `scratch`, the same without.
std::string DemoSpecification(const DemoPlan& plan);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_DEMO_PLAN_H_
