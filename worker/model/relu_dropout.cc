#include "worker/model/relu_dropout.h"

#include <ATen/Parallel.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/relu.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <bit>

#include "worker/model/counter_random.h"

// One copy of a function for each instruction set, chosen when the program starts.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ECGTRAIN_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ECGTRAIN_SIMD
#endif

namespace ecgtrain {
namespace {

constexpr int64_t kBlock = 4096;  // elements that share a key; threads split the work at multiples of it

struct DropoutRule {
  uint32_t threshold;  // an element with a hash below it is dropped
  float scale;
};

// A 32-bit finalizer with low bias (Ettinger, "hash prospector").
inline uint32_t HashPosition(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x21f0aaadu;
  x = (x ^ (x >> 15)) * 0x735a2d97u;
  return x ^ (x >> 15);
}

inline float ToFloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
inline float ToFloat(float value) { return value; }
inline void Store(float value, float* to) { *to = value; }
inline void Store(float value, uint16_t* to) {  // to nearest, ties to even
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  *to = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// `!(x <= 0)` and not `x > 0`: NaN must pass.
template <typename T>
inline __attribute__((always_inline)) void ForwardBlock(const T* x, T* y, int64_t count, uint32_t key,
                                                        DropoutRule rule) {
  for (int64_t i = 0; i < count; ++i) {
    const float value = ToFloat(x[i]);
    const bool keep = !(value <= 0) & (HashPosition(key + static_cast<uint32_t>(i)) >= rule.threshold);
    Store(keep ? value * rule.scale : 0.0f, &y[i]);
  }
}

template <typename T>
inline __attribute__((always_inline)) void BackwardBlock(const T* y, const T* dy, T* dx, int64_t count,
                                                         float scale) {
  for (int64_t i = 0; i < count; ++i) {
    Store(!(ToFloat(y[i]) <= 0) ? ToFloat(dy[i]) * scale : 0.0f, &dx[i]);
  }
}

ECGTRAIN_SIMD void Forward(const float* x, float* y, int64_t count, uint32_t key, DropoutRule rule) {
  ForwardBlock(x, y, count, key, rule);
}
ECGTRAIN_SIMD void Forward(const uint16_t* x, uint16_t* y, int64_t count, uint32_t key, DropoutRule rule) {
  ForwardBlock(x, y, count, key, rule);
}
ECGTRAIN_SIMD void Backward(const float* y, const float* dy, float* dx, int64_t count, float scale) {
  BackwardBlock(y, dy, dx, count, scale);
}
ECGTRAIN_SIMD void Backward(const uint16_t* y, const uint16_t* dy, uint16_t* dx, int64_t count, float scale) {
  BackwardBlock(y, dy, dx, count, scale);
}

// Calls body(first element, element count, block number) for each block, on all threads.
template <typename Body>
void ForEachBlock(int64_t count, const Body& body) {
  at::parallel_for(0, (count + kBlock - 1) / kBlock, 8, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      body(block * kBlock, std::min(kBlock, count - block * kBlock), block);
    }
  });
}

template <typename T>
void RunForward(const at::Tensor& x, const at::Tensor& y, uint64_t key, DropoutRule rule) {
  const T* from = static_cast<const T*>(x.const_data_ptr());
  T* to = static_cast<T*>(y.mutable_data_ptr());
  ForEachBlock(x.numel(), [=](int64_t first, int64_t count, int64_t block) {
    Forward(from + first, to + first, count, static_cast<uint32_t>(Mix(key, block)), rule);
  });
}

template <typename T>
void RunBackward(const at::Tensor& y, const at::Tensor& dy, const at::Tensor& dx, float scale) {
  const T* output = static_cast<const T*>(y.const_data_ptr());
  const T* from = static_cast<const T*>(dy.const_data_ptr());
  T* to = static_cast<T*>(dx.mutable_data_ptr());
  ForEachBlock(y.numel(), [=](int64_t first, int64_t count, int64_t) {
    Backward(output + first, from + first, to + first, count, scale);
  });
}

class Function : public torch::autograd::Function<Function> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            double probability, int64_t key) {
    // Positions are those in memory: the result keeps the layout of x.
    const at::Tensor y = at::empty_like(x);
    const float scale = static_cast<float>(1 / (1 - probability));
    const DropoutRule rule{static_cast<uint32_t>(probability * 0x1p32), scale};
    if (x.scalar_type() == at::kBFloat16) {
      RunForward<uint16_t>(x, y, static_cast<uint64_t>(key), rule);
    } else {
      RunForward<float>(x, y, static_cast<uint64_t>(key), rule);
    }
    context->save_for_backward({y});
    context->saved_data["scale"] = static_cast<double>(scale);
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::Tensor y = context->get_saved_variables()[0];
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const at::Tensor dx = at::empty_like(y);
    at::Tensor dy = gradients[0];
    if (dy.strides() != y.strides()) dy = at::empty_like(y).copy_(dy);
    if (y.scalar_type() == at::kBFloat16) {
      RunBackward<uint16_t>(y, dy, dx, scale);
    } else {
      RunBackward<float>(y, dy, dx, scale);
    }
    return {dx, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor ReluDropout(const at::Tensor& x, double probability, uint64_t key) {
  if (probability == 0) return at::relu(x);
  if (!x.is_cpu()) return at::dropout(at::relu(x), probability, /*train=*/true);
  const at::Tensor dense = x.is_non_overlapping_and_dense() ? x : x.contiguous();
  return Function::apply(dense, probability, static_cast<int64_t>(key));
}

}  // namespace ecgtrain
