// A folder for one test.
#ifndef ECGTRAIN_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define ECGTRAIN_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace ecgtrain {

// Removed with all it holds at the end of the scope.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "ecgtrain-test.XXXXXX").string();
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
