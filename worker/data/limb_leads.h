// Einthoven's and Goldberger's equations: of the six limb leads any two give the other four. They find leads
// that stand in each other's place or that were damaged alone. An electrode on the wrong limb changes all six
// together and cannot be seen by them.
#ifndef ECGTRAIN_WORKER_DATA_LIMB_LEADS_H_
#define ECGTRAIN_WORKER_DATA_LIMB_LEADS_H_

#include <vector>

#include "absl/types/span.h"

namespace ecgtrain {

enum class LimbLeads { kAgree, kSwapped, kContradict };

// Of `frames` [length, kLeads] in millivolts, all finite: whether III = II - I, aVR = -(I + II) / 2,
// aVL = (I - III) / 2 and aVF = (II + III) / 2 hold around each lead's mean, and if not, whether they do once
// two of the six change places. Thread-safe, here and below.
LimbLeads CheckLimbLeads(absl::Span<const double> frames);

// Computes those of III, aVR, aVL and aVF of which no sample is a number from I and II, if these have any.
// Returns whether it did.
bool DeriveLimbLeads(std::vector<double>& frames);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_LIMB_LEADS_H_
