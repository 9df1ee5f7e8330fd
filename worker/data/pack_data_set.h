// From a data set to its pack in a cache folder.
#ifndef ECGTRAIN_WORKER_DATA_PACK_DATA_SET_H_
#define ECGTRAIN_WORKER_DATA_PACK_DATA_SET_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/data_set.h"
#include "worker/data/preparation.h"
#include "worker/data/quality.h"

namespace ecgtrain {

struct PackOptions {
  DataSetOptions source;  // source.rate is the pack's rate: 100 or 400 with the high-pass, else 50 to 1000
  bool highpass = true;
  bool derive_leads = true;  // as in PreparationOptions, here and below
  Flaws quarantine = PreparationOptions().quarantine;
  // Pack even where the amplitudes say that unit or gain are wrong.
  bool any_amplitude = false;
  std::filesystem::path cache;  // made when absent
  int threads = 0;              // 0: one a core. The bytes written do not depend on it
};

struct PackedSoFar {
  size_t done = 0;  // recordings of the set
  size_t total = 0;
  size_t taken_over = 0;  // of those done, from an earlier packing that was cut short
};

// Called from the calling thread, before the first record and after every few; an error returned ends the
// packing.
using PackProgress = std::function<absl::Status(const PackedSoFar&)>;

// Path of the pack `cache`/<digest>.pack, made now unless the cache holds it whole. Of several processes that
// want the same pack one makes it and the others wait. A packing that was killed, or that `progress` ended
// with CANCELLED, is gone on with; its files stay for a week. Uses `cache`/sources to remember source
// digests.
//
// INVALID_ARGUMENT for options that do not fit; NOT_FOUND for data that is not there; DATA_LOSS for damaged
// data, when no record is usable or when half of the records have no amplitude of an ECG; RESOURCE_EXHAUSTED
// for a full disk; what `progress` returns.
absl::StatusOr<std::filesystem::path> PackDataSet(const PackOptions& options, const PackProgress& progress);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PACK_DATA_SET_H_
