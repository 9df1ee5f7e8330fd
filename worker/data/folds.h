// Folds of records whose data set has none.
#ifndef ECGTRAIN_WORKER_DATA_FOLDS_H_
#define ECGTRAIN_WORKER_DATA_FOLDS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace ecgtrain {

// 1 to 10, from the SHA-256 of the patient's name alone: the same in every version of this program, on every
// host and whatever other records are there. Thread-safe.
uint32_t FoldOfPatient(absl::string_view patient);

// The fixed fold of a CPSC 2018 record, "A0001" to "A6877": cpsc2018_folds.cc says how the list was made.
// Nothing for other names. Thread-safe.
std::optional<uint32_t> FoldOfCpsc2018(absl::string_view record);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_FOLDS_H_
