// "HOST:PORT" as a flag gives it.
#ifndef ECGTRAIN_SERVER_LISTEN_ADDRESS_H_
#define ECGTRAIN_SERVER_LISTEN_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

struct ListenAddress {
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 0;
  bool loopback = false;

  std::string ToString() const;
};

// INVALID_ARGUMENT, quoting `text`.
absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_LISTEN_ADDRESS_H_
