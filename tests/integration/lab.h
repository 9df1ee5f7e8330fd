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

// What the real programs are started with, beyond addresses and folders.
struct LabFlags {
  std::vector<std::string> coordinator;
  std::vector<std::string> worker;
};

// Times so short that a test sees a lease lapse.
inline LabFlags QuickTimes() {
  return {.coordinator = {"--heartbeat", "100ms", "--unreachable-after", "400ms", "--lease", "1200ms",
                          "--stop-grace", "500ms", "--retry-backoff", "50ms"}};
}

class Lab {
 public:
  explicit Lab(LabFlags flags = {});
  ~Lab();

  // On the same port each time.
  void StartCoordinator();
  void KillCoordinator();
  // SIGTERM; its exit code.
  int StopCoordinator();
  void StartWorker();
  void KillWorker();
  int StopWorker();
  Process& worker() { return *worker_; }
  // What the worker is told as the coordinator's address: that of a proxy.
  void SetWorkerServer(const std::string& address) { worker_server_ = address; }

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& address() const { return address_; }
  v1::TrainingService::Stub& api() { return *stub_; }

  // All or none, as the specification's YAML says; ids in order. Fails the test on an error.
  std::vector<int64_t> Submit(const std::string& yaml);
  v1::GetJobResponse Get(int64_t job);
  void Cancel(int64_t job);
  void Cordon(bool cordoned);
  // Follows the job, over restarts of the coordinator, until `done` says so or it has ended. Fails the test
  // after two minutes.
  v1::Job Await(int64_t job, const std::function<bool(const v1::Job&)>& done);
  v1::Job AwaitEnd(int64_t job);
  v1::Job AwaitStep(int64_t job, uint64_t step);
  // Asks again and again until `done`, for what no event tells of. Fails the test after two minutes.
  void Until(const std::function<bool()>& done);
  // Until one of its checkpoints is stored.
  void AwaitStored(int64_t job);
  // Until the worker has registered since its last start.
  void AwaitRegistration();

  // Points in order, superseded ones left out.
  std::vector<v1::MetricPoint> Metrics(int64_t job, const std::string& name);
  std::string Log(int64_t job, uint32_t attempt);
  v1::ListCheckpointsResponse Checkpoints(int64_t job);
  // A stored file's bytes.
  std::string Artifact(const std::string& sha256);
  // The training loss of every step from 1 to the last attempt's last one is there exactly once.
  void ExpectEachStepOnce(int64_t job);
  // Pid of the attempt's trainer, from its run directory.
  pid_t TrainerPid(int64_t job, uint32_t attempt);
  std::filesystem::path RunDirectory(int64_t job, uint32_t attempt) const;
  // Of the worker that was started last.
  std::filesystem::path WorkerLog() const;

 private:
  std::filesystem::path folder_;
  const LabFlags flags_;
  std::string address_ = "127.0.0.1:0";
  std::string worker_server_;  // "": address_
  int worker_starts_ = 0;
  std::unique_ptr<Process> coordinator_;
  std::unique_ptr<Process> worker_;
  std::unique_ptr<v1::TrainingService::Stub> stub_;
};

}  // namespace ecgtrain::testing

#endif  // ECGTRAIN_TESTS_INTEGRATION_LAB_H_
