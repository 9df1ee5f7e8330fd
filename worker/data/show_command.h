// The command `ecg-data show`.
#ifndef ECGTRAIN_WORKER_DATA_SHOW_COMMAND_H_
#define ECGTRAIN_WORKER_DATA_SHOW_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "worker/data/show.h"
#include "worker/data/strip.h"

namespace ecgtrain {

// Bound to one thread.
class ShowCommand {
 public:
  // Adds the command to `app`. Where the command line names it, it runs and leaves its outcome in `status`:
  // INVALID_ARGUMENT for options that do not fit, else errors of LoadStrip, DrawPng and WriteFileDurably.
  // This and `status` must outlive the parsing.
  void AddTo(CLI::App& app, absl::Status* status);

 private:
  absl::Status Run() const;

  ShowOptions options_;
  std::string svg_;
  std::string png_;
  int dpi_ = kDefaultDpi;
  size_t columns_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SHOW_COMMAND_H_
