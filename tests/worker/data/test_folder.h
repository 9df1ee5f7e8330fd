// Folders that the tests of the data sets read and write.
#ifndef ECGTRAIN_TESTS_WORKER_DATA_TEST_FOLDER_H_
#define ECGTRAIN_TESTS_WORKER_DATA_TEST_FOLDER_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "common/durable_file.h"
#include "common/ids.h"

namespace ecgtrain {

// A folder of its own for each test, removed at the end.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::path(::testing::TempDir()) / NewUuid()) {
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

  void Write(const std::filesystem::path& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream out(path_ / name, std::ios::binary);
    out << content;
    out.close();
    ASSERT_TRUE(out.good());
  }

  std::string Read(const std::filesystem::path& name) const {
    return ReadFile(path_ / name, 1 << 30).value();
  }

 private:
  std::filesystem::path path_;
};

// Committed files of other programs, with the scripts that made them.
inline std::filesystem::path ReferenceFolder() {
  return std::filesystem::path(std::getenv("ECGTRAIN_SOURCE_DIR")) / "tests/worker/data/reference";
}

// The folder of real recordings, or "" where it is absent.
inline std::filesystem::path RealDataFolder() {
  const char* given = std::getenv("ECGTRAIN_DATA");
  const char* source = std::getenv("ECGTRAIN_SOURCE_DIR");
  const std::filesystem::path folder = given != nullptr ? std::filesystem::path(given)
                                       : source != nullptr
                                           ? std::filesystem::path(source) / ".." / "shared" / "data"
                                           : std::filesystem::path();
  return std::filesystem::is_directory(folder / "mini") ? folder : std::filesystem::path();
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_DATA_TEST_FOLDER_H_
