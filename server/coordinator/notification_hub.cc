#include "server/coordinator/notification_hub.h"

#include "absl/strings/str_cat.h"

namespace ecgtrain {

void NotificationHub::Subscribe(absl::string_view topic, Listener& listener) {
  MutexLock lock(mutex_);
  listeners_[std::string(topic)].push_back(&listener);
}

void NotificationHub::Unsubscribe(absl::string_view topic, Listener& listener) {
  MutexLock lock(mutex_);
  const auto found = listeners_.find(topic);
  if (found == listeners_.end()) return;
  std::erase(found->second, &listener);
  if (found->second.empty()) listeners_.erase(found);
}

void NotificationHub::Publish(absl::string_view topic) {
  MutexLock lock(mutex_);
  const auto found = listeners_.find(topic);
  if (found == listeners_.end()) return;
  for (Listener* listener : found->second) listener->Notify();
}

void NotificationHub::PublishAll() {
  MutexLock lock(mutex_);
  for (const auto& [topic, listeners] : listeners_) {
    for (Listener* listener : listeners) listener->Notify();
  }
}

std::string JobTopic(int64_t job_id) { return absl::StrCat("job/", job_id); }
std::string WorkerTopic(absl::string_view worker) { return absl::StrCat("worker/", worker); }

}  // namespace ecgtrain
