// Lines of events.jsonl (docs/run-directory.md) as messages.
#ifndef ECGTRAIN_WORKER_AGENT_EVENT_PARSER_H_
#define ECGTRAIN_WORKER_AGENT_EVENT_PARSER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ecgtrain/v1/worker_service.pb.h"

namespace ecgtrain {

// INVALID_ARGUMENT, naming the member, for anything but a known event all of whose members have the
// documented types and safe file names. Members that the document does not know are passed over.
absl::StatusOr<v1::TrainerEvent> ParseEventLine(absl::string_view line);

// What takes the place of event `seq` when its line is no event: a warning with code BAD_EVENT that quotes
// `problem`.
v1::TrainerEvent BadEvent(uint64_t seq, const absl::Status& problem);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_EVENT_PARSER_H_
