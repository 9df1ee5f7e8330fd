// Signals of WFDB records (signal(5) of the WFDB Applications Guide), in the formats of wfdb_format.h, plain
// or in several segments.
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
// checksums, file sizes and the prologs of MAT version 4 files are verified.
//
// Where all signals have the same number of samples a frame, each of them is a sample of the result; where
// they differ, a signal's samples of a frame are averaged. Skewed signals are moved into place, and the
// record ends where the first of them ends. A record of several segments is one stretch: NaN where a segment
// lacks a signal.
//
// DATA_LOSS naming file, line or offset, field and expectation for a damaged header; UNIMPLEMENTED for other
// formats. Signal files that are absent, damaged or do not fit the header are faults of the record
// (record_fault.h): "file_missing", "unreadable" (over 256 MiB, a link), "wrong_size", "checksum", "damaged",
// "too_long" (over 2^27 samples in all). Thread-safe.
absl::StatusOr<WfdbRecord> ReadWfdbRecord(const SourceFolder& folder, absl::string_view record);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_WFDB_SIGNAL_H_
