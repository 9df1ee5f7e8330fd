// The parameters and running statistics of a network, under their canonical names.
//
// Parameters are trained as fp32 masters. In bf16 the convolution and linear weights have a bfloat16 working
// copy that the network computes with; batch norms stay fp32. Convolution weights live as [out, in, 1,
// kernel], in channels-last order unless asked otherwise; outside (checkpoints, the peer) they are [out, in,
// kernel], transposed ones [in, out, kernel].
#ifndef ECGTRAIN_WORKER_MODEL_WEIGHTS_H_
#define ECGTRAIN_WORKER_MODEL_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct Parameter {
  std::string name;
  at::Tensor master;   // fp32
  at::Tensor working;  // master itself, or its bfloat16 copy; the leaf that gets the gradient
};

// Bound to one thread. Tensors are handles: copies of a Parameter share their memory.
class Weights {
 public:
  struct Options {
    uint64_t seed = 0;
    bool bfloat16 = false;
    at::Device device = at::kCPU;
    // Memory order of convolution weights, and with it the kernels that run. Training uses channels-last;
    // contiguous, with contiguous activations, computes what a Conv1d computes: the parity reference.
    at::MemoryFormat layout = at::MemoryFormat::ChannelsLast;
  };
  explicit Weights(const Options& options) : options_(options) {}

  // Each makes a parameter with its initial value, uniform in +-1/sqrt(fan in) as PyTorch's default, and
  // returns the working tensor. `shape` is canonical: three sizes for a convolution, two for a linear layer,
  // one for its bias.
  at::Tensor AddWeight(absl::string_view name, absl::Span<const int64_t> shape, int64_t fan_in);
  // Scale (1) or shift (0) of a batch norm, always fp32.
  at::Tensor AddNormParameter(absl::string_view name, int64_t channels, double value);
  // A running statistic: saved, not trained.
  at::Tensor AddBuffer(absl::string_view name, int64_t channels, double value);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Options& options() const { return options_; }
  int64_t ParameterCount() const;

  // Parameters and buffers as contiguous fp32 copies on the CPU in canonical shape.
  std::vector<NamedTensor> Canonical() const;

  // Takes over the values of all own tensors whose name starts with one of `prefixes` (all, where there is
  // none); tensors of other names in `state` are ignored. INVALID_ARGUMENT naming the tensor that is absent
  // or has another shape; nothing is changed then.
  absl::Status Load(absl::Span<const NamedTensor> state, absl::Span<const absl::string_view> prefixes = {});

  // Casts the masters into the bfloat16 working copies; nothing to do in fp32.
  void RefreshWorking();

  // Parameters whose name starts with one of `prefixes` get no gradient from now on and leave parameters().
  void Freeze(absl::Span<const absl::string_view> prefixes);

 private:
  // All named tensors that a checkpoint holds: masters, trained or frozen, then buffers.
  std::vector<NamedTensor> Everything() const;

  Options options_;
  std::vector<Parameter> parameters_;
  std::vector<Parameter> frozen_;
  std::vector<NamedTensor> buffers_;
};

// [out, in, 1, kernel] or a smaller shape -> its canonical shape; shares memory.
at::Tensor CanonicalView(const at::Tensor& tensor);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_MODEL_WEIGHTS_H_
