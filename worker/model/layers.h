// The layers and two-stream blocks of the U-ResNet (paper.md, sections 0 and 1.2). Activations are
// [batch, channels, 1, samples] in channels-last order.
#ifndef ECGTRAIN_WORKER_MODEL_LAYERS_H_
#define ECGTRAIN_WORKER_MODEL_LAYERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "worker/model/model_config.h"
#include "worker/model/weights.h"

namespace ecgtrain {

// How a forward pass is to be computed.
struct ForwardMode {
  bool training = false;     // batch norms use and update batch statistics; dropout is on
  double dropout = 0;        // in training
  uint64_t dropout_key = 0;  // of this step
};

// Convolution without bias. Plain: output length = input length / stride; transposed: input length x 4.
class Convolution {
 public:
  struct Shape {
    int64_t in;
    int64_t out;
    int64_t kernel;
    int64_t stride = 1;
    bool transposed = false;
  };
  Convolution(Weights& weights, absl::string_view name, const Shape& shape);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Shape shape_;
  at::Tensor weight_;
};

class BatchNorm {
 public:
  BatchNorm(Weights& weights, absl::string_view name, int64_t channels);
  at::Tensor operator()(const at::Tensor& x, bool training) const;

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor running_mean_;
  at::Tensor running_var_;
};

// The two streams between blocks: `y` is the sum, `x` the same after batch norm, ReLU and dropout.
struct Streams {
  at::Tensor x;
  at::Tensor y;
};

// ResNet block: length / stride. With stride 1 it is the bottleneck and y is passed on as it is.
class DownBlock {
 public:
  struct Shape {
    int64_t in;
    int64_t out;
    int64_t kernel;
    int64_t stride;
  };
  DownBlock(Weights& weights, absl::string_view name, const Shape& shape);
  Streams operator()(const Streams& input, const ForwardMode& mode) const;

 private:
  Shape shape_;
  uint64_t site_;  // tells the dropout of one block from that of another
  Convolution conv1_;
  BatchNorm bn1_;
  Convolution conv2_;
  BatchNorm bn2_;
  std::optional<Convolution> skip_;
};

// UnResNet block: length x 4.
class UpBlock {
 public:
  struct Shape {
    int64_t in;
    int64_t out;
    int64_t kernel;
    SkipUpsample upsample;
  };
  UpBlock(Weights& weights, absl::string_view name, const Shape& shape);
  Streams operator()(const Streams& input, const ForwardMode& mode) const;

 private:
  Shape shape_;
  uint64_t site_;
  Convolution conv1_;
  BatchNorm bn1_;
  Convolution conv2_;
  BatchNorm bn2_;
  Convolution skip_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_LAYERS_H_
