// The U-ResNet of Gedon et al. (CinC 2021): reconstructs masked parts of a 12-lead ECG (paper.md, sections 0
// and 1.2).
//
// Five U-skips join encoder and decoder: both streams of each encoder block enter the decoder block of their
// length, the stem's output enters the head. `merge` says how each of the five is joined: side by side, or
// added.
#ifndef ECGTRAIN_WORKER_MODEL_U_RESNET_H_
#define ECGTRAIN_WORKER_MODEL_U_RESNET_H_

#include <vector>

#include "worker/model/encoder.h"
#include "worker/model/network.h"

namespace ecgtrain {

class UResNet final : public Network {
 public:
  UResNet(const ModelConfig& config, const Weights::Options& options);
  // [batch, 12, 1, samples] -> the same shape.
  at::Tensor Forward(const at::Tensor& x, const ForwardMode& mode) const override;
  void FreezeEncoder() override;

 private:
  at::Tensor Join(const at::Tensor& a, const at::Tensor& b) const;

  Merge merge_;
  bool encoder_frozen_ = false;
  Encoder encoder_;
  DownBlock bottleneck_;
  std::vector<UpBlock> decoder_;
  Convolution head_conv1_;
  Convolution head_conv2_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_U_RESNET_H_
