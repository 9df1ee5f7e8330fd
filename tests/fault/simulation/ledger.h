// What really happened, kept beside the store, so that the store can be held against it.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_LEDGER_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_LEDGER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ecgtrain::simulation {

struct Ledger {
  // Name to number of the jobs whose submission was acknowledged.
  std::map<std::string, int64_t> acknowledged;
  // Names of the jobs of each batch sent: all of them exist, or none.
  std::vector<std::vector<std::string>> batches;
  // Jobs that somebody has asked to cancel, acknowledged or not.
  std::set<int64_t> cancel_asked;
  // Jobs whose cancellation was acknowledged; jobs that somebody has asked to queue again.
  std::set<int64_t> cancelled;
  std::set<int64_t> requeue_asked;
  // Attempts whose trainer has done all of its work.
  std::set<std::pair<int64_t, uint32_t>> completed;
  // Trainers started, by token: once each.
  std::map<int64_t, int> spawned;
  int64_t answers_repeated = 0;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_LEDGER_H_
