// Reads a whole data set without packing it: finds every damaged recording at once, where packing ends at the
// first.
#ifndef ECGTRAIN_WORKER_DATA_CHECK_DATA_SET_H_
#define ECGTRAIN_WORKER_DATA_CHECK_DATA_SET_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/data/data_set.h"
#include "worker/data/preparation.h"

namespace ecgtrain {

struct DataSetCheck {
  size_t records = 0;                        // read, damaged ones included
  std::vector<absl::Status> damaged;         // in the set's order
  std::map<std::string, uint64_t> left_out;  // what packing would leave out, by reason
  std::map<std::string, uint64_t> flagged;   // what packing would flag, by flaw
};

// Uses `threads` threads (0: one a core).
DataSetCheck CheckDataSet(const DataSet& set, const PreparationOptions& preparation, int threads);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_CHECK_DATA_SET_H_
