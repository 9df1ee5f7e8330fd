// Who may do what, over real connections.
#include <grpcpp/security/credentials.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "proto/grpc_status.h"
#include "server/auth/principal.h"
#include "server/state_directory.h"
#include "tests/server/api/server_fixture.h"
#include "tests/support/status_matchers.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

class SecurityTest : public ServerFixture {
 protected:
  // As `ecg-coordinator init` does.
  void Initialize() {
    ASSERT_THAT(InitializeState(options_.state_dir, {"localhost", "127.0.0.1"}, clock_), IsOk());
    const StatePaths paths(options_.state_dir);
    admin_token_ = Trimmed(paths.admin_token);
    worker_token_ = Trimmed(paths.worker_token);
  }

  static std::string Trimmed(const std::filesystem::path& path) {
    std::string text = *ReadFile(path);
    EXPECT_EQ(text.size(), 65u);
    text.pop_back();
    return text;
  }

  absl::Status List(const std::string& token) {
    Call call(token);
    v1::ListJobsResponse response;
    return FromGrpcStatus(training_->ListJobs(&call.context, v1::ListJobsRequest(), &response));
  }

  absl::StatusOr<v1::CreateTokenResponse> Create(const std::string& caller, const std::string& principal,
                                                 const std::string& role) {
    v1::CreateTokenRequest request;
    request.set_principal(principal);
    request.set_role(role);
    v1::CreateTokenResponse response;
    Call call(caller);
    const absl::Status status = FromGrpcStatus(admin_->CreateToken(&call.context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  absl::Status RegisterAs(const std::string& token, const std::string& name) {
    v1::RegisterWorkerRequest request;
    request.set_name(name);
    request.set_incarnation("i");
    v1::RegisterWorkerResponse response;
    Call call(token);
    return FromGrpcStatus(worker_->RegisterWorker(&call.context, request, &response));
  }

  std::string admin_token_, worker_token_;
};

TEST_F(SecurityTest, OnLoopbackNobodyNeedsAToken) {
  Start();
  EXPECT_THAT(List(""), IsOk());
  EXPECT_THAT(RegisterAs("", "w1"), IsOk());
}

TEST_F(SecurityTest, AWrongTokenIsRefusedEvenWhereNoneIsNeeded) {
  Start();
  EXPECT_THAT(List("wrong"), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(SecurityTest, RequireAuthAsksEverybody) {
  options_.require_auth = true;
  Initialize();
  Start();
  EXPECT_THAT(List(""), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(List(admin_token_), IsOk());
}

TEST_F(SecurityTest, RolesMayDoWhatTheTableSays) {
  options_.require_auth = true;
  Initialize();
  Start();
  const auto user = Create(admin_token_, "ann", "user");
  ASSERT_THAT(user, IsOk());
  EXPECT_THAT(List(user->secret()), IsOk());
  EXPECT_THAT(Create(user->secret(), "bob", "admin"),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("admin")));
  EXPECT_THAT(RegisterAs(user->secret(), "w1"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(List(worker_token_), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(RegisterAs(worker_token_, "w1"), IsOk());
}

TEST_F(SecurityTest, AWorkersTokenIsGoodForItsOwnNameAlone) {
  options_.require_auth = true;
  Initialize();
  Start();
  const auto token = Create(admin_token_, "w1", "worker");
  ASSERT_THAT(token, IsOk());
  EXPECT_THAT(RegisterAs(token->secret(), "w1"), IsOk());
  EXPECT_THAT(RegisterAs(token->secret(), "w2"), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(SecurityTest, MyJobsAreThoseOfMyToken) {
  options_.require_auth = true;
  Initialize();
  Start();
  std::map<std::string, std::string> secrets;
  for (const char* user : {"ann", "bob"}) {
    const auto token = Create(admin_token_, user, "user");
    ASSERT_THAT(token, IsOk());
    secrets[user] = token->secret();
    v1::SubmitJobsRequest request;
    request.set_request_id(absl::StrCat("of-", user));
    *request.add_specs() = Pretrain(absl::StrCat("job-of-", user));
    v1::SubmitJobsResponse response;
    Call call(token->secret());
    ASSERT_THAT(FromGrpcStatus(training_->SubmitJobs(&call.context, request, &response)), IsOk());
  }
  v1::ListJobsRequest request;
  request.set_mine(true);
  v1::ListJobsResponse mine;
  Call call(secrets["bob"]);
  ASSERT_THAT(FromGrpcStatus(training_->ListJobs(&call.context, request, &mine)), IsOk());
  ASSERT_EQ(mine.jobs_size(), 1);
  EXPECT_EQ(mine.jobs(0).name(), "job-of-bob");
  request.set_user("ann");
  Call both(secrets["bob"]);
  EXPECT_THAT(FromGrpcStatus(training_->ListJobs(&both.context, request, &mine)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mine and user")));
}

TEST_F(SecurityTest, ARevokedTokenIsRefusedAtOnce) {
  options_.require_auth = true;
  Initialize();
  Start();
  const auto user = Create(admin_token_, "ann", "user");
  ASSERT_THAT(user, IsOk());
  v1::RevokeTokenRequest request;
  request.set_id(user->token().id());
  v1::RevokeTokenResponse response;
  Call call(admin_token_);
  ASSERT_THAT(FromGrpcStatus(admin_->RevokeToken(&call.context, request, &response)), IsOk());
  EXPECT_THAT(List(user->secret()), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(SecurityTest, OffLoopbackNeedsTls) {
  options_.listen = "0.0.0.0:0";
  EXPECT_THAT(Server::Start(options_, clock_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure")));
}

TEST_F(SecurityTest, OffLoopbackServesTlsWithTheFilesOfInitAndAsksForTokens) {
  Initialize();
  options_.listen = "0.0.0.0:0";
  Start();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = *ReadFile(StatePaths(options_.state_dir).tls / "ca.pem");
  Connect(grpc::SslCredentials(tls));
  EXPECT_THAT(List(""), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(List(admin_token_), IsOk());
  Connect(grpc::InsecureChannelCredentials());
  EXPECT_THAT(List(admin_token_), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SecurityTest, InitRefusesASecondTime) {
  Initialize();
  const std::string before = admin_token_;
  EXPECT_THAT(InitializeState(options_.state_dir, {"localhost"}, clock_),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(Trimmed(StatePaths(options_.state_dir).admin_token), before);
}

TEST_F(SecurityTest, SecretsAreReadableByTheirOwnerAlone) {
  Initialize();
  const StatePaths paths(options_.state_dir);
  for (const auto& path : {paths.admin_token, paths.worker_token, paths.tls / "server.key"}) {
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << path;
  }
}

TEST_F(SecurityTest, ASecondCoordinatorOnTheSameStateIsRefused) {
  Start();
  EXPECT_THAT(Server::Start(options_, clock_), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(MethodRulesTest, EveryMethodOfOurServicesHasARule) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  int methods = 0;
  for (const char* name : {"TrainingService", "WorkerService", "AdminService"}) {
    const auto* service = pool->FindServiceByName(absl::StrCat("ecgtrain.v1.", name));
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i, ++methods) {
      const std::string method = absl::StrCat("/ecgtrain.v1.", name, "/", service->method(i)->name());
      EXPECT_TRUE(HasRule(method)) << method;
    }
  }
  EXPECT_EQ(methods, 29);
}

}  // namespace
}  // namespace ecgtrain
