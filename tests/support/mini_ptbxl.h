// Writes a miniature PTB-XL in its official layout, with synthetic signals: for tests that need a data set on
// the disk.
#ifndef ECGTRAIN_TESTS_SUPPORT_MINI_PTBXL_H_
#define ECGTRAIN_TESTS_SUPPORT_MINI_PTBXL_H_

#include <cstdint>
#include <filesystem>

#include "absl/status/status.h"

namespace ecgtrain::testing {

struct MiniPtbxlOptions {
  int records = 40;  // folds 1 to 10 in turn, two records a patient
  uint64_t seed = 1;
  bool records500 = true;  // besides records100
};

// Ten statements of both CSV files' real shape: 10 all, 6 diagnostic, 5 subdiagnostic, 4 superdiagnostic, 3
// form (one of them diagnostic too), 2 rhythm. Record k has id k + 1 and the files
// records100/00000/0000k_lr.{hea,dat}.
absl::Status WriteMiniPtbxl(const std::filesystem::path& folder, const MiniPtbxlOptions& options = {});

}  // namespace ecgtrain::testing

#endif  // ECGTRAIN_TESTS_SUPPORT_MINI_PTBXL_H_
