// Errors that are the fault of one recording: packing leaves that recording out, counts it under the fault's
// reason and goes on. Every other error (a damaged header or table, a disk that cannot be read) ends the
// packing.
#ifndef ECGTRAIN_WORKER_DATA_RECORD_FAULT_H_
#define ECGTRAIN_WORKER_DATA_RECORD_FAULT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// DATA_LOSS. `reason` is one word for counts: "checksum", "wrong_size", "damaged", ...
absl::Status RecordFault(absl::string_view reason, absl::string_view message);

// The same error as a recording's fault; OK stays OK, and a fault keeps its own reason. Errors of the system,
// which say nothing about the data, stay what they are: only NOT_FOUND (as "file_missing"), DATA_LOSS and
// UNIMPLEMENTED change.
absl::Status AsRecordFault(absl::string_view reason, const absl::Status& status);

// The reason; "" when `status` is no recording's fault.
std::string FaultReason(const absl::Status& status);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_RECORD_FAULT_H_
