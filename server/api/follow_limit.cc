#include "server/api/follow_limit.h"

#include "absl/strings/str_cat.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

absl::Status TooMany(absl::string_view whose, int limit) {
  return WithErrorInfo(
      absl::ResourceExhaustedError(absl::StrCat(whose, " ", limit,
                                                " streams open (watch, metrics, logs), which is the limit; "
                                                "close one, or ask without following")),
      "TOO_MANY_FOLLOWS");
}

}  // namespace

absl::StatusOr<FollowLimit::Place> FollowLimit::Enter(const std::string& user) {
  MutexLock lock(mutex_);
  if (open_ >= all_) return TooMany("all users together have", all_);
  const auto found = open_by_user_.try_emplace(user, 0).first;
  if (found->second >= per_user_) return TooMany(absl::StrCat("user ", user, " has"), per_user_);
  ++open_;
  ++found->second;
  return Place(*this, user);
}

void FollowLimit::Leave(const std::string& user) {
  MutexLock lock(mutex_);
  --open_;
  const auto found = open_by_user_.find(user);
  if (--found->second == 0) open_by_user_.erase(found);
}

}  // namespace ecgtrain
