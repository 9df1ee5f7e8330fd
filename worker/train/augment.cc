#include "worker/train/augment.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "worker/model/counter_random.h"
#include "worker/train/white_noise.h"

namespace ecgtrain {
namespace {

// The numbers are part of what a seed means: never reuse or change one.
enum class Effect : uint64_t { kCrop = 1, kGain = 2, kNoise = 3, kWander = 4, kLeadDrop = 5 };

constexpr double kSlowestWander = 0.05;  // Hz
constexpr double kFastestWander = 0.5;   // Hz

static_assert(kNoiseBlock % kLeads == 0);  // blocks of whole frames

RandomStream StreamOf(const Augmentation& augmentation, size_t record, Effect effect) {
  const RandomStream of_record(augmentation.seed, RandomPurpose::kAugment, augmentation.epoch, record);
  return {of_record.key(), RandomPurpose::kAugment, static_cast<uint64_t>(effect)};
}

// One slow sine a lead, each with an amplitude, a frequency and a phase of its own.
class Wander {
 public:
  Wander(const RandomStream& stream, double largest, uint32_t rate) {
    for (size_t lead = 0; lead < kLeads; ++lead) {
      const double hertz = kSlowestWander + (kFastestWander - kSlowestWander) * stream.Uniform(3 * lead + 1);
      amplitude_[lead] = largest * stream.Uniform(3 * lead);
      turn_[lead] = 2 * std::numbers::pi * hertz / rate;
      phase_[lead] = 2 * std::numbers::pi * stream.Uniform(3 * lead + 2);
      turn_sine_[lead] = static_cast<float>(std::sin(turn_[lead]));
      turn_cosine_[lead] = static_cast<float>(std::cos(turn_[lead]));
    }
  }

  // Goes to a frame exactly, so that rounding does not grow with the length of a record.
  void GoTo(size_t frame) {
    for (size_t lead = 0; lead < kLeads; ++lead) {
      const double angle = phase_[lead] + turn_[lead] * static_cast<double>(frame);
      sine_[lead] = static_cast<float>(amplitude_[lead] * std::sin(angle));
      cosine_[lead] = static_cast<float>(amplitude_[lead] * std::cos(angle));
    }
  }

  // Adds the frame's values and turns to the next one.
  void AddTo(float* frame) {
    for (size_t lead = 0; lead < kLeads; ++lead) {
      const float sine = sine_[lead];
      frame[lead] += sine;
      sine_[lead] = sine * turn_cosine_[lead] + cosine_[lead] * turn_sine_[lead];
      cosine_[lead] = cosine_[lead] * turn_cosine_[lead] - sine * turn_sine_[lead];
    }
  }

 private:
  double amplitude_[kLeads];  // millivolts
  double turn_[kLeads];       // a frame, radians
  double phase_[kLeads];
  float turn_sine_[kLeads];
  float turn_cosine_[kLeads];
  float sine_[kLeads];  // times the amplitude
  float cosine_[kLeads];
};

struct LeadSet {
  bool has[kLeads] = {};
  size_t count = 0;
};

LeadSet DrawDropped(const RandomStream& stream, double chance) {
  LeadSet dropped;
  for (size_t lead = 0; lead < kLeads; ++lead) {
    dropped.has[lead] = stream.Uniform(lead) < chance;
    dropped.count += dropped.has[lead] ? 1 : 0;
  }
  if (dropped.count == kLeads) {
    dropped.has[stream.Below(kLeads, kLeads)] = false;
    --dropped.count;
  }
  return dropped;
}

void DropLeads(const LeadSet& dropped, size_t frames, float* millivolts) {
  for (size_t frame = 0; frame < frames; ++frame) {
    for (size_t lead = 0; lead < kLeads; ++lead) {
      if (dropped.has[lead]) millivolts[frame * kLeads + lead] = 0;
    }
  }
}

}  // namespace

bool Augmentation::ChangesValues() const {
  return settings.gain > 0 || settings.noise > 0 || settings.wander > 0 || settings.lead_drop > 0;
}

uint32_t DrawPlace(const Augmentation& augmentation, size_t record, uint32_t slack) {
  return static_cast<uint32_t>(StreamOf(augmentation, record, Effect::kCrop).Below(0, uint64_t{slack} + 1));
}

void WriteAugmented(const Augmentation& augmentation, size_t record, const PackInfo& info,
                    absl::Span<const int16_t> stretch, float* millivolts) {
  const AugmentSettings& settings = augmentation.settings;
  const auto stream = [&](Effect effect) { return StreamOf(augmentation, record, effect); };
  const double gain = 1 + settings.gain * (2 * stream(Effect::kGain).Uniform(0) - 1);
  const auto scale = static_cast<float>(info.millivolts_per_unit * gain);
  const auto deviation = static_cast<float>(settings.noise);
  const RandomStream noise_stream = stream(Effect::kNoise);
  Wander wander(stream(Effect::kWander), settings.wander, info.rate);
  const LeadSet dropped = DrawDropped(stream(Effect::kLeadDrop), settings.lead_drop);

  float noise[kNoiseBlock] = {};
  for (size_t first = 0; first < stretch.size(); first += kNoiseBlock) {
    const size_t values = std::min(kNoiseBlock, stretch.size() - first);
    const int16_t* from = stretch.data() + first;
    float* to = millivolts + first;
    if (deviation > 0) DrawNoise(noise_stream, first / kNoiseBlock, noise);
    for (size_t k = 0; k < values; ++k) to[k] = static_cast<float>(from[k]) * scale + deviation * noise[k];
    if (settings.wander > 0) {
      wander.GoTo(first / kLeads);
      for (size_t k = 0; k < values; k += kLeads) wander.AddTo(to + k);
    }
    if (dropped.count > 0) DropLeads(dropped, values / kLeads, to);
  }
}

}  // namespace ecgtrain
