// One recording, of a pack or of WFDB files, drawn for people.
#ifndef ECGTRAIN_WORKER_DATA_SHOW_H_
#define ECGTRAIN_WORKER_DATA_SHOW_H_

#include <cstddef>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/data/strip.h"

namespace ecgtrain {

struct ShowOptions {
  std::string record;  // id of a record of `pack`; without one, a WFDB record's path, with or without ".hea"
  std::filesystem::path pack;
  double from = 0;  // seconds
};

// The ten seconds from `from` on, absent limb leads derived. NOT_FOUND for what is not there,
// INVALID_ARGUMENT when the recording ends before `from`; else errors of Pack::Open and ReadWfdbRecord.
absl::StatusOr<Strip> LoadStrip(const ShowOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SHOW_H_
