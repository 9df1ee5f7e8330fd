#include "worker/model/layers.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "absl/strings/str_cat.h"
#include "worker/model/counter_random.h"
#include "worker/model/relu_dropout.h"

namespace ecgtrain {
namespace {

constexpr double kNormMomentum = 0.1;
constexpr double kNormEpsilon = 1e-5;

at::Tensor Activate(const at::Tensor& x, const ForwardMode& mode, uint64_t site) {
  return ReluDropout(x, mode.training ? mode.dropout : 0, Mix(mode.dropout_key, site));
}

// The 1x1 or strided transposed convolution that brings y to the length and width of a decoder block's
// output.
Convolution::Shape UpSkipShape(const UpBlock::Shape& shape) {
  switch (shape.upsample) {
    case SkipUpsample::kTransposedK4:
      return {shape.in, shape.out, 4, kBlockStride, true};
    case SkipUpsample::kTransposedK1:
      return {shape.in, shape.out, 1, kBlockStride, true};
    case SkipUpsample::kNearest:
      break;
  }
  return {shape.in, shape.out, 1};
}

}  // namespace

Convolution::Convolution(Weights& weights, absl::string_view name, const Shape& shape) : shape_(shape) {
  // PyTorch counts a transposed convolution's fan-in over its second axis, which there is `out`.
  const int64_t first = shape.transposed ? shape.in : shape.out;
  const int64_t second = shape.transposed ? shape.out : shape.in;
  weight_ =
      weights.AddWeight(absl::StrCat(name, ".weight"), {first, second, shape.kernel}, second * shape.kernel);
}

at::Tensor Convolution::operator()(const at::Tensor& x) const {
  if (!shape_.transposed) {
    const int64_t padding = shape_.kernel == 1 ? 0 : (shape_.kernel - shape_.stride + 1) / 2;
    return at::conv2d(x, weight_, {}, at::IntArrayRef{1, shape_.stride}, at::IntArrayRef{0, padding});
  }
  // Output length is stride x input length for any kernel: longer ones overlap, shorter ones leave gaps.
  const int64_t padding = shape_.kernel > shape_.stride ? (shape_.kernel - shape_.stride + 1) / 2 : 0;
  const int64_t output_padding = shape_.stride - shape_.kernel + 2 * padding;
  return at::conv_transpose2d(x, weight_, {}, {1, shape_.stride}, {0, padding}, {0, output_padding});
}

BatchNorm::BatchNorm(Weights& weights, absl::string_view name, int64_t channels)
    : weight_(weights.AddNormParameter(absl::StrCat(name, ".weight"), channels, 1)),
      bias_(weights.AddNormParameter(absl::StrCat(name, ".bias"), channels, 0)),
      running_mean_(weights.AddBuffer(absl::StrCat(name, ".running_mean"), channels, 0)),
      running_var_(weights.AddBuffer(absl::StrCat(name, ".running_var"), channels, 1)) {}

at::Tensor BatchNorm::operator()(const at::Tensor& x, bool training) const {
  return at::batch_norm(x, weight_, bias_, running_mean_, running_var_, training, kNormMomentum, kNormEpsilon,
                        /*cudnn_enabled=*/true);
}

DownBlock::DownBlock(Weights& weights, absl::string_view name, const Shape& shape)
    : shape_(shape),
      site_(HashText(name)),
      conv1_(weights, absl::StrCat(name, ".conv1"), {shape.in, shape.out, shape.kernel}),
      bn1_(weights, absl::StrCat(name, ".bn1"), shape.out),
      conv2_(weights, absl::StrCat(name, ".conv2"), {shape.out, shape.out, shape.kernel, shape.stride}),
      bn2_(weights, absl::StrCat(name, ".bn2"), shape.out) {
  if (shape.stride > 1)
    skip_.emplace(weights, absl::StrCat(name, ".skip"), Convolution::Shape{shape.in, shape.out, 1});
}

Streams DownBlock::operator()(const Streams& input, const ForwardMode& mode) const {
  at::Tensor y = input.y;
  if (skip_.has_value()) y = (*skip_)(at::max_pool2d(y, {1, shape_.stride}));
  const at::Tensor hidden = Activate(bn1_(conv1_(input.x), mode.training), mode, site_);
  y = conv2_(hidden).add(y);
  return {Activate(bn2_(y, mode.training), mode, site_ + 1), y};
}

UpBlock::UpBlock(Weights& weights, absl::string_view name, const Shape& shape)
    : shape_(shape),
      site_(HashText(name)),
      conv1_(weights, absl::StrCat(name, ".conv1"), {shape.in, shape.out, shape.kernel}),
      bn1_(weights, absl::StrCat(name, ".bn1"), shape.out),
      conv2_(weights, absl::StrCat(name, ".conv2"), {shape.out, shape.out, shape.kernel, kBlockStride, true}),
      bn2_(weights, absl::StrCat(name, ".bn2"), shape.out),
      skip_(weights, absl::StrCat(name, ".skip"), UpSkipShape(shape)) {}

Streams UpBlock::operator()(const Streams& input, const ForwardMode& mode) const {
  at::Tensor y = skip_(input.y);
  // The 1x1 convolution comes first: on the short side it costs a quarter, and the result is the same.
  if (shape_.upsample == SkipUpsample::kNearest) y = at::upsample_nearest2d(y, {1, y.size(3) * kBlockStride});
  const at::Tensor hidden = Activate(bn1_(conv1_(input.x), mode.training), mode, site_);
  y = conv2_(hidden).add(y);
  return {Activate(bn2_(y, mode.training), mode, site_ + 1), y};
}

}  // namespace ecgtrain
