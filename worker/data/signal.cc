#include "worker/data/signal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

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

// One pass over the frames, from the first to the last or back, starting as if the first frame had stood for
// ever.
void FilterPass(const Sections& sections, size_t channels, bool backward, std::vector<double>& x) {
  const size_t frames = x.size() / channels;
  std::vector<double> states(sections.size() * 2 * channels);
  const double* first_frame = x.data() + (backward ? frames - 1 : 0) * channels;
  double scale = 1;
  for (size_t k = 0; k < sections.size(); ++k) {
    const std::array<double, 2> steady = SteadyState(sections[k], scale);
    for (size_t c = 0; c < channels; ++c) {
      states[(2 * k) * channels + c] = steady[0] * first_frame[c];
      states[(2 * k + 1) * channels + c] = steady[1] * first_frame[c];
    }
  }
  for (size_t t = 0; t < frames; ++t) {
    double* frame = x.data() + (backward ? frames - 1 - t : t) * channels;
    for (size_t k = 0; k < sections.size(); ++k) {
      const Section& s = sections[k];
      double* first = states.data() + (2 * k) * channels;
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

// kExtension frames on both sides, mirrored through the end points.
std::vector<double> OddExtension(absl::Span<const double> x, size_t channels) {
  const size_t frames = x.size() / channels;
  std::vector<double> extended((frames + 2 * kExtension) * channels);
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
  return extended;
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

std::vector<double> ResamplePoly(absl::Span<const double> x, size_t channels, uint32_t up, uint32_t down) {
  const uint32_t divisor = std::gcd(up, down);
  up /= divisor;
  down /= divisor;
  if (up == down) return {x.begin(), x.end()};
  const std::vector<double> taps = ResampleTaps(up, down);
  const auto half = static_cast<int64_t>(taps.size() / 2);
  const auto frames = static_cast<int64_t>(x.size() / channels);
  const int64_t out_frames = (frames * up + down - 1) / down;
  std::vector<double> y(out_frames * channels);
  for (int64_t t = 0; t < out_frames; ++t) {
    // y[t] = sum over k of taps[k] * upsampled[t * down + half - k], where upsampled[i * up] = x[i].
    const int64_t centre = t * down;
    const int64_t first = std::max<int64_t>(0, (centre - half + up - 1) / up);
    const int64_t last = std::min<int64_t>(frames - 1, (centre + half) / up);
    double* out = y.data() + t * channels;
    for (int64_t i = first; i <= last; ++i) {
      const double tap = taps[centre + half - i * up];
      const double* in = x.data() + i * channels;
      for (size_t c = 0; c < channels; ++c) out[c] += tap * in[c];
    }
  }
  return y;
}

bool HasHighPass(uint32_t rate) { return FindDesign(rate) != nullptr; }

absl::Status HighPass(uint32_t rate, size_t channels, std::vector<double>& x) {
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
  std::vector<double> extended = OddExtension(x, channels);
  FilterPass(design->sections, channels, false, extended);
  FilterPass(design->sections, channels, true, extended);
  std::copy_n(extended.data() + kExtension * channels, x.size(), x.begin());
  return absl::OkStatus();
}

}  // namespace ecgtrain
