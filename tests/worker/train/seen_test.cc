// Whom a network has seen: keys that tell patients apart, and find the same ones again elsewhere.
#include "worker/train/seen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"
#include "tests/worker/train/fake_pack.h"
#include "worker/train/safetensors.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

// One record of each patient, in a data set of this type.
class NamedPack final : public Pack {
 public:
  NamedPack(const std::string& dataset, const std::string& source_digest, std::vector<std::string> patients)
      : patients_(std::move(patients)) {
    info_.dataset = dataset;
    info_.source_digest = source_digest;
  }
  const PackInfo& info() const override { return info_; }
  size_t size() const override { return patients_.size(); }
  PackRecord record(size_t index) const override { return {.patient = patients_[index]}; }
  std::vector<bool> labels(size_t, size_t) const override { return {}; }
  absl::Status Verify() const override { return absl::OkStatus(); }

 private:
  PackInfo info_;
  std::vector<std::string> patients_;
};

PatientKeys AllOf(const std::string& dataset, const std::string& source_digest,
                  std::vector<std::string> patients) {
  const NamedPack pack(dataset, source_digest, std::move(patients));
  RecordSet records(pack.size());
  for (size_t i = 0; i < records.size(); ++i) records[i] = i;
  return PatientsOf(pack, {&records, 1});
}

TEST(SeenTest, APatientIsCountedOnceHoweverManyRecords) {
  const FakePack pack(20, 100);  // two records a patient
  const RecordSet sets[] = {{0, 1, 2}, {3, 4}};
  EXPECT_EQ(PatientsOf(pack, sets).size(), 3u);
}

TEST(SeenTest, PatientsAreToldApartByTypeAndFoundAgainInCopiesOfTheirSet) {
  const PatientKeys ptbxl = AllOf("ptbxl", "v1", {"17", "18"});
  EXPECT_EQ(CountShared(ptbxl, AllOf("ptbxl", "v2", {"18", "19"})), 1u);
  EXPECT_EQ(CountShared(ptbxl, AllOf("code15", "v1", {"17", "18"})), 0u);
  EXPECT_EQ(CountShared(ptbxl, AllOf("challenge", "v1", {"ptbxl/17", "17", "cpsc2018/18"})), 1u);
}

TEST(SeenTest, SyntheticPatientsBelongToTheirVerySet) {
  const PatientKeys one = AllOf("synthetic", "one", {"1", "2"});
  EXPECT_EQ(CountShared(one, AllOf("synthetic", "one", {"2"})), 1u);
  EXPECT_EQ(CountShared(one, AllOf("synthetic", "other", {"2"})), 0u);
}

TEST(SeenTest, UnionHasEachPatientOnce) {
  const PatientKeys a = AllOf("own", "", {"1", "2"}), b = AllOf("own", "", {"2", "3"});
  EXPECT_EQ(Union(a, b), AllOf("own", "", {"3", "2", "1"}));
  EXPECT_EQ(Union(a, {}), a);
}

TEST(SeenTest, KeysArriveAsTheyWereWritten) {
  const TemporaryFolder folder;
  const PatientKeys keys = AllOf("own", "", {"1", "2", "3"});
  ASSERT_THAT(WritePatientKeys(folder.path() / "some", keys), IsOk());
  EXPECT_EQ(*ReadPatientKeys(folder.path() / "some"), keys);
  ASSERT_THAT(WritePatientKeys(folder.path() / "none", {}), IsOk());
  EXPECT_EQ(*ReadPatientKeys(folder.path() / "none"), PatientKeys());
}

TEST(SeenTest, WhatIsNoListOfKeysIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(ReadPatientKeys(folder.path() / "absent"), StatusIs(absl::StatusCode::kNotFound));
  const std::string bytes(16, '\1');
  const TensorBytes twice{"patients", "I64", {2}, bytes}, floats{"patients", "F32", {4}, bytes},
      other{"weights", "I64", {2}, bytes}, table{"patients", "I64", {1, 2}, bytes};
  int count = 0;
  for (const TensorBytes& tensor : {twice, floats, other, table}) {
    const auto path = folder.path() / absl::StrCat(++count);
    ASSERT_THAT(WriteSafetensors(path, {&tensor, 1}), IsOk());
    EXPECT_THAT(ReadPatientKeys(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path.string())));
  }
}

}  // namespace
}  // namespace ecgtrain
