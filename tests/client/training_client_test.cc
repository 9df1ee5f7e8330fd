#include "client/training_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/durable_file.h"
#include "tests/client/client_fixture.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class TrainingClientTest : public ClientFixture {};

TEST_F(TrainingClientTest, RepeatsAnUnavailableCallWithTheSameRequestId) {
  FakeState state;
  state.failures = {kGoingAway, kGoingAway, kGoingAway};
  TrainingClient& client = Connect(state);
  const auto response = client.SubmitJobs(v1::SubmitJobsRequest());
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(fake_->record().request_ids, ElementsAre("request", "request", "request", "request"));
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(200), absl::Milliseconds(400), absl::Milliseconds(800)));
}

TEST_F(TrainingClientTest, EachFurtherMutationHasARequestIdOfItsOwn) {
  FakeState state;
  state.jobs = {MakeJob(1, "a", v1::RUNNING), MakeJob(2, "b", v1::QUEUED)};
  TrainingClient& client = Connect(state);
  EXPECT_EQ(client.CancelJob("1", false)->state(), v1::CANCELLED);
  EXPECT_EQ(client.CancelJob("2", false)->state(), v1::CANCELLED);
  EXPECT_THAT(fake_->record().request_ids, ElementsAre("request", "request.2"));
}

TEST_F(TrainingClientTest, TokenIsNotMadeTwice) {
  FakeState state;
  state.failures = {kGoingAway};
  TrainingClient& client = Connect(state);
  EXPECT_TRUE(absl::IsUnavailable(client.CreateToken(v1::CreateTokenRequest()).status()));
  EXPECT_EQ(fake_->record().tokens.size(), 1u);
}

TEST_F(TrainingClientTest, ServerThatStaysAwayIsNamedInOneLine) {
  FakeState state;
  TrainingClient& client = Connect(state);
  const std::string address = fake_->address();
  fake_.reset();
  const absl::Status status = client.GetServerStatus().status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(address), Not(HasSubstr("\n"))));
}

TEST_F(TrainingClientTest, SendsTheTokenOfItsFile) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "token";
  ASSERT_TRUE(WriteFileDurably(file, "right\n", 0600).ok());
  FakeState state;
  state.token = "right";
  EXPECT_TRUE(Connect(state, file).GetServerStatus().ok());
  ASSERT_TRUE(WriteFileDurably(file, "wrong\n", 0600).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Connect(state, file).GetServerStatus().status()));
}

TEST_F(TrainingClientTest, RefusesAddressesAndCredentialFilesThatCannotBe) {
  const auto create = [this](const ClientOptions& options) {
    return TrainingClient::Create(options, ClientHooks{clock_, cancellation_}).status();
  };
  ClientOptions options;
  for (const std::string server : {"nowhere", ":1", "host:", "host:port", "host:123456"}) {
    options.server = server;
    EXPECT_TRUE(absl::IsInvalidArgument(create(options))) << server;
  }
  options = ClientOptions();
  options.token_file = "/nonexistent/token";
  EXPECT_THAT(std::string(create(options).message()), HasSubstr("/nonexistent/token"));
  options = ClientOptions();
  options.ca_file = "/nonexistent/ca.pem";
  EXPECT_THAT(std::string(create(options).message()), HasSubstr("/nonexistent/ca.pem"));
}

TEST_F(TrainingClientTest, ListsPageByPageUpToTheLimit) {
  FakeState state;
  for (int id = 1; id <= 5; ++id) state.jobs.push_back(MakeJob(id, "", v1::QUEUED));
  TrainingClient& client = Connect(state);
  const auto all = client.ListJobs({}, 100);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->jobs_size(), 5);
  EXPECT_EQ(all->next_page_token(), "");
  const auto some = client.ListJobs({}, 3);
  EXPECT_EQ(some->jobs_size(), 3);
  EXPECT_NE(some->next_page_token(), "");
}

TEST_F(TrainingClientTest, HealthOfAServingServerIsTrue) { EXPECT_TRUE(*Connect(FakeState()).CheckHealth()); }

TEST_F(TrainingClientTest, CancelledClientIsInterrupted) {
  TrainingClient& client = Connect(FakeState());
  cancellation_.Cancel();
  EXPECT_TRUE(absl::IsCancelled(client.GetServerStatus().status()));
}

}  // namespace
}  // namespace ecgtrain
