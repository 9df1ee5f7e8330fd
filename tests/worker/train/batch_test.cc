#include "worker/train/batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/worker/train/fake_pack.h"

namespace ecgtrain {
namespace {

constexpr uint32_t kSamples = 256;

TEST(BatchMaker, CentresScalesAndMarksTheSignal) {
  const FakePack pack(std::vector<uint32_t>{100, 300});
  const BatchMaker batches(pack, kSamples, at::kCPU);
  const Batch batch = batches.Signals({batches.Centre(0), batches.Centre(1)});
  EXPECT_EQ(batch.x.sizes(), (std::vector<int64_t>{2, 12, 1, kSamples}));
  EXPECT_TRUE(batch.x.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(batch.x[0][3][0][78 + 5].item<float>(), pack.record(0).samples[5 * kLeads + 3] * 0.001f);
  EXPECT_EQ(batch.x[0][3][0][77].item<float>(), 0);
  EXPECT_EQ(batch.signal[0].sum().item<float>(), 100);
  EXPECT_EQ(batch.x[1][0][0][0].item<float>(), pack.record(1).samples[22 * kLeads] * 0.001f);
  EXPECT_EQ(batch.signal[1].sum().item<float>(), kSamples);
}

TEST(BatchMaker, WindowsCoverALongRecordFromEndToEnd) {
  const FakePack pack(std::vector<uint32_t>{700, 256});
  const BatchMaker batches(pack, kSamples, at::kCPU);
  const std::vector<Window> windows = batches.Cover(0);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[0].begin, 0u);
  EXPECT_EQ(windows[1].begin, 222u);
  EXPECT_EQ(windows[2].begin, 444u);
  EXPECT_EQ(batches.Cover(1).size(), 1u);
  EXPECT_EQ(batches.Signals(windows).signal.sum().item<float>(), 3 * kSamples);
}

TEST(BatchMaker, MasksAreSharedOrDrawnByLead) {
  const FakePack pack(4, kSamples);
  const BatchMaker batches(pack, kSamples, at::kCPU);
  const std::vector<Window> windows = {batches.Centre(0), batches.Centre(1)};
  MaskSettings settings;
  settings.cell = 16;
  const at::Tensor shared = batches.Mask(windows, settings, 1, RandomPurpose::kMask, 0);
  EXPECT_EQ(shared.sizes(), (std::vector<int64_t>{2, 1, 1, kSamples}));
  EXPECT_EQ(shared.sum({1, 2, 3}).eq(64).all().item<bool>(), true);
  EXPECT_FALSE(shared[0].equal(shared[1]));
  EXPECT_FALSE(batches.Mask(windows, settings, 1, RandomPurpose::kMask, 1).equal(shared));
  EXPECT_TRUE(batches.Mask({windows[1]}, settings, 1, RandomPurpose::kMask, 0)[0].equal(shared[1]));
  settings.per_lead = true;
  const at::Tensor independent = batches.Mask(windows, settings, 1, RandomPurpose::kMask, 0);
  EXPECT_EQ(independent.sizes(), (std::vector<int64_t>{2, 12, 1, kSamples}));
  EXPECT_FALSE(independent[0][0].equal(independent[0][1]));
}

TEST(BatchMaker, LabelsAreOneRowARecord) {
  const FakePack pack(4, kSamples);
  const BatchMaker batches(pack, kSamples, at::kCPU);
  const at::Tensor labels = batches.Labels({batches.Centre(0), batches.Centre(1)}, 0);
  EXPECT_TRUE(labels.equal(at::tensor({1.0f, 1.0f, 0.0f, 0.0f}).view({2, 2})));
}

TEST(Objective, AveragesTheErrorOverTheRegion) {
  Batch batch;
  batch.x = at::full({2, 12, 1, 256}, 2.0);
  batch.mask = at::zeros({2, 1, 1, 256});
  batch.mask.slice(3, 0, 64).fill_(1);
  batch.x.slice(3, 0, 64).fill_(3);
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
