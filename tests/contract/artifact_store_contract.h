// What every ArtifactStore does, as tests: an implementation instantiates the suite with a way to open a
// store in a place, again and again.
#ifndef ECGTRAIN_TESTS_CONTRACT_ARTIFACT_STORE_CONTRACT_H_
#define ECGTRAIN_TESTS_CONTRACT_ARTIFACT_STORE_CONTRACT_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "server/artifacts/artifact_store.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {

using ArtifactStoreFactory = std::function<absl::StatusOr<std::unique_ptr<ArtifactStore>>(
    const std::filesystem::path& place, Clock& clock)>;

class ArtifactStoreContract : public testing::TestWithParam<ArtifactStoreFactory> {
 protected:
  ArtifactStoreContract() { Reopen(); }

  // As after a restart of the process.
  void Reopen();
  UploadState Open(const std::string& content);
  absl::StatusOr<uint64_t> Append(const std::string& upload_id, uint64_t offset, absl::string_view bytes);
  // Uploads content in chunks and expects it to be stored.
  void Store(const std::string& content, size_t chunk = 512 << 10);
  // The whole stored content.
  std::string Read(const std::string& content_digest);

  FakeClock clock_;
  TemporaryFolder folder_;
  std::unique_ptr<ArtifactStore> store_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_CONTRACT_ARTIFACT_STORE_CONTRACT_H_
