// Repeatable requests: content and answer of a mutation are kept in the transaction that makes the change.
//
// The same request_id of the same caller with the same content returns the first answer, however often and
// however late; with other content it is ALREADY_EXISTS naming the fields that differ. Checked before
// anything else, so that state that has moved on does not matter.
#ifndef ECGTRAIN_SERVER_COORDINATOR_REPLAY_H_
#define ECGTRAIN_SERVER_COORDINATOR_REPLAY_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "server/coordinator/mutation.h"
#include "server/store/job_store.h"

namespace ecgtrain {

struct RequestKey {
  std::string principal;
  std::string request_id;
  std::string method;  // "SubmitJobs"
};

// INVALID_ARGUMENT for a request_id that is empty or over 128 bytes.
absl::Status CheckRequestId(absl::string_view request_id);

// The first answer, serialized; nullopt for a new request. ALREADY_EXISTS for other content.
absl::StatusOr<std::optional<std::string>> FindAnswer(StoreReader& reader, const RequestKey& key,
                                                      const google::protobuf::Message& request);

absl::Status KeepAnswer(StoreTransaction& store, const RequestKey& key,
                        const google::protobuf::Message& request, const google::protobuf::Message& answer);

// Runs `work`, or gives its first answer, and keeps it.
template <typename Request, typename Response>
void RunReplayable(MutationRunner& runner, RequestKey key, const Request& request,
                   absl::AnyInvocable<absl::StatusOr<Response>(Mutation&)> work, Reply<Response> reply) {
  if (absl::Status status = CheckRequestId(key.request_id); !status.ok()) return reply(std::move(status));
  runner.RunFor<Response>(
      [key = std::move(key), request,
       work = std::move(work)](Mutation& mutation) mutable -> absl::StatusOr<Response> {
        absl::StatusOr<std::optional<std::string>> first = FindAnswer(mutation.store, key, request);
        if (!first.ok()) return first.status();
        Response answer;
        if (first->has_value()) {
          if (!answer.ParseFromString(**first)) return absl::DataLossError("a kept answer cannot be read");
          return answer;
        }
        absl::StatusOr<Response> made = work(mutation);
        if (!made.ok()) return made.status();
        absl::Status kept = KeepAnswer(mutation.store, key, request, *made);
        if (!kept.ok()) return kept;
        return made;
      },
      std::move(reply));
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_COORDINATOR_REPLAY_H_
