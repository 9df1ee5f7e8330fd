#include "worker/train/batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "tests/worker/train/fake_pack.h"

namespace ecgtrain {
namespace {

constexpr uint32_t kSamples = 256;

Batch Masked(const BatchMaker& batches, const std::vector<Window>& windows, const Masking& masking = {},
             const Augmentation& augmentation = {}) {
  return batches.MaskedSignals(windows, augmentation, masking);
}

TEST(BatchMaker, CentresScalesAndMarksTheSignal) {
  const FakePack pack(std::vector<uint32_t>{100, 300});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const Batch batch = Masked(batches, batches.Windows({0, 1}));
  EXPECT_EQ(batch.target.sizes(), (std::vector<int64_t>{2, 12, 1, kSamples}));
  EXPECT_TRUE(batch.target.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(batch.x.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(batch.target[0][3][0][78 + 5].item<float>(), pack.record(0).samples[5 * kLeads + 3] * 0.001f);
  EXPECT_EQ(batch.target[0][3][0][77].item<float>(), 0);
  EXPECT_EQ(batch.signal[0].sum().item<float>(), 100);
  EXPECT_EQ(batch.target[1][0][0][0].item<float>(), pack.record(1).samples[22 * kLeads] * 0.001f);
  EXPECT_EQ(batch.signal[1].sum().item<float>(), kSamples);
}

AugmentSettings AllOn() {
  return {.crop = true, .gain = 0.3, .noise = 0.05, .wander = 0.2, .lead_drop = 0.3};
}

TEST(BatchMaker, WithoutAugmentationEverySampleIsTheRecordsTimesItsUnit) {
  const FakePack pack(std::vector<uint32_t>{100, 300, kSamples});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const Batch batch = batches.Signals(batches.Windows({0, 1, 2}));
  const auto sample = [&](size_t record, int64_t at, int64_t lead) {
    const auto length = static_cast<int64_t>(pack.record(record).length);
    const int64_t from = at + (length - int64_t{kSamples}) / 2;
    return from < 0 || from >= length ? 0 : pack.record(record).samples[from * kLeads + lead] * 0.001f;
  };
  for (int64_t record = 0; record < 3; ++record) {
    const at::Tensor lines = batch.x[record].squeeze(1).contiguous();
    for (int64_t k = 0; k < lines.numel(); ++k) {
      ASSERT_EQ(lines.const_data_ptr<float>()[k], sample(record, k % kSamples, k / kSamples));
    }
  }
}

TEST(BatchMaker, AlignedAtTheStartRecordsBeginAtSampleZero) {
  const FakePack pack(std::vector<uint32_t>{100, 700});
  const BatchMaker batches(pack, {.samples = kSamples, .align = Align::kStart}, {});
  const Batch batch = Masked(batches, batches.Windows({0, 1}));
  EXPECT_EQ(batch.target[0][3][0][0].item<float>(), pack.record(0).samples[3] * 0.001f);
  EXPECT_EQ(batch.signal[0].slice(2, 0, 100).sum().item<float>(), 100);
  EXPECT_EQ(batch.signal[0].sum().item<float>(), 100);
  EXPECT_EQ(batch.target[1][3][0][0].item<float>(), pack.record(1).samples[3] * 0.001f);
  EXPECT_EQ(batches.Cover(0)[0].padding, 0u);
  EXPECT_EQ(batches.Cover(1).back().begin, 444u);  // as ever: an evaluation hears all of a record
}

TEST(BatchMaker, CropsReachEveryPlaceOfLongAndShortRecords) {
  const FakePack pack(std::vector<uint32_t>{kSamples + 3, kSamples - 3});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  std::set<uint32_t> begins;
  std::set<uint32_t> paddings;
  for (uint64_t epoch = 0; epoch < 100; ++epoch) {
    const Augmentation crop{{.crop = true}, 1, epoch};
    const std::vector<Window> windows = batches.Windows({0, 1}, crop);
    begins.insert(windows[0].begin);
    paddings.insert(windows[1].padding);
    const Batch batch = batches.Signals(windows, crop);
    EXPECT_EQ(batch.x[0][5][0][0].item<float>(),
              pack.record(0).samples[windows[0].begin * kLeads + 5] * 0.001f);
    EXPECT_EQ(batch.x[1][5][0][windows[1].padding].item<float>(), pack.record(1).samples[5] * 0.001f);
  }
  EXPECT_EQ(begins, (std::set<uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(paddings, begins);
}

TEST(BatchMaker, PaddingStaysZerosUnderAugmentation) {
  const FakePack pack(8, 100);
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const Augmentation all{AllOn(), 1, 0};
  const Batch batch = Masked(batches, batches.Windows({0, 1, 2, 3, 4, 5, 6, 7}, all), {}, all);
  EXPECT_EQ(batch.signal.sum().item<float>(), 8 * 100);
  EXPECT_EQ(batch.target.mul(1 - batch.signal).abs().max().item<float>(), 0);
  EXPECT_GT(batch.target.abs().max().item<float>(), 0.5);
}

TEST(BatchMaker, AugmentationDependsOnSeedEpochAndRecordAndNotOnTheBatch) {
  const FakePack pack(std::vector<uint32_t>{700, 100, 300, 100});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const auto make = [&](const std::vector<size_t>& records, uint64_t seed, uint64_t epoch) {
    const Augmentation all{AllOn(), seed, epoch};
    return batches.Signals(batches.Windows(records, all), all).x;
  };
  const at::Tensor together = make({0, 1, 2, 3}, 1, 5);
  for (size_t record = 0; record < 4; ++record) {
    EXPECT_TRUE(make({record}, 1, 5)[0].equal(together[static_cast<int64_t>(record)])) << record;
    EXPECT_FALSE(make({record}, 1, 6)[0].equal(together[static_cast<int64_t>(record)])) << record;
    EXPECT_FALSE(make({record}, 2, 5)[0].equal(together[static_cast<int64_t>(record)])) << record;
  }
  EXPECT_TRUE(make({3, 1}, 1, 5)[0].equal(together[3]));
}

TEST(BatchMaker, MasksLieOnTheSignalWhereverItStands) {
  const FakePack pack(40, 64);
  const BatchMaker middle(pack, {.samples = kSamples}, {});
  const BatchMaker start(pack, {.samples = kSamples, .align = Align::kStart}, {});
  const Masking masking{{.cell = 4}, 1};
  std::vector<size_t> records(40);
  std::iota(records.begin(), records.end(), 0);
  const Augmentation crop{{.crop = true}, 1, 0};
  std::set<uint32_t> paddings;
  const auto check = [&](const BatchMaker& batches, const std::vector<Window>& windows) {
    const at::Tensor mask = Masked(batches, windows, masking).mask;
    // Cells of 4 that hold some of the 64 samples: 16, or 17 of a record between two.
    EXPECT_EQ(mask.sum({1, 2, 3}).eq(4 * 4).all().item<bool>(), true);
    for (size_t i = 0; i < windows.size(); ++i) {
      const int64_t first = windows[i].padding / 4 * 4;
      const int64_t last = (windows[i].padding + 64 + 3) / 4 * 4;
      EXPECT_EQ(mask[static_cast<int64_t>(i)].slice(2, first, last).sum().item<float>(), 16) << i;
      paddings.insert(windows[i].padding);
    }
  };
  check(middle, middle.Windows(records));
  check(start, start.Windows(records));
  check(middle, middle.Windows(records, crop));
  EXPECT_GT(paddings.size(), 20u);
}

TEST(BatchMaker, WindowsCoverALongRecordFromEndToEnd) {
  const FakePack pack(std::vector<uint32_t>{700, 256});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const std::vector<Window> windows = batches.Cover(0);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].begin, 0u);
  EXPECT_EQ(windows[1].begin, 222u);
  EXPECT_EQ(windows[2].begin, 444u);
  EXPECT_EQ(batches.Cover(1).size(), 1u);
  EXPECT_EQ(Masked(batches, windows).signal.sum().item<float>(), 3 * kSamples);
}

TEST(BatchMaker, MasksAreSharedOrDrawnByLead) {
  const FakePack pack(4, kSamples);
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const std::vector<Window> windows = batches.Windows({0, 1});
  const Masking masking{{.cell = 16}, 1};
  const at::Tensor shared = Masked(batches, windows, masking).mask;
  EXPECT_EQ(shared.sizes(), (std::vector<int64_t>{2, 1, 1, kSamples}));
  EXPECT_EQ(shared.sum({1, 2, 3}).eq(64).all().item<bool>(), true);
  EXPECT_FALSE(shared[0].equal(shared[1]));
  Masking other = masking;
  other.epoch = 1;
  EXPECT_FALSE(Masked(batches, windows, other).mask.equal(shared));
  EXPECT_TRUE(Masked(batches, {windows[1]}, masking).mask[0].equal(shared[1]));
  other = masking;
  other.settings.per_lead = true;
  const at::Tensor independent = Masked(batches, windows, other).mask;
  EXPECT_EQ(independent.sizes(), (std::vector<int64_t>{2, 12, 1, kSamples}));
  EXPECT_FALSE(independent[0][0].equal(independent[0][1]));
}

TEST(BatchMaker, TheNetworkSeesNothingOfWhatIsHiddenAndAllTheRest) {
  const FakePack pack(std::vector<uint32_t>{700, 100, kSamples, 300});
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const std::vector<Window> windows = batches.Windows({0, 1, 2, 3});
  for (const bool per_lead : {false, true}) {
    const Batch batch = Masked(batches, windows, {{.cell = 16, .per_lead = per_lead}, 7});
    EXPECT_TRUE(batch.x.equal(batch.target * (1 - batch.mask)));
    EXPECT_FALSE(batch.x.equal(batch.target));
    EXPECT_TRUE(batch.target.equal(batches.Signals(windows).x));
  }
}

TEST(BatchMaker, InBfloat16TheNetworkSeesTheNearestValuesAndTheTargetKeepsFp32) {
  const FakePack pack(std::vector<uint32_t>{700, 100, kSamples, 300});
  const BatchMaker full(pack, {.samples = kSamples}, {});
  const BatchMaker half(pack, {.samples = kSamples}, {.bfloat16 = true});
  const std::vector<Window> windows = full.Windows({0, 1, 2, 3});
  const Augmentation all{AllOn(), 1, 5};
  EXPECT_TRUE(half.Signals(windows, all).x.equal(full.Signals(windows, all).x.to(at::kBFloat16)));
  EXPECT_TRUE(half.Signals(windows).x.is_contiguous(at::MemoryFormat::ChannelsLast));
  for (const bool per_lead : {false, true}) {
    const Masking masking{{.cell = 16, .per_lead = per_lead}, 7};
    const Batch expected = Masked(full, windows, masking, all);
    const Batch batch = Masked(half, windows, masking, all);
    EXPECT_TRUE(batch.x.equal(expected.x.to(at::kBFloat16)));
    EXPECT_TRUE(batch.target.equal(expected.target));
    EXPECT_TRUE(batch.mask.equal(expected.mask));
  }
}

TEST(BatchMaker, LabelsAreOneRowARecord) {
  const FakePack pack(4, kSamples);
  const BatchMaker batches(pack, {.samples = kSamples}, {});
  const at::Tensor labels = batches.Labels(batches.Windows({0, 1}), 0);
  EXPECT_TRUE(labels.equal(at::tensor({1.0f, 1.0f, 0.0f, 0.0f}).view({2, 2})));
}

TEST(Objective, AveragesTheErrorOverTheRegion) {
  Batch batch;
  batch.target = at::full({2, 12, 1, 256}, 2.0);
  batch.mask = at::zeros({2, 1, 1, 256});
  batch.mask.slice(3, 0, 64).fill_(1);
  batch.target.slice(3, 0, 64).fill_(3);
  batch.signal = at::ones({2, 1, 1, 256});
  batch.signal.slice(3, 128).zero_();
  const auto mean = [&batch](LossRegion region) {
    const LossTerms terms = ZeroReconstructionLoss(batch, region);
    return (terms.sum / terms.count).item<double>();
  };
  EXPECT_DOUBLE_EQ(mean(LossRegion::kMasked), 9);
  EXPECT_DOUBLE_EQ(mean(LossRegion::kAll), (9 + 3 * 4) / 4.0);
  EXPECT_DOUBLE_EQ(mean(LossRegion::kSignal), (9 + 4) / 2.0);
}

}  // namespace
}  // namespace ecgtrain
