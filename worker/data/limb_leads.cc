#include "worker/data/limb_leads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "worker/data/pack.h"

namespace ecgtrain {
namespace {

constexpr size_t kLimbs = 6;
// Residual of the four equations against the leads' own size; docs/pack-format.md says why.
constexpr double kTolerance = 0.25;
constexpr double kNoise = 0.02;  // mV: what rounding to 5 uV cannot exceed

using Row = std::array<double, kLimbs>;
// What is 0 where the leads I, II, III, aVR, aVL, aVF agree.
constexpr std::array<Row, 4> kEquations = {{
    {-1, 1, -1, 0, 0, 0},
    {0.5, 0.5, 0, 1, 0, 0},
    {-0.5, 0, 0.5, 0, 1, 0},
    {0, -0.5, -0.5, 0, 0, 1},
}};

// Of the samples or of the equations' residuals: sum of squares around the mean, over `count`.
double Variance(double sum, double squares, double count) {
  const double mean = sum / count;
  return std::max(0.0, squares / count - mean * mean);
}

struct Sizes {
  double residual = 0;  // square, all four equations
  double signal = 0;    // square, mean of the leads

  bool Agree() const { return residual <= kNoise * kNoise || residual <= kTolerance * kTolerance * signal; }
};

Sizes MeasureEquations(absl::Span<const double> frames) {
  constexpr size_t kTerms = 10;
  std::array<double, kTerms> sums = {};
  std::array<double, kTerms> squares = {};
  for (size_t i = 0; i < frames.size(); i += kLeads) {
    const double* x = frames.data() + i;
    const std::array<double, kTerms> terms = {x[1] - x[0] - x[2],
                                              x[3] + (x[0] + x[1]) / 2,
                                              x[4] - (x[0] - x[2]) / 2,
                                              x[5] - (x[1] + x[2]) / 2,
                                              x[0],
                                              x[1],
                                              x[2],
                                              x[3],
                                              x[4],
                                              x[5]};
    for (size_t k = 0; k < kTerms; ++k) {
      sums[k] += terms[k];
      squares[k] += terms[k] * terms[k];
    }
  }
  const size_t frame_count = frames.size() / kLeads;
  const auto count = static_cast<double>(frame_count);
  Sizes sizes;
  for (size_t k = 0; k < kTerms; ++k) {
    const double variance = Variance(sums[k], squares[k], count);
    (k < kEquations.size() ? sizes.residual : sizes.signal) += variance;
  }
  sizes.signal /= kLimbs;
  return sizes;
}

using Covariance = std::array<Row, kLimbs>;

Covariance Covariances(absl::Span<const double> frames) {
  Row sums = {};
  Covariance products = {};
  for (size_t i = 0; i < frames.size(); i += kLeads) {
    const double* x = frames.data() + i;
    for (size_t a = 0; a < kLimbs; ++a) {
      sums[a] += x[a];
      for (size_t b = 0; b < kLimbs; ++b) products[a][b] += x[a] * x[b];
    }
  }
  const size_t frame_count = frames.size() / kLeads;
  const auto count = static_cast<double>(frame_count);
  for (size_t a = 0; a < kLimbs; ++a) {
    for (size_t b = 0; b < kLimbs; ++b)
      products[a][b] = products[a][b] / count - sums[a] / count * (sums[b] / count);
  }
  return products;
}

// As MeasureEquations, of leads whose places are given by `place`.
Sizes MeasureEquations(const Covariance& covariance, const std::array<size_t, kLimbs>& place) {
  Sizes sizes;
  for (const Row& equation : kEquations) {
    for (size_t a = 0; a < kLimbs; ++a) {
      for (size_t b = 0; b < kLimbs; ++b)
        sizes.residual += equation[a] * equation[b] * covariance[place[a]][place[b]];
    }
  }
  for (size_t a = 0; a < kLimbs; ++a) sizes.signal += covariance[a][a] / kLimbs;
  return sizes;
}

bool AgreeAfterASwap(const Covariance& covariance) {
  for (size_t a = 0; a < kLimbs; ++a) {
    for (size_t b = a + 1; b < kLimbs; ++b) {
      std::array<size_t, kLimbs> place = {0, 1, 2, 3, 4, 5};
      std::swap(place[a], place[b]);
      if (MeasureEquations(covariance, place).Agree()) return true;
    }
  }
  return false;
}

bool IsAbsent(absl::Span<const double> frames, size_t lead) {
  for (size_t i = lead; i < frames.size(); i += kLeads) {
    if (!std::isnan(frames[i])) return false;
  }
  return true;
}

}  // namespace

LimbLeads CheckLimbLeads(absl::Span<const double> frames) {
  if (MeasureEquations(frames).Agree()) return LimbLeads::kAgree;
  return AgreeAfterASwap(Covariances(frames)) ? LimbLeads::kSwapped : LimbLeads::kContradict;
}

bool DeriveLimbLeads(std::vector<double>& frames) {
  std::array<bool, kLimbs> absent;
  for (size_t lead = 0; lead < kLimbs; ++lead) absent[lead] = IsAbsent(frames, lead);
  const bool any = absent[2] || absent[3] || absent[4] || absent[5];
  if (!any || absent[0] || absent[1]) return false;
  for (size_t i = 0; i < frames.size(); i += kLeads) {
    double* x = frames.data() + i;
    if (absent[2]) x[2] = x[1] - x[0];
    if (absent[3]) x[3] = -(x[0] + x[1]) / 2;
    if (absent[4]) x[4] = x[0] - x[1] / 2;
    if (absent[5]) x[5] = x[1] - x[0] / 2;
  }
  return true;
}

}  // namespace ecgtrain
