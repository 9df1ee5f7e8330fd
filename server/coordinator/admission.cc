#include "server/coordinator/admission.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

absl::Status QueueFull(absl::string_view whose, int64_t there, int64_t more, int64_t limit) {
  return WithErrorInfo(absl::ResourceExhaustedError(absl::StrCat(
                           whose, " ", there, " queued jobs and ", more, " more would be over the limit of ",
                           limit, "; wait until some have run, or cancel some")),
                       "QUEUE_FULL");
}

}  // namespace

absl::Status Admission::CheckNewJobs(StoreReader& reader, const std::string& user, int64_t jobs) {
  RETURN_IF_ERROR(disk_.CheckNewWork("new jobs"));
  ASSIGN_OR_RETURN(const int64_t own, reader.CountQueued(user));
  if (own + jobs > limits_.queued_per_user) {
    return QueueFull(absl::StrCat("user ", user, " has"), own, jobs, limits_.queued_per_user);
  }
  ASSIGN_OR_RETURN(const int64_t all, reader.CountQueued(""));
  if (all + jobs > limits_.queued) return QueueFull("the service has", all, jobs, limits_.queued);
  return absl::OkStatus();
}

uint64_t Admission::TakeLogBytes(int64_t token, uint64_t wanted) {
  if (wanted == 0 || disk_.Level() >= DiskLevel::kNoLogs) return 0;
  return logs_.Take(absl::StrCat(token), wanted);
}

}  // namespace ecgtrain
