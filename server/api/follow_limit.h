// How many streams may follow the store at once: of one user and in all.
#ifndef ECGTRAIN_SERVER_API_FOLLOW_LIMIT_H_
#define ECGTRAIN_SERVER_API_FOLLOW_LIMIT_H_

#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/mutex.h"

namespace ecgtrain {

// Thread-safe. Outlives its places.
class FollowLimit {
 public:
  FollowLimit(int per_user, int all) : per_user_(per_user), all_(all) {}

  // Counts as one stream until it is destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept
        : limit_(std::exchange(other.limit_, nullptr)), user_(std::move(other.user_)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limit_ != nullptr) limit_->Leave(user_);
    }

   private:
    friend class FollowLimit;
    Place(FollowLimit& limit, std::string user) : limit_(&limit), user_(std::move(user)) {}
    FollowLimit* limit_;  // null: moved from
    std::string user_;
  };

  // RESOURCE_EXHAUSTED naming the limit and what to do.
  absl::StatusOr<Place> Enter(const std::string& user) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Leave(const std::string& user) ABSL_LOCKS_EXCLUDED(mutex_);

  const int per_user_;
  const int all_;
  Mutex mutex_;
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> open_by_user_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_API_FOLLOW_LIMIT_H_
