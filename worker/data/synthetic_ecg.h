// The signal model of the synthetic data set: beats as sums of Gaussian waves, each with an amplitude in
// every lead.
#ifndef ECGTRAIN_WORKER_DATA_SYNTHETIC_ECG_H_
#define ECGTRAIN_WORKER_DATA_SYNTHETIC_ECG_H_

#include <cstdint>
#include <vector>

#include "worker/data/random.h"

namespace ecgtrain {

enum class SyntheticRhythm { kSinus, kBradycardia, kTachycardia, kFibrillation, kBigeminy };
enum class SyntheticConduction { kNormal, kLeftBundleBlock, kRightBundleBlock };
enum class SyntheticAmplitude { kNormal, kHypertrophy, kLowVoltage };

struct SyntheticTraits {
  SyntheticRhythm rhythm = SyntheticRhythm::kSinus;
  SyntheticConduction conduction = SyntheticConduction::kNormal;
  SyntheticAmplitude amplitude = SyntheticAmplitude::kNormal;
  bool long_pr = false;  // first-degree AV block
  bool inverted_t = false;
  int ventricular_ectopics = 0;  // single premature beats, besides those of bigeminy
};

// [length, kLeads] millivolts. Thread-safe.
std::vector<double> MakeSyntheticEcg(const SyntheticTraits& traits, double seconds, uint32_t rate,
                                     Random random);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_SYNTHETIC_ECG_H_
