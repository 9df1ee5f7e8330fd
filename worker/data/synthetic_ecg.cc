#include "worker/data/synthetic_ecg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

// The leads that are measured; the other four limb leads follow from I and II.
using Independent = std::array<double, 8>;  // I II V1 V2 V3 V4 V5 V6
using Leads = std::array<double, kLeads>;

struct Wave {
  double offset;  // seconds from the R peak
  double width;   // standard deviation in seconds
  Leads millivolts;
};

struct Beat {
  double time;      // of the R peak, seconds
  double interval;  // to the next beat: the T wave comes earlier when beats are close
  bool ectopic;     // from the ventricle: wide, large, without P wave
};

// Einthoven and Goldberger.
Leads Expand(const Independent& v) {
  return {v[0], v[1], v[1] - v[0], -(v[0] + v[1]) / 2, v[0] - v[1] / 2, v[1] - v[0] / 2, v[2], v[3], v[4],
          v[5], v[6], v[7]};
}

Wave MakeWave(double offset, double width, const Independent& millivolts) {
  return {offset, width, Expand(millivolts)};
}

constexpr Independent kP = {0.13, 0.22, 0.11, 0.14, 0.14, 0.14, 0.14, 0.14};
constexpr Independent kQ = {-0.05, -0.08, 0, 0, 0, -0.05, -0.08, -0.08};
constexpr Independent kR = {0.7, 1.0, 0.2, 0.4, 0.7, 1.2, 1.2, 1.0};
constexpr Independent kS = {-0.1, -0.15, -0.9, -1.2, -0.8, -0.4, -0.2, -0.1};
constexpr Independent kT = {0.2, 0.3, -0.05, 0.35, 0.4, 0.4, 0.35, 0.25};

Independent Scaled(Independent v, double factor) {
  for (double& value : v) value *= factor;
  return v;
}

std::vector<Wave> QrsAndT(const SyntheticTraits& traits, double t_offset) {
  switch (traits.conduction) {
    case SyntheticConduction::kLeftBundleBlock:
      return {MakeWave(0.00, 0.028, {0.6, 0.5, -0.7, -1.0, -0.8, 0.2, 0.7, 0.8}),
              MakeWave(0.06, 0.030, {0.6, 0.4, -0.9, -1.2, -0.9, 0.1, 0.6, 0.8}),
              MakeWave(t_offset + 0.05, 0.05, {-0.25, -0.1, 0.35, 0.5, 0.4, 0.1, -0.25, -0.3})};
    case SyntheticConduction::kRightBundleBlock:
      return {MakeWave(0.00, 0.012, kR), MakeWave(0.035, 0.012, Scaled(kS, 0.6)),
              MakeWave(0.075, 0.020, {-0.4, -0.3, 0.9, 0.7, 0.2, -0.2, -0.4, -0.4}),
              MakeWave(t_offset + 0.03, 0.045, {0.2, 0.3, -0.3, -0.2, 0.2, 0.35, 0.35, 0.25})};
    case SyntheticConduction::kNormal:
      break;
  }
  return {MakeWave(-0.035, 0.010, kQ), MakeWave(0, 0.012, kR), MakeWave(0.035, 0.012, kS),
          MakeWave(t_offset, 0.045, kT)};
}

void ApplyAmplitude(SyntheticAmplitude amplitude, std::vector<Wave>& waves) {
  for (Wave& wave : waves) {
    const bool is_qrs = wave.offset < 0.1;
    for (int lead = 0; lead < kLeads; ++lead) {
      double& value = wave.millivolts[lead];
      if (amplitude == SyntheticAmplitude::kLowVoltage) value *= 0.35;
      // Tall R in I, aVL, V4 to V6, deep S in V1 to V3.
      const bool grows = lead == 0 || lead == 4 || lead >= 6;
      if (amplitude == SyntheticAmplitude::kHypertrophy && is_qrs && grows) value *= 2.0;
    }
  }
}

std::vector<Wave> WavesOf(const Beat& beat, const SyntheticTraits& traits) {
  const double t_offset = 0.30 * std::sqrt(std::clamp(beat.interval, 0.3, 1.2));
  std::vector<Wave> waves;
  if (beat.ectopic) {
    waves = {MakeWave(0, 0.045, {0.9, -1.1, 1.2, 1.6, 1.3, 0.6, -0.4, -0.8}),
             MakeWave(t_offset + 0.06, 0.06, {-0.4, 0.5, -0.5, -0.7, -0.5, -0.2, 0.2, 0.3})};
  } else {
    waves = QrsAndT(traits, t_offset);
    if (traits.inverted_t) {
      for (double& value : waves.back().millivolts) value *= -1.1;
    }
    if (traits.rhythm != SyntheticRhythm::kFibrillation) {
      // Fast rhythms leave less room: the P wave must not fall into the T wave before it.
      const double pr = traits.long_pr ? 0.32 : 0.15;
      waves.push_back(MakeWave(-std::min(pr, 0.6 * beat.interval), 0.022, kP));
    }
  }
  ApplyAmplitude(traits.amplitude, waves);
  return waves;
}

double DrawInterval(const SyntheticTraits& traits, double mean, Random& random) {
  if (traits.rhythm == SyntheticRhythm::kFibrillation) return mean * random.Uniform(0.6, 1.5);
  return mean * (1 + 0.02 * random.Noise());
}

