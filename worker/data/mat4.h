// The one MAT version 4 form that ECG collections use: the PhysioNet Challenge stores each recording as a
// matrix of 16-bit integers [signals, frames], column after column, behind a prolog of 24 bytes. After the
// prolog it is WFDB format 16. (MAT-File Format, The MathWorks, appendix "MAT Version 4".)
#ifndef ECGTRAIN_WORKER_DATA_MAT4_H_
#define ECGTRAIN_WORKER_DATA_MAT4_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

inline constexpr size_t kMat4PrologBytes = 24;

// DATA_LOSS, naming `path`, offset, field and expectation, unless `bytes` begin with the prolog of a matrix
// "val" of `signals` x `frames` 16-bit integers. Thread-safe.
absl::Status CheckMat4Prolog(absl::string_view bytes, uint64_t signals, uint64_t frames,
                             absl::string_view path);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_MAT4_H_
