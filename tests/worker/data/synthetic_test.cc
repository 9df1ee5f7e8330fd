#include "worker/data/synthetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace ecgtrain {
namespace {

std::unique_ptr<DataSet> Open(const SyntheticOptions& options = {.rate = 100}) {
  return OpenSynthetic(options).value();
}

bool HasClass(const DataSet& set, const Recording& recording, size_t task, const std::string& name) {
  const std::vector<std::string>& classes = set.info().tasks[task].classes;
  const auto found = std::find(classes.begin(), classes.end(), name);
  EXPECT_NE(found, classes.end()) << name;
  return recording.labels[task][found - classes.begin()];
}

// Of lead II (1 uV hides nothing here), in samples.
double PeakToPeak(const Recording& recording) {
  double low = 1e9, high = -1e9;
  for (size_t i = 1; i < recording.millivolts.size(); i += kLeads) {
    low = std::min(low, recording.millivolts[i]);
    high = std::max(high, recording.millivolts[i]);
  }
  return high - low;
}

TEST(SyntheticTest, RecordDependsOnSeedAndNumberAlone) {
  const auto few = Open({.rate = 100, .records = 10}), many = Open({.rate = 100, .records = 1000});
  const auto other = Open({.rate = 100, .records = 10, .seed = 2});
  const Recording a = *few->Read(7), b = *many->Read(7), c = *other->Read(7);
  EXPECT_EQ(a.millivolts, b.millivolts);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_NE(a.millivolts, c.millivolts);
  EXPECT_NE(a.millivolts, few->Read(6)->millivolts);
}

TEST(SyntheticTest, SourceDigestNamesSeedAndRecordsButNotTheRate) {
  const std::string digest = *Open({.rate = 100})->SourceDigest();
  EXPECT_EQ(digest, *Open({.rate = 400})->SourceDigest());
  EXPECT_NE(digest, *Open({.rate = 100, .seed = 2})->SourceDigest());
  EXPECT_NE(digest, *Open({.rate = 100, .records = 601})->SourceDigest());
}

TEST(SyntheticTest, EveryClassOccursInTrainingAndInTestFolds) {
  const auto set = Open();
  for (size_t task = 0; task < set->info().tasks.size(); ++task) {
    const size_t classes = set->info().tasks[task].classes.size();
    std::vector<int> train(classes), held_out(classes);
    for (size_t i = 0; i < set->size(); ++i) {
      const Recording recording = *set->Read(i);
      ASSERT_EQ(recording.labels[task].size(), classes);
      for (size_t k = 0; k < classes; ++k)
        (recording.fold <= 8 ? train : held_out)[k] += recording.labels[task][k];
    }
    for (size_t k = 0; k < classes; ++k) {
      EXPECT_GE(train[k], 30) << set->info().tasks[task].classes[k];
      EXPECT_GE(held_out[k], 4) << set->info().tasks[task].classes[k];
    }
  }
}

TEST(SyntheticTest, ClassesAreSorted) {
  const auto set = Open();
  for (const PackTask& task : set->info().tasks)
    EXPECT_TRUE(std::is_sorted(task.classes.begin(), task.classes.end()));
}

TEST(SyntheticTest, RecordsOfAPatientShareTheFold) {
  const auto set = Open({.rate = 50, .records = 300});
  std::map<std::string, uint32_t> folds;
  std::set<uint32_t> seen;
  for (size_t i = 0; i < set->size(); ++i) {
    const Recording recording = *set->Read(i);
    EXPECT_EQ(folds.emplace(recording.patient, recording.fold).first->second, recording.fold);
    seen.insert(recording.fold);
  }
  EXPECT_EQ(folds.size(), 150u);
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(*seen.begin(), 1u);
  EXPECT_EQ(*seen.rbegin(), 10u);
}

TEST(SyntheticTest, RecordsLastTenOrSevenSeconds) {
  const auto set = Open({.rate = 400, .records = 60});
  std::map<size_t, int> lengths;
  for (size_t i = 0; i < set->size(); ++i) ++lengths[set->Read(i)->millivolts.size() / kLeads];
  EXPECT_EQ(lengths.size(), 2u);
  EXPECT_GE(lengths[4000], 20);
  EXPECT_GE(lengths[2920], 10);
}

TEST(SyntheticTest, LimbLeadsObeyEinthovenAndGoldberger) {
  const Recording recording = *Open()->Read(0);
  for (size_t at = 0; at < recording.millivolts.size(); at += kLeads) {
    const double* lead = recording.millivolts.data() + at;
    // Wander, noise and gains are drawn for each lead by itself, as electrodes and amplifiers have it.
    EXPECT_NEAR(lead[2], lead[1] - lead[0], 1.5);
    EXPECT_NEAR(lead[3], -(lead[0] + lead[1]) / 2, 1.5);
  }
}

TEST(SyntheticTest, LowVoltageIsLow) {
  const auto set = Open();
  double low = 0, normal = 0;
  int lows = 0, normals = 0;
  for (size_t i = 0; i < 200; ++i) {
    const Recording recording = *set->Read(i);
    if (HasClass(*set, recording, 0, "LVOLT")) {
      low += PeakToPeak(recording);
      ++lows;
    } else if (HasClass(*set, recording, 0, "NORM")) {
      normal += PeakToPeak(recording);
      ++normals;
    }
  }
  ASSERT_GT(lows, 5);
  ASSERT_GT(normals, 5);
  EXPECT_LT(low / lows, 0.75 * normal / normals);
}

TEST(SyntheticTest, OptionsOutOfRangeAreRefused) {
  EXPECT_EQ(OpenSynthetic({.rate = 49}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenSynthetic({.rate = 1001}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenSynthetic({.records = 0}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OpenSynthetic({.records = 10'000'001}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ecgtrain
