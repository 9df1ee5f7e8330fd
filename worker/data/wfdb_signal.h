// Signals of WFDB records (signal(5) of the WFDB Applications Guide): formats 16 and 212.
#ifndef ECGTRAIN_WORKER_DATA_WFDB_SIGNAL_H_
#define ECGTRAIN_WORKER_DATA_WFDB_SIGNAL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/source_folder.h"

namespace ecgtrain {

struct WfdbRecord {
  double rate = 0;                 // samples a second
  size_t length = 0;               // samples a signal
  std::vector<std::string> names;  // of the signals, as the header describes them
  std::vector<std::string> comments;
  std::vector<double> millivolts;  // [length, signals]; NaN where the file marks a sample as missing
};

// Reads `record` ("records100/00000/00001_lr": without ".hea") and its signal files. Initial values,
// checksums and file sizes are verified. NOT_FOUND for an absent file; DATA_LOSS naming file, line or offset,
// field and expectation; UNIMPLEMENTED for other formats, several samples per frame and skewed signals.
absl::StatusOr<WfdbRecord> ReadWfdbRecord(const SourceFolder& folder, absl::string_view record);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_WFDB_SIGNAL_H_
