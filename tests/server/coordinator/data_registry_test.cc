#include "server/coordinator/data_registry.h"

#include "tests/server/coordinator/coordinator_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class DataRegistryTest : public CoordinatorFixture {
 protected:
  void RegisterWith(const std::string& worker, const std::vector<std::string>& datasets) {
    v1::RegisterWorkerRequest request;
    request.set_name(worker);
    request.set_incarnation("i-" + worker);
    for (const std::string& name : datasets) {
      v1::WorkerDataset& dataset = *request.add_datasets();
      dataset.set_name(name);
      dataset.set_type("own");
    }
    absl::Status answer = absl::UnknownError("no reply");
    coordinator_->sessions().Register(request, [&answer](const auto& reply) { answer = reply.status(); });
    ASSERT_THAT(answer, IsOk());
  }
  template <typename Response, typename Query>
  absl::StatusOr<Response> Ask(Query query) {
    absl::StatusOr<Response> answer = absl::UnknownError("not read");
    const absl::Status read = store_.Read([&](StoreReader& reader) {
      answer = query(reader);
      return answer.status();
    });
    EXPECT_EQ(read, answer.status());
    return answer;
  }
};

TEST_F(DataRegistryTest, TellsWhichWorkerHasWhat) {
  RegisterWith("w2", {"ptbxl", "lab"});
  RegisterWith("w1", {"ptbxl"});
  const auto list = Ask<v1::ListDatasetsResponse>(
      [this](StoreReader& reader) { return ListDatasets(reader, coordinator_->leases()); });
  ASSERT_THAT(list, IsOk());
  ASSERT_EQ(list->datasets_size(), 2);
  EXPECT_EQ(list->datasets(0).name(), "lab");
  EXPECT_EQ(list->datasets(1).name(), "ptbxl");
  ASSERT_EQ(list->datasets(1).holders_size(), 2);
  EXPECT_EQ(list->datasets(1).holders(0).worker(), "w1");
  EXPECT_EQ(list->datasets(1).holders(1).worker(), "w2");
  EXPECT_TRUE(list->datasets(1).holders(0).reachable());
  EXPECT_EQ(list->datasets(1).holders(0).dataset().type(), "own");
}

TEST_F(DataRegistryTest, OneThatNobodyHasIsNotFound) {
  RegisterWith("w1", {"ptbxl"});
  const auto get = [this](const std::string& name) {
    return Ask<v1::GetDatasetResponse>(
        [&](StoreReader& reader) { return GetDataset(reader, coordinator_->leases(), name); });
  };
  ASSERT_THAT(get("ptbxl"), IsOk());
  EXPECT_EQ(get("ptbxl")->dataset().holders(0).worker(), "w1");
  EXPECT_THAT(get("ptbx").status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("did you mean \"ptbxl\"")));
}

}  // namespace
}  // namespace ecgtrain
