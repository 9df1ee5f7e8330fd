#include "worker/train/batch.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "worker/train/mask.h"

namespace ecgtrain {
namespace {

static_assert(kLeads == kModelLeads);

}  // namespace

BatchMaker::BatchMaker(const Pack& pack, const SignalSettings& signal, at::Device device)
    : pack_(pack), samples_(signal.samples), align_(signal.align), device_(device) {}

Window BatchMaker::AlignedWindow(size_t record) const {
  const uint32_t length = pack_.record(record).length;
  return WindowAt(AlignedPlace(align_, Slack(length, samples_)), record, length, samples_);
}

std::vector<Window> BatchMaker::Windows(absl::Span<const size_t> records,
                                        const Augmentation& augmentation) const {
  std::vector<Window> windows;
  for (const size_t record : records) {
    if (!augmentation.settings.crop) {
      windows.push_back(AlignedWindow(record));
      continue;
    }
    const uint32_t length = pack_.record(record).length;
    const uint32_t place = DrawPlace(augmentation, record, Slack(length, samples_));
    windows.push_back(WindowAt(place, record, length, samples_));
  }
  return windows;
}

std::vector<Window> BatchMaker::Cover(size_t record) const {
  const uint32_t length = pack_.record(record).length;
  if (length <= samples_) return {AlignedWindow(record)};
  const uint32_t count = (length + samples_ - 1) / samples_;
  std::vector<Window> windows;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t place = uint64_t{Slack(length, samples_)} * i / (count - 1);
    windows.push_back(WindowAt(static_cast<uint32_t>(place), record, length, samples_));
  }
  return windows;
}

void BatchMaker::WriteSignal(const Window& window, const Augmentation& augmentation, float* input,
                             float* present) const {
  const PackRecord record = pack_.record(window.record);
  const SampleRange range = SignalRange(window, record.length, samples_);
  const size_t values = static_cast<size_t>(range.end - range.begin) * kLeads;
  const int16_t* from = record.samples.data() + static_cast<size_t>(window.begin) * kLeads;
  float* to = input + static_cast<size_t>(range.begin) * kLeads;
  if (augmentation.ChangesValues()) {
    WriteAugmented(augmentation, window.record, pack_.info(), {from, values}, to);
  } else {
    const float scale = pack_.info().millivolts_per_unit;
    for (size_t k = 0; k < values; ++k) to[k] = static_cast<float>(from[k]) * scale;
  }
  std::fill(present + range.begin, present + range.end, 1.0f);
}

Batch BatchMaker::Signals(absl::Span<const Window> windows, const Augmentation& augmentation) const {
  const auto count = static_cast<int64_t>(windows.size());
  // [records, leads, 1, samples] in channels-last order is frame after frame, as in the pack.
  at::Tensor frames = at::zeros({count, 1, samples_, kLeads}, at::kFloat);
  at::Tensor signal = at::zeros({count, 1, 1, samples_}, at::kFloat);
  float* input = frames.mutable_data_ptr<float>();
  float* present = signal.mutable_data_ptr<float>();
  for (const Window& window : windows) {
    WriteSignal(window, augmentation, input, present);
    input += size_t{samples_} * kLeads;
    present += samples_;
  }
  return {.x = frames.permute({0, 3, 1, 2}).to(device_), .signal = signal.to(device_)};
}

at::Tensor BatchMaker::Mask(absl::Span<const Window> windows, const MaskSettings& settings, uint64_t seed,
                            RandomPurpose purpose, uint64_t epoch) const {
  const auto count = static_cast<int64_t>(windows.size());
  const int64_t leads = settings.per_lead ? kLeads : 1;
  at::Tensor mask = at::empty({count, leads, 1, samples_}, at::kFloat);
  float* to = mask.mutable_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t length = pack_.record(windows[i].record).length;
    const SampleRange signal = SignalRange(windows[i], length, samples_);
    const RandomStream record_stream(seed, purpose, epoch, windows[i].record);
    for (int64_t lead = 0; lead < leads; ++lead) {
      const RandomStream stream(record_stream.key(), purpose, lead);
      for (const uint8_t hidden : DrawMask(settings, samples_, signal, stream)) {
        to = std::fill_n(to, settings.cell, static_cast<float>(hidden));
      }
    }
  }
  return mask.to(device_);
}

at::Tensor BatchMaker::Labels(absl::Span<const Window> windows, size_t task) const {
  const auto classes = static_cast<int64_t>(pack_.info().tasks[task].classes.size());
  at::Tensor labels = at::zeros({static_cast<int64_t>(windows.size()), classes}, at::kFloat);
  float* to = labels.mutable_data_ptr<float>();
  for (const Window& window : windows) {
    for (const bool has_class : pack_.labels(window.record, task)) *to++ = has_class ? 1.0f : 0.0f;
  }
  return labels.to(device_);
}

}  // namespace ecgtrain
