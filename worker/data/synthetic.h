// A data set that needs no files: 12-lead recordings drawn from (seed, record number), for demonstrations,
// tests and benchmarks. Rhythms, conduction disturbances, amplitudes and T waves differ and are labelled with
// PTB-XL's codes, so that a small network learns them from a few hundred records. No substitute for real
// recordings.
#ifndef ECGTRAIN_WORKER_DATA_SYNTHETIC_H_
#define ECGTRAIN_WORKER_DATA_SYNTHETIC_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

struct SyntheticOptions {
  uint32_t rate = 400;     // samples a second of the recordings, 50 to 1000
  uint64_t records = 600;  // 1 to 10 million
  uint64_t seed = 1;
};

// Tasks `all` (13 classes) and `rhythm` (5). Patients have one to three records; a patient's records share a
// fold. Recordings last 10 s, a third of them 7.3 s. INVALID_ARGUMENT for options out of range.
absl::StatusOr<std::unique_ptr<DataSet>> OpenSynthetic(const SyntheticOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SYNTHETIC_H_
