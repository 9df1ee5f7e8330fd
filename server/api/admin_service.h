// AdminService: tokens.
#ifndef ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_
#define ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_

#include "ecgtrain/v1/admin_service.grpc.pb.h"
#include "server/api/api_context.h"

namespace ecgtrain {

// Thread-safe.
class AdminServiceImpl final : public v1::AdminService::CallbackService {
 public:
  explicit AdminServiceImpl(ApiContext& api) : api_(api) {}

  grpc::ServerUnaryReactor* CreateToken(grpc::CallbackServerContext* context,
                                        const v1::CreateTokenRequest* request,
                                        v1::CreateTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListTokens(grpc::CallbackServerContext* context,
                                       const v1::ListTokensRequest* request,
                                       v1::ListTokensResponse* response) override;
  grpc::ServerUnaryReactor* RevokeToken(grpc::CallbackServerContext* context,
                                        const v1::RevokeTokenRequest* request,
                                        v1::RevokeTokenResponse* response) override;

 private:
  ApiContext& api_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_ADMIN_SERVICE_H_
