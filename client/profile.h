// Which coordinator to talk to, and as whom: flags, then ECGCTL_* variables, then a profile, then the
// default.
//
// Profiles are in ~/.config/ecgctl/config.yaml (under $XDG_CONFIG_HOME where that is set), mode 0600:
//
//   profile: lab                    # used where none is named; may be absent
//   profiles:
//     lab: {server: "ecg.example.org:7443", ca: ca.pem, token_file: lab.token}
//
// Relative paths are relative to the file's folder.
#ifndef ECGTRAIN_CLIENT_PROFILE_H_
#define ECGTRAIN_CLIENT_PROFILE_H_

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/training_client.h"

namespace ecgtrain {

struct Profile {
  std::string server;
  std::string ca_file;
  std::string token_file;
  bool insecure = false;
};

struct ProfileFile {
  std::string default_profile;
  std::map<std::string, Profile> profiles;
};

// NOT_FOUND without the file; PERMISSION_DENIED when others than the owner may read or write it;
// INVALID_ARGUMENT with the line for what is not a profile file.
absl::StatusOr<ProfileFile> ReadProfileFile(const std::filesystem::path& path);

// Value of an environment variable, "" where it is not set.
using Variables = std::function<std::string(const std::string&)>;

// Where the profile file is; empty without $HOME and $XDG_CONFIG_HOME.
std::filesystem::path ProfilePath(const Variables& variables);

struct ConnectionFlags {
  std::string server;
  std::string profile;
  std::string ca_file;
  std::string token_file;
  bool insecure = false;
};

// Server, credentials and `insecure` of ClientOptions. INVALID_ARGUMENT for an unknown profile (with the
// known ones) or an unusable profile file. A flag or variable that names a server takes nothing from the
// default profile: its token is for another server.
absl::StatusOr<ClientOptions> ResolveConnection(const ConnectionFlags& flags, const Variables& variables);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_PROFILE_H_
