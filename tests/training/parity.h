// Comparison with the Python peer: the weights, batch and losses that tests/peer/bench.py --parity writes.
#ifndef ECGTRAIN_TESTS_TRAINING_PARITY_H_
#define ECGTRAIN_TESTS_TRAINING_PARITY_H_

#include <c10/core/MemoryFormat.h>

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// Largest relative deviations from the peer.
struct ParityResult {
  double first_loss = 0;     // loss of step 0
  double gradient_norm = 0;  // norm of one parameter's gradient at step 0, the worst of all
  std::string worst_gradient;
  double later_loss = 0;  // any loss
};

inline constexpr double kFirstLossLimit = 1e-5;
inline constexpr double kGradientNormLimit = 2e-3;
inline constexpr double kLaterLossLimit = 1e-3;

// Trains `task` ("pretrain" or "finetune") on the peer's batch from the peer's weights, in fp32, with the
// network and optimizer of ecg-trainer. The model's sizes are read from the weights. `layout` is that of the
// peer which wrote the files: contiguous for its Conv1d, channels-last for its Conv2d; the two round
// differently, the peer's too. NOT_FOUND, INVALID_ARGUMENT.
absl::StatusOr<ParityResult> ComparePeer(const std::filesystem::path& folder, absl::string_view task,
                                         at::MemoryFormat layout);

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_TRAINING_PARITY_H_
