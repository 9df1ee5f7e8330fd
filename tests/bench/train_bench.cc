// Throughput of our training step alone: network, loss, backward, optimizer, on batches that are already
// tensors.
//
//   train_bench --task pretrain --precision bf16 --batch 16 --threads 2            one JSON object
//   train_bench --follow ...      after a JSON line {"ready": true}: for each line on standard input one
//   round of
//                                 --steps steps and one JSON line; how tests/bench/train.py interleaves
//                                 rivals
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "worker/model/counter_random.h"
#include "worker/model/model_table.h"
#include "worker/train/device.h"
#include "worker/train/objective.h"
#include "worker/train/optimizer.h"

namespace ecgtrain {
namespace {

struct Options {
  std::string task = "pretrain";
  std::string precision = "fp32";
  std::string preset = "paper";
  int64_t batch = 16;
  int64_t samples = 4096;
  double dropout = 0;
  int threads = 2;
  int warmup = 2;
  int steps = 2;
  int repeats = 5;
  bool follow = false;
};

constexpr int64_t kClasses = 71;
constexpr int64_t kCell = 64;
constexpr int kBatches = 4;  // visited in turn

// ECG-like beats plus noise, zero padding on both sides, a quarter of the cells masked: the peer's synthetic
// batch.
Batch SyntheticBatch(const Options& options, uint64_t seed) {
  at::manual_seed(seed);
  const int64_t n = options.batch;
  const at::Tensor time = at::arange(options.samples, at::kFloat) / 400.0;
  const at::Tensor beat = at::remainder(time * (0.8 + 1.2 * at::rand({n, 1})) + at::rand({n, 1}), 1.0) - 0.5;
  at::Tensor x = 0.02 * at::randn({n, kModelLeads, options.samples});
  constexpr double kWaves[3][3] = {
      {-0.18, 0.03, 0.15}, {0, 0.012, 1}, {0.25, 0.05, 0.3}};  // centre, width, height
  for (const auto& [centre, width, height] : kWaves) {
    const at::Tensor wave = ((beat.unsqueeze(1) - centre) / width).square().mul(-0.5).exp();
    x += height * (2 * at::rand({n, kModelLeads, 1}) - 0.6) * wave;
  }
  const int64_t padding = options.samples / 8;
  x.slice(2, 0, padding).zero_();
  x.slice(2, options.samples - padding).zero_();
  Batch batch;
  batch.target = x.unsqueeze(2).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor cells = at::rand({n, 1, 1, options.samples / kCell}).lt(0.25).to(at::kFloat);
  batch.mask = cells.repeat_interleave(kCell, 3);
  batch.labels = at::rand({n, kClasses}).lt(0.05).to(at::kFloat);
  return batch;
}

class Step {
 public:
  explicit Step(const Options& options) : options_(options) {
    ModelConfig config;
    config.samples = options.samples;
    config.classes = kClasses;
    if (!ApplyPreset(options.preset, config).ok()) throw std::invalid_argument("unknown preset");
    const Weights::Options weights{.seed = 1, .bfloat16 = options.precision == "bf16"};
    auto network = options.task == "pretrain" ? MakePretrainingNetwork(config, weights)
                                              : MakeClassifier(config, weights);
    if (!network.ok()) throw std::invalid_argument(std::string(network.status().message()));
    network_ = *std::move(network);
    optimizer_ = std::make_unique<Optimizer>(
        network_->weights(),
        OptimizerConfig{.decoupled_weight_decay = true, .weight_decay = 0.01, .clip_norm = 1});
    for (int i = 0; i < kBatches; ++i) batches_.push_back(SyntheticBatch(options, i));
  }

  void Run() {
    Batch batch = batches_[step_ % batches_.size()];
    const ForwardMode mode{.training = true, .dropout = options_.dropout, .dropout_key = Mix(1, step_)};
    ++step_;
    optimizer_->ClearGradients();
    at::Tensor loss;
    if (options_.task == "pretrain") {
      batch.x = WorkingType(batch.target * (1 - batch.mask));  // the rival masks within its step, too
      const LossTerms terms = ReconstructionLoss(*network_, batch, LossRegion::kMasked, mode);
      loss = terms.sum / terms.count;
    } else {
      batch.x = WorkingType(batch.target);
      loss = ClassificationLoss(*network_, batch, mode);
    }
    loss.backward();
    optimizer_->Step(1e-3, loss.detach());
    loss_ = loss.detach();
  }

  // Samples a second of one round.
  double Round() {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < options_.steps; ++i) Run();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(options_.batch * options_.steps) / time.count();
  }

  double loss() const { return loss_.item<double>(); }

 private:
  at::Tensor WorkingType(const at::Tensor& x) const {
    return network_->weights().options().bfloat16 ? x.to(at::kBFloat16) : x;
  }

  Options options_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<Batch> batches_;
  at::Tensor loss_;
  uint64_t step_ = 0;
};

void Follow(Step& step) {
  std::cout << nlohmann::json{{"ready", true}} << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << nlohmann::json{{"samples_per_s", step.Round()}} << std::endl;
  }
}

void Repeat(const Options& options, Step& step) {
  std::vector<double> rates;
  for (int i = 0; i < options.repeats; ++i) rates.push_back(step.Round());
  std::sort(rates.begin(), rates.end());
  std::cout << nlohmann::json{{"task", options.task},
                              {"precision", options.precision},
                              {"preset", options.preset},
                              {"batch", options.batch},
                              {"dropout", options.dropout},
                              {"threads", options.threads},
                              {"samples_per_s", rates[rates.size() / 2]},
                              {"min", rates.front()},
                              {"max", rates.back()},
                              {"last_loss", step.loss()}}
            << std::endl;
}

int Main(const Options& options) {
  const auto device = PrepareDevice({.threads = options.threads}, Precision::kFp32);
  if (!device.ok()) throw std::runtime_error(std::string(device.status().message()));
  Step step(options);
  for (int i = 0; i < options.warmup; ++i) step.Run();
  if (options.follow) {
    Follow(step);
  } else {
    Repeat(options, step);
  }
  return 0;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  ecgtrain::Options options;
  CLI::App app("Throughput of the training step", "train_bench");
  app.add_option("--task", options.task)->check(CLI::IsMember({"pretrain", "finetune"}));
  app.add_option("--precision", options.precision)->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--preset", options.preset);
  app.add_option("--batch", options.batch)->check(CLI::Range(1, 4096));
  app.add_option("--samples", options.samples);
  app.add_option("--dropout", options.dropout)->check(CLI::Range(0.0, 0.95));
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024));
  app.add_option("--warmup", options.warmup);
  app.add_option("--steps", options.steps, "steps of a round");
  app.add_option("--repeats", options.repeats, "rounds");
  app.add_flag("--follow", options.follow, "one round for each line on standard input");
  CLI11_PARSE(app, argc, argv);
  try {
    return ecgtrain::Main(options);
  } catch (const std::exception& error) {
    std::cerr << "train_bench: " << error.what() << std::endl;
    return 1;
  }
}
