#include "tests/contract/job_store_contract.h"

#include <memory>

#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/fakes/fake_job_store.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

StoreUnderTest MakeSqlite(Clock& clock) {
  auto folder = std::make_shared<TemporaryFolder>();
  auto store = SqliteJobStore::Open({.path = (folder->path() / "store.db").string(), .clock = clock});
  EXPECT_TRUE(store.ok()) << store.status();
  return {folder, *std::move(store)};
}

StoreUnderTest MakeFake(Clock& clock) { return {nullptr, std::make_unique<FakeJobStore>(clock)}; }

INSTANTIATE_TEST_SUITE_P(Sqlite, JobStoreContract, testing::Values(StoreFactory(MakeSqlite)));
INSTANTIATE_TEST_SUITE_P(Fake, JobStoreContract, testing::Values(StoreFactory(MakeFake)));

}  // namespace
}  // namespace ecgtrain
