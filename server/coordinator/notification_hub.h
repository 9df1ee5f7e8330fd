// Wakes those who wait for a job or a worker to change: held heartbeats, watches, followers of logs and
// metrics. A notification carries nothing: whoever is woken reads the store.
#ifndef ECGTRAIN_SERVER_COORDINATOR_NOTIFICATION_HUB_H_
#define ECGTRAIN_SERVER_COORDINATOR_NOTIFICATION_HUB_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/mutex.h"

namespace ecgtrain {

class Listener {
 public:
  virtual ~Listener() = default;
  // Returns at once, and calls nothing of the hub.
  virtual void Notify() = 0;
};

// Thread-safe.
class NotificationHub {
 public:
  void Subscribe(absl::string_view topic, Listener& listener);
  // Afterwards no Notify() of this listener runs or begins.
  void Unsubscribe(absl::string_view topic, Listener& listener);
  void Publish(absl::string_view topic);
  // Wakes everybody: the server is going away.
  void PublishAll();

 private:
  Mutex mutex_;
  // Of a topic in the order in which they came, which is the order in which they are woken.
  std::map<std::string, std::vector<Listener*>, std::less<>> listeners_ ABSL_GUARDED_BY(mutex_);
};

std::string JobTopic(int64_t job_id);
std::string WorkerTopic(absl::string_view worker);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_NOTIFICATION_HUB_H_
