#include "worker/agent/devices/device_inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class NvmlTest : public testing::Test {
 protected:
  ~NvmlTest() override { unsetenv("FAKE_NVML_FAILS"); }
  const std::string library_ = getenv("FAKE_NVML");
};

TEST(CpuSlotsTest, ThreadsAreDividedAndTheFirstSlotsTakeTheRest) {
  const std::vector<v1::Device> slots = CpuSlots(3, 8);
  ASSERT_EQ(slots.size(), 3);
  EXPECT_EQ(slots[0].id(), "cpu/0");
  EXPECT_EQ(slots[2].id(), "cpu/2");
  EXPECT_EQ(slots[0].threads(), 3);
  EXPECT_EQ(slots[1].threads(), 3);
  EXPECT_EQ(slots[2].threads(), 2);
  EXPECT_EQ(slots[0].kind(), "cpu");
  EXPECT_GT(slots[0].memory_bytes(), 0);
}

TEST(CpuSlotsTest, NoSlotsAreNoDevices) { EXPECT_TRUE(CpuSlots(0, 8).empty()); }

TEST_F(NvmlTest, GpusAreListedByUuid) {
  const auto gpus = FindGpus(library_, 16);
  ASSERT_TRUE(gpus.ok()) << gpus.status();
  ASSERT_EQ(gpus->size(), 2);
  EXPECT_EQ((*gpus)[1].id(), "GPU-00000001");
  EXPECT_EQ((*gpus)[1].kind(), "gpu");
  EXPECT_EQ((*gpus)[1].model(), "Test Accelerator");
  EXPECT_EQ((*gpus)[1].memory_bytes(), 80ULL << 30);
  EXPECT_EQ((*gpus)[1].threads(), 8);
}

TEST_F(NvmlTest, MissingLibraryIsNotFound) {
  EXPECT_EQ(FindGpus("/nonexistent/libnvidia-ml.so.1", 4).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(NvmlTest, EachFailingFunctionIsNamed) {
  for (const char* function : {"nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2",
                               "nvmlDeviceGetUUID", "nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"}) {
    setenv("FAKE_NVML_FAILS", function, 1);
    const auto gpus = FindGpus(library_, 4);
    EXPECT_EQ(gpus.status().code(), absl::StatusCode::kInternal) << function;
    EXPECT_THAT(gpus.status().message(), HasSubstr(function));
    EXPECT_THAT(gpus.status().message(), HasSubstr("999"));
  }
}

TEST_F(NvmlTest, EnvironmentNamesTheLibrary) {
  setenv("ECGTRAIN_NVML", "/opt/x.so", 1);
  EXPECT_EQ(NvmlLibrary(), "/opt/x.so");
  unsetenv("ECGTRAIN_NVML");
  EXPECT_EQ(NvmlLibrary(), "libnvidia-ml.so.1");
}

}  // namespace
}  // namespace ecgtrain
