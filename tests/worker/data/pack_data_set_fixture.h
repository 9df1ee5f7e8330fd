// What the tests of PackDataSet share: a set, a cache, what a packing told.
#ifndef ECGTRAIN_TESTS_WORKER_DATA_PACK_DATA_SET_FIXTURE_H_
#define ECGTRAIN_TESTS_WORKER_DATA_PACK_DATA_SET_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/worker/data/test_folder.h"
#include "worker/data/pack_data_set.h"

namespace ecgtrain {

class PackDataSetTest : public ::testing::Test {
 protected:
  PackOptions Synthetic(uint64_t records = 270) {
    return {.source = {.type = "synthetic", .rate = 100, .records = records},
            .cache = folder_.path() / "cache"};
  }
  PackOptions Ptbxl(uint32_t rate = 100) {
    return {.source = {.type = "ptbxl", .path = folder_.path() / "set", .rate = rate},
            .cache = folder_.path() / "cache"};
  }

  // The progress reports come as (done, total).
  absl::StatusOr<std::filesystem::path> Run(const PackOptions& options) {
    reports_.clear();
    taken_over_ = 0;
    return PackDataSet(options, [this](const PackedSoFar& so_far) {
      reports_.emplace_back(so_far.done, so_far.total);
      taken_over_ = so_far.taken_over;
      return absl::OkStatus();
    });
  }

  std::vector<std::filesystem::path> Files(const std::string& extension) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "cache")) {
      if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    return files;
  }
  int CountFiles(const std::string& extension) { return static_cast<int>(Files(extension).size()); }

  std::string Bytes(const std::filesystem::path& path) { return ReadFile(path, 1 << 30).value(); }

  TestFolder folder_;
  std::vector<std::pair<size_t, size_t>> reports_;
  size_t taken_over_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_DATA_PACK_DATA_SET_FIXTURE_H_
