#include "worker/data/signal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <numbers>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/data/simd.h"

namespace ecgtrain {
namespace {

constexpr double kKaiserBeta = 5.0;
constexpr size_t kExtension = kMinHighPassLength - 1;

// b0 b1 b2 a0 a1 a2, as SciPy orders a section.
using Section = std::array<double, 6>;
using Sections = std::array<Section, 2>;

struct HighPassDesign {
  uint32_t rate;
  Sections sections;
};

// From tests/worker/data/make_signal_reference.py (SciPy 1.17): iirdesign(0.8, 0.2, 0.5, 40, ftype="ellip",
// fs=rate).
constexpr std::array<HighPassDesign, 2> kHighPass = {{
    {100,
     {{{0.9506936275699674, -0.9506936275699674, 0, 1, -0.9265218038712176, 0},
       {1, -1.9997375157587234, 1, 1, -1.9726891110969191, 0.974865451268717}}}},
    {400,
     {{{0.9873840979627284, -0.9873840979627284, 0, 1, -0.9811136421228279, 0},
       {1, -1.999983600202257, 1, 1, -1.9935172216835793, 0.9936545538026285}}}},
}};

const HighPassDesign* FindDesign(uint32_t rate) {
  const auto found = std::find_if(kHighPass.begin(), kHighPass.end(),
                                  [rate](const HighPassDesign& design) { return design.rate == rate; });
  return found == kHighPass.end() ? nullptr : &*found;
}

// Modified Bessel function of the first kind, order 0, by its power series; converges fast for the beta used
// here.
double BesselI0(double x) {
  double term = 1, sum = 1;
  for (int k = 1; term > 1e-18 * sum; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

// States of one section in transposed direct form II for an endless input of ones; `scale` is the input's
// level and becomes the output's (scipy.signal.sosfilt_zi).
std::array<double, 2> SteadyState(const Section& s, double& scale) {
  const double gain = (s[0] + s[1] + s[2]) / (s[3] + s[4] + s[5]);
  const double second = s[2] - s[5] * gain;
  const double first = s[1] - s[4] * gain + second;
  const std::array<double, 2> state = {first * scale, second * scale};
  scale *= gain;
  return state;
}

// States of all sections, [section, 2, channels], as if `frame` had stood for ever.
std::vector<double> SteadyStates(const Sections& sections, size_t channels, const double* frame) {
  std::vector<double> states(sections.size() * 2 * channels);
  double scale = 1;
  for (size_t k = 0; k < sections.size(); ++k) {
    const std::array<double, 2> steady = SteadyState(sections[k], scale);
    for (size_t c = 0; c < channels; ++c) {
      states[(2 * k) * channels + c] = steady[0] * frame[c];
      states[(2 * k + 1) * channels + c] = steady[1] * frame[c];
    }
  }
  return states;
}

// Twelve channels, which is what recordings have, stay in registers as three of these.
using Quad = double __attribute__((vector_size(32)));
constexpr size_t kQuads = 3;

// By reference: how such a vector is passed depends on the instruction set.
inline void Load(const double* from, Quad& to) { std::memcpy(&to, from, sizeof to); }
inline void Store(const Quad& from, double* to) { std::memcpy(to, &from, sizeof from); }

// Frames from `frame` on, `step` values apart.
ECGTRAIN_DATA_SIMD void FilterTwelve(const Sections& sections, ptrdiff_t step, size_t frames, double* frame,
                                     const double* states) {
  Quad state[4][kQuads];
  for (size_t k = 0; k < 4; ++k) {
    for (size_t q = 0; q < kQuads; ++q) Load(states + (k * kQuads + q) * 4, state[k][q]);
  }
  for (size_t t = 0; t < frames; ++t, frame += step) {
    for (size_t q = 0; q < kQuads; ++q) {
      Quad x;
      Load(frame + 4 * q, x);
      for (size_t k = 0; k < 2; ++k) {
        const Section& s = sections[k];
        const Quad out = s[0] * x + state[2 * k][q];
        state[2 * k][q] = s[1] * x - s[4] * out + state[2 * k + 1][q];
        state[2 * k + 1][q] = s[2] * x - s[5] * out;
        x = out;
      }
      Store(x, frame + 4 * q);
    }
  }
}

void FilterAny(const Sections& sections, size_t channels, ptrdiff_t step, size_t frames, double* frame,
               double* states) {
  for (size_t t = 0; t < frames; ++t, frame += step) {
    for (size_t k = 0; k < sections.size(); ++k) {
      const Section& s = sections[k];
      double* first = states + (2 * k) * channels;
      double* second = first + channels;
      for (size_t c = 0; c < channels; ++c) {
        const double in = frame[c];
        const double out = s[0] * in + first[c];
        first[c] = s[1] * in - s[4] * out + second[c];
        second[c] = s[2] * in - s[5] * out;
        frame[c] = out;
      }
    }
  }
}

// One pass over the frames, from the first to the last or back, starting as if the first frame had stood for
// ever.
void FilterPass(const Sections& sections, size_t channels, bool backward, std::vector<double>& x) {
  const size_t frames = x.size() / channels;
  double* first = x.data() + (backward ? frames - 1 : 0) * channels;
  const ptrdiff_t step = static_cast<ptrdiff_t>(channels) * (backward ? -1 : 1);
  std::vector<double> states = SteadyStates(sections, channels, first);
  if (channels == 4 * kQuads) {
    FilterTwelve(sections, step, frames, first, states.data());
  } else {
    FilterAny(sections, channels, step, frames, first, states.data());
  }
}

// to[c] = sum over the frames k of taps[k] * from[k * 12 + c]. Even and odd frames are summed apart: two
// chains of additions run at once.
ECGTRAIN_DATA_SIMD void WeighTwelve(const double* taps, size_t count, const double* from, double* to) {
  Quad even[kQuads] = {};
  Quad odd[kQuads] = {};
  Quad x;
  size_t k = 0;
  for (; k + 1 < count; k += 2, from += 8 * kQuads) {
    for (size_t q = 0; q < kQuads; ++q) {
      Load(from + 4 * q, x);
      even[q] += taps[k] * x;
      Load(from + 4 * (kQuads + q), x);
      odd[q] += taps[k + 1] * x;
    }
  }
  for (size_t q = 0; q < kQuads; ++q) {
    if (k < count) {
      Load(from + 4 * q, x);
      even[q] += taps[k] * x;
    }
    Store(even[q] + odd[q], to + 4 * q);
  }
}

void WeighAny(const double* taps, size_t count, const double* from, size_t channels, double* to) {
  std::fill_n(to, channels, 0.0);
  for (size_t k = 0; k < count; ++k, from += channels) {
    for (size_t c = 0; c < channels; ++c) to[c] += taps[k] * from[c];
  }
}

// kExtension frames on both sides, mirrored through the end points.
void OddExtension(absl::Span<const double> x, size_t channels, std::vector<double>& extended) {
  const size_t frames = x.size() / channels;
  extended.resize((frames + 2 * kExtension) * channels);
  std::copy(x.begin(), x.end(), extended.data() + kExtension * channels);
  double* left = extended.data();
  double* right = extended.data() + (kExtension + frames) * channels;
  const double* last = x.data() + (frames - 1) * channels;
  for (size_t i = 0; i < kExtension; ++i) {
    for (size_t c = 0; c < channels; ++c) {
      left[i * channels + c] = 2 * x[c] - x[(kExtension - i) * channels + c];
      right[i * channels + c] = 2 * last[c] - x[(frames - 2 - i) * channels + c];
    }
  }
}

}  // namespace

std::vector<double> ResampleTaps(uint32_t up, uint32_t down) {
  const uint32_t longest = std::max(up, down);
  const int64_t half = 10 * int64_t{longest};
  std::vector<double> taps(2 * half + 1);
  for (int64_t i = -half; i <= half; ++i) {
    const double phase = std::numbers::pi * static_cast<double>(i) / longest;
    const double sinc = i == 0 ? 1 : std::sin(phase) / phase;
    const double position = static_cast<double>(i) / static_cast<double>(half);
    taps[i + half] = sinc * BesselI0(kKaiserBeta * std::sqrt(std::max(0.0, 1 - position * position)));
  }
  const double scale = up / std::accumulate(taps.begin(), taps.end(), 0.0);
  for (double& tap : taps) tap *= scale;
  return taps;
}

Resampler::Resampler(uint32_t up, uint32_t down)
    : up_(up / std::gcd(up, down)), down_(down / std::gcd(up, down)) {
  if (up_ == down_) return;
  const std::vector<double> taps = ResampleTaps(up_, down_);
  half_ = taps.size() / 2;
  phases_.resize(up_);
  // In the order of the input they meet: the last tap of a phase first.
  for (size_t i = taps.size(); i-- > 0;) phases_[i % up_].push_back(taps[i]);
}

void Resampler::Run(absl::Span<const double> x, size_t channels, std::vector<double>& y) const {
  if (up_ == down_) {
    y.assign(x.begin(), x.end());
    return;
  }
  const size_t frames = x.size() / channels;
  const size_t out_frames = (frames * up_ + down_ - 1) / down_;
  y.resize(out_frames * channels);
  for (size_t t = 0; t < out_frames; ++t) {
    // y[t] = sum over k of taps[k] * upsampled[t * down + half - k], where upsampled[i * up] = x[i].
    const size_t newest = t * down_ + half_;
    const std::vector<double>& taps = phases_[newest % up_];
    const size_t end = newest / up_ + 1;                              // of the input that is met
    const size_t before = end < taps.size() ? taps.size() - end : 0;  // taps that meet what lies before
    const size_t after = end > frames ? std::min(end - frames, taps.size() - before) : 0;
    const size_t count = taps.size() - before - after;
    const double* from = x.data() + (end + before - taps.size()) * channels;
    double* to = y.data() + t * channels;
    if (channels == 4 * kQuads) {
      WeighTwelve(taps.data() + before, count, from, to);
    } else {
      WeighAny(taps.data() + before, count, from, channels, to);
    }
  }
}

std::vector<double> ResamplePoly(absl::Span<const double> x, size_t channels, uint32_t up, uint32_t down) {
  std::vector<double> y;
  Resampler(up, down).Run(x, channels, y);
  return y;
}

bool HasHighPass(uint32_t rate) { return FindDesign(rate) != nullptr; }

absl::Status HighPass(uint32_t rate, size_t channels, std::vector<double>& x) {
  std::vector<double> scratch;
  return HighPass(rate, channels, x, scratch);
}

absl::Status HighPass(uint32_t rate, size_t channels, std::vector<double>& x, std::vector<double>& scratch) {
  const HighPassDesign* design = FindDesign(rate);
  if (design == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no high-pass for ", rate, " samples a second; there is one for 100 and for 400"));
  }
  if (x.size() / channels < kMinHighPassLength) {
    return absl::InvalidArgumentError(absl::StrCat("a signal of ", x.size() / channels,
                                                   " samples is too short for the high-pass; it takes ",
                                                   kMinHighPassLength, " or more"));
  }
  OddExtension(x, channels, scratch);
  FilterPass(design->sections, channels, false, scratch);
  FilterPass(design->sections, channels, true, scratch);
  std::copy_n(scratch.data() + kExtension * channels, x.size(), x.begin());
  return absl::OkStatus();
}

}  // namespace ecgtrain
