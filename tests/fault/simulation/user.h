// A person with scripts: submits batches, cancels, pauses, resumes and requeues, repeats what was not
// answered with the same request_id, and now and then what was.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_USER_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_USER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/coordinator/job_commands.h"
#include "tests/fault/simulation/coordinator_process.h"
#include "tests/fault/simulation/ledger.h"
#include "tests/fault/simulation/network.h"
#include "tests/fault/simulation/world.h"

namespace ecgtrain::simulation {

// Bound to one thread.
class User {
 public:
  User(World& world, Network& network, CoordinatorProcess& coordinator, Ledger& ledger)
      : world_(world), network_(network), coordinator_(coordinator), ledger_(ledger) {}

  // What is random about the specifications comes from `random`.
  void Submit(Random random);
  void Cancel(int64_t job, bool now);
  void Pause(int64_t job);
  void Resume(int64_t job);
  void Requeue(int64_t job, const std::string& from);
  void SetCordon(const std::string& worker, bool cordoned);

  // A job that is known to exist; 0 without one.
  int64_t AnyJob(uint64_t choice) const;
  // Requests that have no answer yet.
  int open_requests() const { return open_; }
  static constexpr char kName[] = "ann";

 private:
  template <typename Request, typename Response>
  struct Exchange;
  template <typename Request, typename Response>
  using Method = std::function<void(Coordinator&, const Request&, Reply<Response>)>;

  template <typename Request, typename Response>
  void Ask(Request request, Method<Request, Response> method, std::function<void(const Response&)> answered);
  template <typename Request, typename Response>
  void Try(std::shared_ptr<Exchange<Request, Response>> exchange);
  template <typename Request, typename Response>
  void Judge(std::shared_ptr<Exchange<Request, Response>> exchange, absl::StatusOr<Response> answer);
  template <typename Request, typename Response>
  void Repeat(std::shared_ptr<Exchange<Request, Response>> exchange);
  v1::JobSpec RandomSpec(Random& random, const std::vector<std::string>& batch) const;

  World& world_;
  Network& network_;
  CoordinatorProcess& coordinator_;
  Ledger& ledger_;
  int requests_ = 0;
  int batches_ = 0;
  int open_ = 0;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_USER_H_
