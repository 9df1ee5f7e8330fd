// A lab in a folder: the real coordinator and workers on loopback, each of which a test may kill and start
// again.
#ifndef ECGTRAIN_TESTS_INTEGRATION_LAB_H_
#define ECGTRAIN_TESTS_INTEGRATION_LAB_H_

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ecgtrain/v1/training_service.grpc.pb.h"
#include "tests/integration/process.h"

namespace ecgtrain::testing {

class Lab {
 public:
  explicit Lab(std::vector<std::string> coordinator_flags = {});
  ~Lab();

  // On the same port each time.
  void StartCoordinator();
  void KillCoordinator();
  // SIGTERM; its exit code.
  int StopCoordinator();
  void StartWorker(const std::vector<std::string>& flags = {});
  void KillWorker();
  int StopWorker();

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& address() const { return address_; }
  v1::TrainingService::Stub& api() { return *stub_; }

  // All or none, as the specification's YAML says; ids in order. Fails the test on an error.
  std::vector<int64_t> Submit(const std::string& yaml);
  v1::GetJobResponse Get(int64_t job);
  // Follows the job, over restarts of the coordinator, until `done` says so or it has ended. Fails the test
  // after two minutes.
  v1::Job Await(int64_t job, const std::function<bool(const v1::Job&)>& done);
  v1::Job AwaitEnd(int64_t job);
  v1::Job AwaitStep(int64_t job, uint64_t step);

  // Points in order, superseded ones left out.
  std::vector<v1::MetricPoint> Metrics(int64_t job, const std::string& name);
  std::string Log(int64_t job, uint32_t attempt);
  v1::ListCheckpointsResponse Checkpoints(int64_t job);
  // A stored file's bytes.
  std::string Artifact(const std::string& sha256);
  // Pid of the attempt's trainer, from its run directory.
  pid_t TrainerPid(int64_t job, uint32_t attempt);
  std::filesystem::path RunDirectory(int64_t job, uint32_t attempt) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::string> coordinator_flags_;
  std::string address_ = "127.0.0.1:0";
  std::unique_ptr<Process> coordinator_;
  std::unique_ptr<Process> worker_;
  std::unique_ptr<v1::TrainingService::Stub> stub_;
};

}  // namespace ecgtrain::testing

#endif  // ECGTRAIN_TESTS_INTEGRATION_LAB_H_
