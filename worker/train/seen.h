// Whom a network has seen: the patients that its weights were fitted to or chosen by, in this training and in
// those it started from. A test on such a patient says nothing (paper.md, "Leakage rules"). No LibTorch here.
#ifndef ECGTRAIN_WORKER_TRAIN_SEEN_H_
#define ECGTRAIN_WORKER_TRAIN_SEEN_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/sha256.h"
#include "worker/data/pack.h"
#include "worker/train/record_set.h"

namespace ecgtrain {

// One 64-bit key a patient, ascending, each once: the same on every host and at every rate, without a name.
// A patient is known by the type of the data set and its name there; a name with a '/' brings its own type
// ("ptbxl/17" in a Challenge folder is PTB-XL's patient 17). Synthetic patients belong to their very set.
using PatientKeys = std::vector<uint64_t>;

PatientKeys PatientsOf(const Pack& pack, absl::Span<const RecordSet> records);
PatientKeys Union(const PatientKeys& a, const PatientKeys& b);
size_t CountShared(const PatientKeys& a, const PatientKeys& b);

// To and from a safetensors file with the one tensor `patients`, I64. Errors as WriteSafetensors; reading:
// NOT_FOUND, DATA_LOSS.
absl::StatusOr<FileDigest> WritePatientKeys(const std::filesystem::path& path, const PatientKeys& keys);
absl::StatusOr<PatientKeys> ReadPatientKeys(const std::filesystem::path& path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_SEEN_H_
