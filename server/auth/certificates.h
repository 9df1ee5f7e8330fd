// A certificate authority of the lab's own, and a server certificate from it: what `ecg-coordinator init`
// makes.
#ifndef ECGTRAIN_SERVER_AUTH_CERTIFICATES_H_
#define ECGTRAIN_SERVER_AUTH_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ecgtrain {

struct ServerCertificates {
  std::string ca_pem;          // what clients trust
  std::string server_pem;      // the server's certificate
  std::string server_key_pem;  // secret
};

// EC P-256 keys; both valid from a day before `now` for 825 days. `hosts`: names and IP addresses that
// clients may use for the server. The authority's own key is forgotten: whoever has it could stand for any
// server of the lab. INVALID_ARGUMENT for a host that is neither name nor address; INTERNAL when OpenSSL
// fails.
absl::StatusOr<ServerCertificates> MakeCertificates(const std::vector<std::string>& hosts, absl::Time now);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_AUTH_CERTIFICATES_H_
