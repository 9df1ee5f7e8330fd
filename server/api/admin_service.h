// AdminService: tokens and backups.
#ifndef ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_
#define ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "ecgtrain/v1/admin_service.grpc.pb.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Thread-safe.
class AdminServiceImpl final : public v1::AdminService::CallbackService {
 public:
  // Makes a backup of the store and says where; waits for the disk.
  using MakeBackup = std::function<absl::StatusOr<v1::BackUpResponse>()>;
  AdminServiceImpl(ApiContext& api, MakeBackup make_backup)
      : api_(api), make_backup_(std::move(make_backup)) {}

  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext* context,
                                        const v1::CreateTokenRequest* request,
                                        v1::CreateTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListTokens(grpc::CallbackServerContext* context,
                                       const v1::ListTokensRequest* request,
                                       v1::ListTokensResponse* response) override;
  grpc::ServerUnaryReactor* RevokeToken(grpc::CallbackServerContext* context,
                                        const v1::RevokeTokenRequest* request,
                                        v1::RevokeTokenResponse* response) override;

  grpc::ServerUnaryReactor* BackUp(grpc::CallbackServerContext* context, const v1::BackUpRequest* request,
                                   v1::BackUpResponse* response) override;

 private:
  absl::StatusOr<v1::BackUpResponse> BackUpOnce(const Principal& principal, const v1::BackUpRequest& request)
      ABSL_LOCKS_EXCLUDED(backing_up_);

  ApiContext& api_;
  const MakeBackup make_backup_;
  Mutex backing_up_;  // a repetition waits for the first call
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_
