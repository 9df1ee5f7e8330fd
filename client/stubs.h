// The stubs of a TrainingClient, apart so that only this folder sees generated gRPC code.
#ifndef ECGTRAIN_CLIENT_STUBS_H_
#define ECGTRAIN_CLIENT_STUBS_H_

#include <memory>

#include "client/training_client.h"
#include "ecgtrain/v1/admin_service.grpc.pb.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"

namespace ecgtrain {

struct TrainingClient::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : training(v1::TrainingService::NewStub(channel)), admin(v1::AdminService::NewStub(channel)) {}

  std::unique_ptr<v1::TrainingService::Stub> training;
  std::unique_ptr<v1::AdminService::Stub> admin;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_STUBS_H_
