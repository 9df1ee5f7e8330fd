// Submissions and lists over real gRPC on the loopback, each submission on the disk before its answer.
//
//   server_bench STATE_DIR      (a folder on the disk that is to be measured; removed afterwards)
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/ids.h"
#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "proto/channel_settings.h"
#include "server/server.h"

namespace ecgtrain {
namespace {

using Stub = v1::TrainingService::Stub;

constexpr int kJobs = 10'000;

std::unique_ptr<Stub> Connect(const std::string& address) {
  return v1::TrainingService::NewStub(grpc::CreateCustomChannel(
      address, grpc::InsecureChannelCredentials(), ClientChannelArguments(/*own_connection=*/true)));
}

// Milliseconds of each of `count` submissions of one job.
std::vector<double> Submit(Stub& stub, Clock& clock, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    v1::SubmitJobsRequest request;
    request.set_request_id(NewUuid());
    v1::JobSpec& spec = *request.add_specs();
    spec.mutable_pretrain()->set_dataset("synthetic");
    spec.mutable_model()->set_preset("tiny");
    v1::SubmitJobsResponse response;
    grpc::ClientContext context;
    const absl::Duration begin = clock.Monotonic();
    if (const grpc::Status status = stub.SubmitJobs(&context, request, &response); !status.ok()) {
      std::fprintf(stderr, "%s\n", status.error_message().c_str());
      std::exit(1);
    }
    times.push_back(absl::ToDoubleMilliseconds(clock.Monotonic() - begin));
  }
  return times;
}

// Milliseconds to read all jobs in pages of 1,000.
double List(Stub& stub, Clock& clock) {
  const absl::Duration begin = clock.Monotonic();
  v1::ListJobsRequest request;
  request.set_page_size(1000);
  v1::ListJobsResponse response;
  do {
    grpc::ClientContext context;
    if (!stub.ListJobs(&context, request, &response).ok()) std::exit(1);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return absl::ToDoubleMilliseconds(clock.Monotonic() - begin);
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void Run(const std::string& state_dir) {
  RealClock clock;
  ServerOptions options;
  options.state_dir = state_dir;
  options.listen = "127.0.0.1:0";
  options.metrics = false;
  absl::Duration begin = clock.Monotonic();
  const auto server = Server::Start(options, clock);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", std::string(server.status().message()).c_str());
    std::exit(1);
  }
  std::printf("start of an empty store   %.1f ms\n", absl::ToDoubleMilliseconds(clock.Monotonic() - begin));

  const auto stub = Connect((*server)->address());
  Submit(*stub, clock, 50);
  const std::vector<double> alone = Submit(*stub, clock, 1000);
  std::printf("submit, 1 client          p50 %.2f ms, p99 %.2f ms\n", Quantile(alone, 0.5),
              Quantile(alone, 0.99));

  constexpr int kClients = 8, kEach = (kJobs - 1050) / kClients;
  begin = clock.Monotonic();
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] { Submit(*Connect((*server)->address()), clock, kEach); });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("submit, %d clients         %.0f jobs/s\n", kClients,
              kClients * kEach / absl::ToDoubleSeconds(clock.Monotonic() - begin));

  std::vector<double> lists;
  for (int i = 0; i < 20; ++i) lists.push_back(List(*stub, clock));
  std::printf("list of 10,000 jobs       p50 %.1f ms, worst %.1f ms\n", Quantile(lists, 0.5),
              Quantile(lists, 1));
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: server_bench STATE_DIR\n");
    return 2;
  }
  const std::filesystem::path folder =
      std::filesystem::path(argv[1]) / absl::StrCat("server-bench-", ecgtrain::NewUuid());
  ecgtrain::Run(folder.string());
  std::filesystem::remove_all(folder);
  return 0;
}
