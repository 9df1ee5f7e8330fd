// The network between clients and coordinator: drops, doubles, delays and reorders requests and answers, each
// on its own.
#ifndef ECGTRAIN_TESTS_FAULT_SIMULATION_NETWORK_H_
#define ECGTRAIN_TESTS_FAULT_SIMULATION_NETWORK_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/fault/simulation/world.h"

namespace ecgtrain::simulation {

template <typename Response>
using Done = std::function<void(absl::StatusOr<Response>)>;

struct NetworkOptions {
  double lost = 0.03;     // of messages
  double doubled = 0.03;  // of requests
  double late = 0.03;     // of messages: long enough to overtake many others
};

enum class Link {
  kUp,
  kCut,
  kRequestsLost,
  kAnswersLost,
};

// Bound to one thread.
class Network {
 public:
  Network(World& world, const NetworkOptions& options) : world_(world), options_(options) {}

  void SetLink(const std::string& client, Link link) { links_[client] = link; }
  // Nothing gets lost, doubled or late any more.
  void Heal() {
    options_ = {.lost = 0, .doubled = 0, .late = 0};
    links_.clear();
  }

  // `handle` is the arrival of the request at the coordinator, which answers by the function it is given, or
  // never. `done` is called once: with the first answer that arrives, or DEADLINE_EXCEEDED.
  template <typename Response>
  void Call(const std::string& client, absl::Duration deadline, std::function<void(Done<Response>)> handle,
            Done<Response> done) {
    auto over = std::make_shared<bool>(false);  // shared by answers and deadline, of which the first counts
    world_.After(deadline, [over, done] {
      if (std::exchange(*over, true)) return;
      done(absl::DeadlineExceededError("no answer in time"));
    });
    const int copies = world_.random.Chance(options_.doubled) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      const absl::Duration delay = Delay();
      if (Loses(client, Link::kRequestsLost)) continue;
      world_.After(delay, [this, client, handle, done, over] {
        handle([this, client, done, over](absl::StatusOr<Response> answer) {
          const absl::Duration back = Delay();
          if (Loses(client, Link::kAnswersLost)) return;
          world_.After(back, [done, over, answer = std::move(answer)] {
            if (std::exchange(*over, true)) return;
            done(answer);
          });
        });
      });
    }
  }

 private:
  absl::Duration Delay() {
    if (world_.random.Chance(options_.late))
      return world_.random.Between(absl::Seconds(1), absl::Seconds(40));
    return world_.random.Between(absl::Microseconds(100), absl::Milliseconds(20));
  }
  bool Loses(const std::string& client, Link one_way) {
    if (world_.random.Chance(options_.lost)) return true;
    const auto link = links_.find(client);
    return link != links_.end() && (link->second == Link::kCut || link->second == one_way);
  }

  World& world_;
  NetworkOptions options_;
  std::map<std::string, Link> links_;
};

}  // namespace ecgtrain::simulation

#endif  // ECGTRAIN_TESTS_FAULT_SIMULATION_NETWORK_H_