double DrawMeanInterval(SyntheticRhythm rhythm, Random& random) {
  switch (rhythm) {
    case SyntheticRhythm::kBradycardia:
      return 60 / random.Uniform(38, 50);
    case SyntheticRhythm::kTachycardia:
      return 60 / random.Uniform(115, 150);
    case SyntheticRhythm::kFibrillation:
      return 60 / random.Uniform(75, 120);
    case SyntheticRhythm::kSinus:
    case SyntheticRhythm::kBigeminy:
      break;
  }
  return 60 / random.Uniform(60, 95);
}

std::vector<Beat> DrawBeats(const SyntheticTraits& traits, double seconds, Random& random) {
  const double mean = DrawMeanInterval(traits.rhythm, random);
  std::vector<Beat> beats;
  for (double time = -random.Uniform(0, mean); time < seconds + 0.5;) {
    const double interval = DrawInterval(traits, mean, random);
    beats.push_back({time, interval, false});
    time += interval;
  }
  const auto make_ectopic = [&beats, mean](size_t beat) {
    beats[beat].time -= 0.35 * mean;  // early; the next beat keeps its place, which is the pause after it
    beats[beat].interval = mean;
    beats[beat].ectopic = true;
  };
  if (traits.rhythm == SyntheticRhythm::kBigeminy) {
    for (size_t beat = 1; beat < beats.size(); beat += 2) make_ectopic(beat);
  }
  for (int i = 0; i < traits.ventricular_ectopics; ++i) {
    // Beats 2, 5 and 8 at the latest lie within the shortest record.
    make_ectopic(static_cast<size_t>(2 + 3 * i) % beats.size());
  }
  return beats;
}

void AddWave(const Wave& wave, double beat_time, const Leads& gains, uint32_t rate,
             std::vector<double>& frames) {
  const double centre = (beat_time + wave.offset) * rate;
  const double width = wave.width * rate;
  const auto length = static_cast<int64_t>(frames.size() / kLeads);
  const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(centre - 5 * width)));
  const int64_t last = std::min<int64_t>(length - 1, static_cast<int64_t>(std::floor(centre + 5 * width)));
  for (int64_t t = first; t <= last; ++t) {
    const double z = (static_cast<double>(t) - centre) / width;
    const double shape = std::exp(-z * z / 2);
    for (int lead = 0; lead < kLeads; ++lead)
      frames[t * kLeads + lead] += shape * gains[lead] * wave.millivolts[lead];
  }
}

void AddFibrillation(uint32_t rate, Random& random, std::vector<double>& frames) {
  const Leads millivolts =
      Expand(Scaled({0.05, 0.14, 0.18, 0.08, 0.05, 0.04, 0.04, 0.04}, random.Uniform(0.8, 1.4)));
  const double frequency = random.Uniform(5, 8), start = random.Uniform(0, 2 * std::numbers::pi);
  for (size_t t = 0; t < frames.size() / kLeads; ++t) {
    const double seconds = static_cast<double>(t) / rate;
    const double f =
        std::sin(2 * std::numbers::pi * frequency * seconds + start + 0.8 * std::sin(2.1 * seconds));
    for (int lead = 0; lead < kLeads; ++lead) frames[t * kLeads + lead] += f * millivolts[lead];
  }
}

void AddWanderAndNoise(uint32_t rate, Random& random, std::vector<double>& frames) {
  const double frequency = random.Uniform(0.1, 0.35), start = random.Uniform(0, 2 * std::numbers::pi);
  const double noise = random.Uniform(0.008, 0.03);
  Leads wander;
  for (double& value : wander) value = random.Uniform(-0.2, 0.2);
  for (size_t t = 0; t < frames.size() / kLeads; ++t) {
    const double drift = std::sin(2 * std::numbers::pi * frequency * static_cast<double>(t) / rate + start);
    for (int lead = 0; lead < kLeads; ++lead)
      frames[t * kLeads + lead] += drift * wander[lead] + noise * random.Noise();
  }
}

// Gains, wander and noise belong to electrodes: what they do to I and II shows in the leads computed from
// those.
void DeriveLimbLeads(std::vector<double>& frames) {
  for (size_t t = 0; t < frames.size(); t += kLeads) {
    const Leads derived = Expand({frames[t], frames[t + 1]});
    std::copy_n(derived.begin() + 2, 4, frames.begin() + static_cast<ptrdiff_t>(t) + 2);
  }
}

}  // namespace

std::vector<double> MakeSyntheticEcg(const SyntheticTraits& traits, double seconds, uint32_t rate,
                                     Random random) {
  std::vector<double> frames(static_cast<size_t>(std::lround(seconds * rate)) * kLeads);
  Leads gains;
  for (double& gain : gains) gain = random.Uniform(0.85, 1.15);
  for (const Beat& beat : DrawBeats(traits, seconds, random)) {
    for (const Wave& wave : WavesOf(beat, traits)) AddWave(wave, beat.time, gains, rate, frames);
  }
  if (traits.rhythm == SyntheticRhythm::kFibrillation) AddFibrillation(rate, random, frames);
  AddWanderAndNoise(rate, random, frames);
  DeriveLimbLeads(frames);
  return frames;
}

}  // namespace ecgtrain
