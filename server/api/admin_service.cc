#include "server/api/admin_service.h"

#include <optional>
#include <string>

#include "common/status_macros.h"
#include "server/auth/tokens.h"
#include "server/coordinator/replay.h"

namespace ecgtrain {

grpc::ServerUnaryReactor* AdminServiceImpl::CreateToken(grpc::CallbackServerContext* context,
                                                        const v1::CreateTokenRequest* request,
                                                        v1::CreateTokenResponse* response) {
  return api_.Async(
      context, "/ecgtrain.v1.AdminService/CreateToken", response,
      [&](const Principal&, Reply<v1::CreateTokenResponse> reply) {
        absl::StatusOr<NewToken> made = MakeToken(*request, api_.coordinator().clock().Now());
        if (!made.ok()) return reply(made.status());
        api_.coordinator().mutations().RunFor<v1::CreateTokenResponse>(
            [made = *std::move(made)](Mutation& mutation) -> absl::StatusOr<v1::CreateTokenResponse> {
              TokenRow row = made.row;
              RETURN_IF_ERROR(mutation.store.InsertToken(row));
              v1::CreateTokenResponse answer;
              answer.set_secret(made.secret);
              *answer.mutable_token() = row.token;
              return answer;
            },
            std::move(reply));
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::ListTokens(grpc::CallbackServerContext* context,
                                                       const v1::ListTokensRequest*,
                                                       v1::ListTokensResponse* response) {
  return api_.Sync(
      context, "/ecgtrain.v1.AdminService/ListTokens", response,
      [this](const Principal&) -> absl::StatusOr<v1::ListTokensResponse> {
        v1::ListTokensResponse answer;
        RETURN_IF_ERROR(api_.coordinator().store().Read([&](StoreReader& reader) -> absl::Status {
          ASSIGN_OR_RETURN(const std::vector<v1::Token> tokens, reader.ListTokens());
          answer.mutable_tokens()->Add(tokens.begin(), tokens.end());
          return absl::OkStatus();
        }));
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::RevokeToken(grpc::CallbackServerContext* context,
                                                        const v1::RevokeTokenRequest* request,
                                                        v1::RevokeTokenResponse* response) {
  return api_.Async(
      context, "/ecgtrain.v1.AdminService/RevokeToken", response,
      [&](const Principal&, Reply<v1::RevokeTokenResponse> reply) {
        api_.coordinator().mutations().RunFor<v1::RevokeTokenResponse>(
            [id = request->id()](Mutation& mutation) -> absl::StatusOr<v1::RevokeTokenResponse> {
              v1::RevokeTokenResponse answer;
              ASSIGN_OR_RETURN(*answer.mutable_token(), ecgtrain::RevokeToken(mutation.store, id));
              return answer;
            },
            std::move(reply));
      });
}

grpc::ServerUnaryReactor* AdminServiceImpl::BackUp(grpc::CallbackServerContext* context,
                                                   const v1::BackUpRequest* request,
                                                   v1::BackUpResponse* response) {
  return api_.Blocking(
      context, "/ecgtrain.v1.AdminService/BackUp", response,
      [this, request](const Principal& principal) { return BackUpOnce(principal, *request); });
}

absl::StatusOr<v1::BackUpResponse> AdminServiceImpl::BackUpOnce(const Principal& principal,
                                                                const v1::BackUpRequest& request) {
  const RequestKey key{principal.name, request.request_id(), "BackUp"};
  RETURN_IF_ERROR(CheckRequestId(key.request_id));
  MutexLock lock(backing_up_);
  std::optional<std::string> first;
  RETURN_IF_ERROR(api_.coordinator().store().Read([&](StoreReader& reader) -> absl::Status {
    ASSIGN_OR_RETURN(first, FindAnswer(reader, key, request));
    return absl::OkStatus();
  }));
  v1::BackUpResponse answer;
  if (first.has_value()) {
    if (!answer.ParseFromString(*first)) return absl::DataLossError("a kept answer cannot be read");
    return answer;
  }
  ASSIGN_OR_RETURN(answer, make_backup_());
  RETURN_IF_ERROR(api_.coordinator().store().WriteAndWait(
      [&](StoreTransaction& store) { return KeepAnswer(store, key, request, answer); }));
  return answer;
}

}  // namespace ecgtrain
