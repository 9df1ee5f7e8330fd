// What is in a pack, for people and scripts: counts by fold and by class.
#ifndef ECGTRAIN_WORKER_DATA_PACK_REPORT_H_
#define ECGTRAIN_WORKER_DATA_PACK_REPORT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/json.h"
#include "worker/data/pack.h"

namespace ecgtrain {

struct PackReport {
  std::array<uint64_t, 10> records_by_fold = {};  // folds 1 to 10
  uint64_t patients = 0;
  uint32_t shortest = 0;  // samples a lead
  uint32_t longest = 0;
  struct Task {
    uint64_t labelled_records = 0;
    std::vector<uint64_t> positives;  // by class
  };
  std::vector<Task> tasks;
};

PackReport DescribePack(const Pack& pack);
nlohmann::json PackReportJson(const Pack& pack, const PackReport& report);
std::string PackReportText(const Pack& pack, const PackReport& report);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PACK_REPORT_H_
