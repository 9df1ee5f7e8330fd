// The Python dict literals of PTB-XL's column scp_codes: {'NORM': 100.0, 'SR': 0.0}.
#ifndef ECGTRAIN_WORKER_DATA_PYTHON_DICT_H_
#define ECGTRAIN_WORKER_DATA_PYTHON_DICT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Keys are strings in single or double quotes (backslash escapes the next character), values finite numbers;
// one trailing comma may stand. DATA_LOSS, naming the position and what was expected, for everything else and
// for a doubled key. Thread-safe.
absl::StatusOr<std::vector<std::pair<std::string, double>>> ParsePythonDict(absl::string_view text);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_PYTHON_DICT_H_
