// A folder for one test.
#ifndef ECGTRAIN_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define ECGTRAIN_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace ecgtrain {

// Removed with all it holds at the end of the scope. In memory where the system has a folder for that: tests
// sync often, and none of them cuts the power.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const bool in_memory = access("/dev/shm", W_OK) == 0;
    const std::filesystem::path parent = in_memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string path = (parent / "ecgtrain-test.XXXXXX").string();
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code error;  // what is left is in the system's temporary folder
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
