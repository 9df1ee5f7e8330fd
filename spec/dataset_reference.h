// How specifications name a data set: "ptbxl", or one state of it alone, "ptbxl@1.0.3", "ptbxl#1f3870be274f",
// "ptbxl@1.0.3#1f3870be274f".
#ifndef ECGTRAIN_SPEC_DATASET_REFERENCE_H_
#define ECGTRAIN_SPEC_DATASET_REFERENCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/job.pb.h"

namespace ecgtrain {

struct DatasetReference {
  std::string name;
  std::string version;  // "": any
  std::string digest;   // the first 12 to 64 hexadecimal digits of the source's; "": any
};

// INVALID_ARGUMENT, quoting `text` and the accepted forms.
absl::StatusOr<DatasetReference> ParseDatasetReference(absl::string_view text);

// As it is written: "ptbxl@1.0.3#1f3870be274f".
std::string FormatReference(const DatasetReference& reference);

// `name` alone, whatever else `text` says; all of it where it is no reference.
absl::string_view DatasetName(absl::string_view text);

enum class DatasetMatch {
  kNo,       // another name, version or digest
  kUnknown,  // the worker has not packed it yet, so nobody knows the digest
  kYes
};
// "ptbxl@1.0.3#1f3870be274f", as far as it is known; of several digests the last.
std::string StateOf(const v1::WorkerDataset& held);

// The first 12 digits, which references need at least.
std::string ShortDigest(absl::string_view digest);

// A worker's data set whose version nobody has stated is not of any version.
DatasetMatch Match(const DatasetReference& wanted, const v1::WorkerDataset& held);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_DATASET_REFERENCE_H_
