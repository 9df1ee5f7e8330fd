#include "server/listen_address.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace ecgtrain {

std::string ListenAddress::ToString() const {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || colon == 0 || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no HOST:PORT, as in 127.0.0.1:7443"));
  }
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (host.empty() || (absl::StrContains(host, ':') && !bracketed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no HOST:PORT; an IPv6 host stands in brackets"));
  }
  ListenAddress address{std::string(host), static_cast<uint16_t>(port)};
  address.loopback = absl::StartsWith(host, "127.") || host == "::1" || host == "localhost";
  return address;
}

}  // namespace ecgtrain
