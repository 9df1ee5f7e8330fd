#include "server/auth/tokens.h"

#include <gtest/gtest.h>

#include "common/sha256.h"
#include "server/auth/authenticator.h"
#include "tests/fakes/fake_job_store.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class TokensTest : public testing::Test {
 protected:
  static v1::CreateTokenRequest Request(const std::string& principal, const std::string& role) {
    v1::CreateTokenRequest request;
    request.set_principal(principal);
    request.set_role(role);
    return request;
  }

  // A stored token's secret.
  std::string Add(const v1::CreateTokenRequest& request) {
    NewToken made = *MakeToken(request, clock_.Now());
    EXPECT_THAT(store_.WriteAndWait([&](StoreTransaction& store) { return store.InsertToken(made.row); }),
                IsOk());
    return made.secret;
  }

  FakeClock clock_;
  FakeJobStore store_{clock_};
  Authenticator strict_{store_, clock_, /*require_credentials=*/true};
  Authenticator open_{store_, clock_, /*require_credentials=*/false};
};

TEST_F(TokensTest, ASecretIsOf256BitsAndKeptAsItsDigest) {
  const NewToken made = *MakeToken(Request("ann", "user"), clock_.Now());
  EXPECT_EQ(made.secret.size(), 64u);
  EXPECT_EQ(made.row.sha256, Sha256Hex(made.secret));
  EXPECT_THAT(made.row.token.DebugString(), testing::Not(HasSubstr(made.secret)));
}

TEST_F(TokensTest, RolesPrincipalsAndLivesAreChecked) {
  EXPECT_THAT(MakeToken(Request("ann", "root"), clock_.Now()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("root")));
  EXPECT_THAT(MakeToken(Request("a/b", "user"), clock_.Now()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MakeToken(Request("*", "user"), clock_.Now()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(MakeToken(Request("*", "worker"), clock_.Now()), IsOk());
  v1::CreateTokenRequest request = Request("ann", "user");
  request.mutable_life()->set_seconds(365 * 86400);
  EXPECT_THAT(MakeToken(request, clock_.Now()), IsOk());
  request.mutable_life()->set_seconds(365 * 86400 + 1);
  EXPECT_THAT(MakeToken(request, clock_.Now()), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TokensTest, AValidTokenTellsWhoCalls) {
  const auto principal = strict_.Authenticate("Bearer " + Add(Request("ann", "user")));
  ASSERT_THAT(principal, IsOk());
  EXPECT_EQ(principal->name, "ann");
  EXPECT_EQ(principal->role, Role::kUser);
  EXPECT_FALSE(principal->anonymous);
}

TEST_F(TokensTest, EveryRefusalReadsTheSame) {
  const std::string expired = Add(Request("ann", "user"));
  const std::string unknown(64, 'a');
  clock_.Advance(absl::Hours(24 * 91));
  const std::string message(strict_.Authenticate(std::nullopt).status().message());
  for (const std::string& header : {"Bearer " + expired, "Bearer " + unknown, std::string("Basic x"),
                                    std::string("Bearer "), "Bearer " + std::string(100'000, 'x')}) {
    const auto refused = strict_.Authenticate(header);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnauthenticated, message));
  }
}

TEST_F(TokensTest, WithoutCredentialsTheCallerIsLocalWhereThatIsAllowed) {
  const auto principal = open_.Authenticate(std::nullopt);
  ASSERT_THAT(principal, IsOk());
  EXPECT_EQ(principal->name, "local");
  EXPECT_TRUE(principal->anonymous);
  EXPECT_THAT(strict_.Authenticate(std::nullopt), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(TokensTest, RevokingIsRepeatable) {
  const std::string secret = Add(Request("ann", "user"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(store_.WriteAndWait([](StoreTransaction& store) { return RevokeToken(store, 1).status(); }),
                IsOk());
  }
  EXPECT_THAT(strict_.Authenticate("Bearer " + secret), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(store_.WriteAndWait([](StoreTransaction& store) { return RevokeToken(store, 9).status(); }),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(PrincipalTest, AWorkerSpeaksForItself) {
  const Principal worker{.name = "w1", .role = Role::kWorker};
  EXPECT_THAT(CheckSpeaksFor(worker, "w1"), IsOk());
  EXPECT_THAT(CheckSpeaksFor(worker, "w2"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(CheckSpeaksFor({.name = "*", .role = Role::kWorker}, "w2"), IsOk());
}

TEST(PrincipalTest, AMethodWithoutARuleIsOpenToNobody) {
  EXPECT_THAT(CheckMethod({.name = "local", .role = Role::kAdmin, .anonymous = true}, "/x/Y"),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace ecgtrain
