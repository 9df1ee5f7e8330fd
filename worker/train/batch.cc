#include "worker/train/batch.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "worker/train/convert.h"
#include "worker/train/mask.h"

namespace ecgtrain {
namespace {

static_assert(kLeads == kModelLeads);

void Store(absl::Span<const float> values, float* to) { std::copy(values.begin(), values.end(), to); }
void Store(absl::Span<const float> values, c10::BFloat16* to) { ToBfloat16(values, to); }

// Writes `input` [samples, leads] to `visible`, zeros where `mask` [mask_leads, samples] is 1: cell by cell,
// of which each is hidden as a whole.
template <typename T>
void StoreVisible(absl::Span<const float> input, const float* mask, size_t mask_leads, size_t cell,
                  T* visible) {
  const size_t samples = input.size() / kLeads;
  for (size_t first = 0; first < samples; first += cell) {
    T* to = visible + first * kLeads;
    if (mask_leads == 1 && mask[first] != 0) {
      std::fill_n(to, cell * kLeads, T(0));
      continue;
    }
    Store(input.subspan(first * kLeads, cell * kLeads), to);
    for (size_t lead = 0; mask_leads > 1 && lead < mask_leads; ++lead) {
      if (mask[lead * samples + first] == 0) continue;
      for (size_t k = 0; k < cell; ++k) to[k * kLeads + lead] = T(0);
    }
  }
}

}  // namespace

BatchMaker::BatchMaker(const Pack& pack, const SignalSettings& signal, const ComputeDevice& device)
    : pack_(pack),
      samples_(signal.samples),
      align_(signal.align),
      device_(device.device),
      working_type_(device.bfloat16 ? at::kBFloat16 : at::kFloat) {}

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

SampleRange BatchMaker::SignalOf(const Window& window) const {
  return SignalRange(window, pack_.record(window.record).length, samples_);
}

// Nothing here and below asks LibTorch to fill or convert: it would do so with threads of its own, beside
// those of the step that computes meanwhile.
at::Tensor BatchMaker::Empty(at::IntArrayRef sizes, at::ScalarType type) const {
  return at::empty(sizes, at::TensorOptions(type).pinned_memory(device_.is_cuda()));
}

at::Tensor BatchMaker::ToDevice(const at::Tensor& tensor) const {
  return tensor.to(device_, /*non_blocking=*/true);
}

at::Tensor BatchMaker::AsInput(const at::Tensor& frames) const {
  return ToDevice(frames.permute({0, 3, 1, 2}));
}

void BatchMaker::WriteSignal(const Window& window, const Augmentation& augmentation, float* input) const {
  const PackRecord record = pack_.record(window.record);
  const SampleRange range = SignalRange(window, record.length, samples_);
  const absl::Span<const int16_t> stretch =
      record.samples.subspan(size_t{window.begin} * kLeads, size_t{range.end - range.begin} * kLeads);
  float* signal = std::fill_n(input, size_t{range.begin} * kLeads, 0.0f);
  if (augmentation.ChangesValues()) {
    WriteAugmented(augmentation, window.record, pack_.info(), stretch, signal);
  } else {
    ToMillivolts(stretch, pack_.info().millivolts_per_unit, signal);
  }
  std::fill(signal + stretch.size(), input + size_t{samples_} * kLeads, 0.0f);
}

Batch BatchMaker::Signals(absl::Span<const Window> windows, const Augmentation& augmentation) const {
  const size_t size = size_t{samples_} * kLeads;
  const at::Tensor frames = Empty({static_cast<int64_t>(windows.size()), 1, samples_, kLeads}, working_type_);
  if (working_type_ == at::kFloat) {
    auto* to = frames.mutable_data_ptr<float>();
    for (size_t i = 0; i < windows.size(); ++i) WriteSignal(windows[i], augmentation, to + i * size);
  } else {
    auto* to = frames.mutable_data_ptr<c10::BFloat16>();
    std::vector<float> millivolts(size);
    for (size_t i = 0; i < windows.size(); ++i) {
      WriteSignal(windows[i], augmentation, millivolts.data());
      Store(millivolts, to + i * size);
    }
  }
  return {.x = AsInput(frames)};
}

void BatchMaker::WriteMask(const Window& window, const Masking& masking, float* mask) const {
  const RandomStream record_stream(masking.seed, masking.purpose, masking.epoch, window.record);
  const SampleRange signal = SignalOf(window);
  for (int64_t lead = 0; lead < (masking.settings.per_lead ? kLeads : 1); ++lead) {
    const RandomStream stream(record_stream.key(), masking.purpose, lead);
    for (const uint8_t hidden : DrawMask(masking.settings, samples_, signal, stream)) {
      mask = std::fill_n(mask, masking.settings.cell, static_cast<float>(hidden));
    }
  }
}

Batch BatchMaker::MaskedSignals(absl::Span<const Window> windows, const Augmentation& augmentation,
                                const Masking& masking) const {
  const auto count = static_cast<int64_t>(windows.size());
  const size_t mask_leads = masking.settings.per_lead ? kLeads : 1;
  const size_t size = size_t{samples_} * kLeads;
  const at::Tensor visible = Empty({count, 1, samples_, kLeads}, working_type_);
  const at::Tensor target = Empty({count, 1, samples_, kLeads}, at::kFloat);
  const at::Tensor mask = Empty({count, static_cast<int64_t>(mask_leads), 1, samples_}, at::kFloat);
  const at::Tensor signal = Empty({count, 1, 1, samples_}, at::kFloat);
  for (size_t i = 0; i < windows.size(); ++i) {
    float* whole = target.mutable_data_ptr<float>() + i * size;
    WriteSignal(windows[i], augmentation, whole);
    float* hidden = mask.mutable_data_ptr<float>() + i * mask_leads * samples_;
    WriteMask(windows[i], masking, hidden);
    float* present = signal.mutable_data_ptr<float>() + i * samples_;
    const SampleRange range = SignalOf(windows[i]);
    std::fill_n(present, samples_, 0.0f);
    std::fill(present + range.begin, present + range.end, 1.0f);
    const auto store = [&](auto* to) {
      StoreVisible({whole, size}, hidden, mask_leads, masking.settings.cell, to + i * size);
    };
    if (working_type_ == at::kFloat) {
      store(visible.mutable_data_ptr<float>());
    } else {
      store(visible.mutable_data_ptr<c10::BFloat16>());
    }
  }
  return {
      .x = AsInput(visible), .target = AsInput(target), .mask = ToDevice(mask), .signal = ToDevice(signal)};
}

at::Tensor BatchMaker::Labels(absl::Span<const Window> windows, size_t task) const {
  const auto classes = static_cast<int64_t>(pack_.info().tasks[task].classes.size());
  const at::Tensor labels = Empty({static_cast<int64_t>(windows.size()), classes}, at::kFloat);
  float* to = labels.mutable_data_ptr<float>();
  for (const Window& window : windows) {
    for (const bool has_class : pack_.labels(window.record, task)) *to++ = has_class ? 1.0f : 0.0f;
  }
  return ToDevice(labels);
}

}  // namespace ecgtrain
