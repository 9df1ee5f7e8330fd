#include "worker/data/synthetic.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "worker/data/random.h"
#include "worker/data/synthetic_ecg.h"

namespace ecgtrain {
namespace {

// Version of the model: part of the source digest, so that a changed model never reuses an old pack.
constexpr int kModelVersion = 3;

// Purposes of random streams.
constexpr uint64_t kPatientStream = 1;
constexpr uint64_t kRecordStream = 2;
constexpr uint64_t kSignalStream = 3;

// Patients come in groups of three with one, two and three records.
constexpr std::array<uint64_t, 6> kPatientInGroup = {0, 1, 1, 2, 2, 2};

uint64_t PatientOf(uint64_t record) { return record / 6 * 3 + kPatientInGroup[record % 6]; }

SyntheticTraits DrawTraits(uint64_t seed, uint64_t record) {
  SyntheticTraits traits;
  Random patient(seed, kPatientStream, PatientOf(record));
  const double conduction = patient.Uniform(0, 1);
  if (conduction < 0.15) traits.conduction = SyntheticConduction::kLeftBundleBlock;
  if (conduction > 0.85) traits.conduction = SyntheticConduction::kRightBundleBlock;
  const double amplitude = patient.Uniform(0, 1);
  if (amplitude < 0.15) traits.amplitude = SyntheticAmplitude::kHypertrophy;
  if (amplitude > 0.85) traits.amplitude = SyntheticAmplitude::kLowVoltage;
  traits.long_pr = patient.Chance(0.3);
  traits.inverted_t = patient.Chance(0.2) && traits.conduction == SyntheticConduction::kNormal;

  Random random(seed, kRecordStream, record);
  const double rhythm = random.Uniform(0, 1);
  if (rhythm < 0.14) {
    traits.rhythm = SyntheticRhythm::kFibrillation;
  } else if (rhythm < 0.28) {
    traits.rhythm = SyntheticRhythm::kBradycardia;
  } else if (rhythm < 0.42) {
    traits.rhythm = SyntheticRhythm::kTachycardia;
  } else if (rhythm < 0.56) {
    traits.rhythm = SyntheticRhythm::kBigeminy;
  } else if (random.Chance(0.2)) {
    traits.ventricular_ectopics = 1 + static_cast<int>(random.Next() % 2);
  }
  // Neither has a PR interval to measure: no P waves, or P waves inside T waves.
  if (traits.rhythm == SyntheticRhythm::kFibrillation || traits.rhythm == SyntheticRhythm::kTachycardia)
    traits.long_pr = false;
  return traits;
}

const char* RhythmCode(SyntheticRhythm rhythm) {
  switch (rhythm) {
    case SyntheticRhythm::kBradycardia:
      return "SBRAD";
    case SyntheticRhythm::kTachycardia:
      return "STACH";
    case SyntheticRhythm::kFibrillation:
      return "AFIB";
    case SyntheticRhythm::kBigeminy:
      return "BIGU";
    case SyntheticRhythm::kSinus:
      break;
  }
  return "SR";
}

std::vector<std::string> CodesOf(const SyntheticTraits& traits) {
  std::vector<std::string> codes;
  if (traits.long_pr) codes.push_back("1AVB");
  if (traits.conduction == SyntheticConduction::kLeftBundleBlock) codes.push_back("CLBBB");
  if (traits.conduction == SyntheticConduction::kRightBundleBlock) codes.push_back("CRBBB");
  if (traits.amplitude == SyntheticAmplitude::kHypertrophy) codes.push_back("LVH");
  if (traits.amplitude == SyntheticAmplitude::kLowVoltage) codes.push_back("LVOLT");
  if (traits.inverted_t) codes.push_back("INVT");
  if (traits.ventricular_ectopics > 0 || traits.rhythm == SyntheticRhythm::kBigeminy) codes.push_back("PVC");
  if (codes.empty() && traits.rhythm == SyntheticRhythm::kSinus) codes.push_back("NORM");
  codes.push_back(RhythmCode(traits.rhythm));
  return codes;
}

class Synthetic final : public DataSet {
 public:
  explicit Synthetic(const SyntheticOptions& options) : options_(options) {
    info_.name = "synthetic";
    info_.source_rate = options.rate;
    info_.tasks = {{"all",
                    {"1AVB", "AFIB", "BIGU", "CLBBB", "CRBBB", "INVT", "LVH", "LVOLT", "NORM", "PVC", "SBRAD",
                     "SR", "STACH"}},
                   {"rhythm", {"AFIB", "BIGU", "SBRAD", "SR", "STACH"}}};
  }

  const DataSetInfo& info() const override { return info_; }
  size_t size() const override { return options_.records; }

  absl::StatusOr<Recording> Read(size_t index) const override {
    const SyntheticTraits traits = DrawTraits(options_.seed, index);
    const std::vector<std::string> codes = CodesOf(traits);
    Recording recording;
    recording.id = absl::StrCat("synthetic-", index);
    recording.patient = absl::StrCat(PatientOf(index));
    recording.fold = static_cast<uint32_t>(PatientOf(index) % 10 + 1);
    recording.rate = options_.rate;
    for (const PackTask& task : info_.tasks) {
      std::vector<bool>& labels = recording.labels.emplace_back();
      for (const std::string& name : task.classes)
        labels.push_back(std::find(codes.begin(), codes.end(), name) != codes.end());
    }
    Random random(options_.seed, kSignalStream, index);
    const double seconds = random.Chance(1.0 / 3) ? 7.3 : 10.0;
    recording.millivolts = MakeSyntheticEcg(traits, seconds, options_.rate, random);
    return recording;
  }

  absl::StatusOr<std::string> SourceDigest() const override { return QuickKey(); }

  std::string QuickKey() const override {
    return Sha256Hex(
        absl::StrCat("synthetic ", kModelVersion, " records ", options_.records, " seed ", options_.seed));
  }

 private:
  SyntheticOptions options_;
  DataSetInfo info_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DataSet>> OpenSynthetic(const SyntheticOptions& options) {
  if (options.rate < 50 || options.rate > 1000) {
    return absl::InvalidArgumentError(
        absl::StrCat("rate of a synthetic data set: expected 50 to 1000, found ", options.rate));
  }
  if (options.records < 1 || options.records > 10'000'000) {
    return absl::InvalidArgumentError(
        absl::StrCat("records of a synthetic data set: expected 1 to 10000000, found ", options.records));
  }
  return std::make_unique<Synthetic>(options);
}

}  // namespace ecgtrain
