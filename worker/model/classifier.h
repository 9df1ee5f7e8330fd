// The encoder of the U-ResNet with a linear layer on its last x stream (paper.md, section 0).
#ifndef ECGTRAIN_WORKER_MODEL_CLASSIFIER_H_
#define ECGTRAIN_WORKER_MODEL_CLASSIFIER_H_

#include "worker/model/encoder.h"
#include "worker/model/network.h"

namespace ecgtrain {

class Classifier final : public Network {
 public:
  Classifier(const ModelConfig& config, const Weights::Options& options);
  // [batch, 12, 1, samples] -> logits [batch, classes]. Features are channel-major: channel x (samples / 256)
  // + time.
  at::Tensor Forward(const at::Tensor& x, const ForwardMode& mode) const override;
  void FreezeEncoder() override;

 private:
  ClassifierHead head_;
  bool encoder_frozen_ = false;
  Encoder encoder_;
  at::Tensor weight_;  // [classes, features]
  at::Tensor bias_;    // [classes]
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_CLASSIFIER_H_
