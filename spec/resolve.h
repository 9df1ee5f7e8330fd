// Fills every default of a job specification and checks all of it.
//
// Client and coordinator run the same code; the coordinator trusts nothing of the client's. Functions are
// thread-safe.
#ifndef ECGTRAIN_SPEC_RESOLVE_H_
#define ECGTRAIN_SPEC_RESOLVE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "ecgtrain/v1/spec.pb.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

// All problems at once (`index` is left 0), empty when there are none; then `spec` is resolved, else it stays
// as given. Resolving a resolved specification changes nothing.
//
// A job that starts `from` another (every evaluation does) takes model and signal from there: of `model` only
// `dropout` and `head` may be given in a fine-tuning, nothing in an evaluation, and what is absent stays
// absent until InheritModel. An evaluation has no optimizer, no checkpoints and of the schedule batch_size
// alone.
std::vector<v1::SpecProblem> ResolveSpec(v1::JobSpec& spec);

// True for a fine-tuning with `from` and for every evaluation.
bool InheritsModel(const v1::JobSpec& spec);

// Completes the resolved `child` from its resolved parent: model, signal. What the child gives itself stays.
void InheritModel(const v1::JobSpec& parent, v1::JobSpec& child);

// Undoes InheritModel, so that a stored specification can be submitted again. No effect on jobs without
// `from`.
void ClearInheritedModel(v1::JobSpec& child);

// Clears what only a training has: optimizer, checkpoint, and all of schedule but batch_size.
void KeepEvaluationOnly(v1::JobSpec& spec);

// "pretrain", "finetune" or "evaluate"; "" without a task.
absl::string_view KindOf(const v1::JobSpec& spec);

// `dataset` of the task; "" without one.
absl::string_view DatasetOf(const v1::JobSpec& spec);

// `from` of the task; "" without one.
absl::string_view FromOf(const v1::JobSpec& spec);

// Channels of stem and encoder blocks at a width: 64 128 196 256 320 at 1; else each x width rounded to the
// nearest multiple of 8 (the higher one in the middle), at least 8.
std::vector<uint32_t> ChannelsForWidth(double width);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SPEC_RESOLVE_H_
