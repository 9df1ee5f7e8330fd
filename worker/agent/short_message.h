// Text of other programs, made fit to be sent and shown.
#ifndef ECGTRAIN_WORKER_AGENT_SHORT_MESSAGE_H_
#define ECGTRAIN_WORKER_AGENT_SHORT_MESSAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace ecgtrain {

// At most the first 2,000 bytes, as valid UTF-8: what is none becomes U+FFFD. Protocol messages refuse
// anything else.
std::string ShortMessage(absl::string_view text);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_AGENT_SHORT_MESSAGE_H_
