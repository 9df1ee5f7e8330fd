#include "client/profile.h"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/durable_file.h"
#include "common/nearest_name.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxProfileFileBytes = 64 << 10;

absl::Status Problem(const YAML::Node& node, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", node.Mark().line + 1, ": ", what));
}

absl::StatusOr<std::string> Text(const YAML::Node& value, absl::string_view key) {
  if (!value.IsScalar()) return Problem(value, absl::StrCat("\"", key, "\" must be one value"));
  return value.Scalar();
}

fs::path Resolve(const std::string& text, const fs::path& folder) {
  return fs::path(text).is_absolute() ? fs::path(text) : folder / text;
}

absl::StatusOr<Profile> ParseProfile(const YAML::Node& node, const fs::path& folder) {
  static const std::vector<std::string> keys = {"server", "ca", "token_file", "insecure"};
  if (!node.IsMap()) return Problem(node, "a profile is a map of server, ca, token_file and insecure");
  Profile profile;
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    ASSIGN_OR_RETURN(const std::string value, Text(entry.second, key));
    if (key == "server") {
      profile.server = value;
    } else if (key == "ca") {
      profile.ca_file = Resolve(value, folder);
    } else if (key == "token_file") {
      profile.token_file = Resolve(value, folder);
    } else if (key == "insecure" && (value == "true" || value == "false")) {
      profile.insecure = value == "true";
    } else if (key == "insecure") {
      return Problem(entry.second, absl::StrCat("\"insecure\" is true or false, not \"", value, "\""));
    } else {
      return Problem(entry.first, absl::StrCat("unknown key \"", key, "\"", DidYouMean(key, keys)));
    }
  }
  return profile;
}

absl::StatusOr<ProfileFile> Parse(const std::string& content, const fs::path& folder) {
  static const std::vector<std::string> keys = {"profile", "profiles"};
  const YAML::Node root = YAML::Load(content);
  ProfileFile file;
  if (root.IsNull()) return file;
  if (!root.IsMap()) return Problem(root, "expected the keys profile and profiles");
  for (const auto& entry : root) {
    const std::string key = entry.first.Scalar();
    if (key == "profile") {
      ASSIGN_OR_RETURN(file.default_profile, Text(entry.second, key));
    } else if (key == "profiles" && entry.second.IsMap()) {
      for (const auto& profile : entry.second) {
        ASSIGN_OR_RETURN(file.profiles[profile.first.Scalar()], ParseProfile(profile.second, folder));
      }
    } else if (key == "profiles") {
      return Problem(entry.second, "\"profiles\" is a map from names to profiles");
    } else {
      return Problem(entry.first, absl::StrCat("unknown key \"", key, "\"", DidYouMean(key, keys)));
    }
  }
  return file;
}

// The profile to use: the named one, or the default; an empty one where there is none to use.
absl::StatusOr<Profile> ChooseProfile(const std::string& wanted, const Variables& variables) {
  const fs::path path = ProfilePath(variables);
  if (path.empty() && wanted.empty()) return Profile();
  const absl::StatusOr<ProfileFile> file = ReadProfileFile(path);
  if (absl::IsNotFound(file.status()) && wanted.empty()) return Profile();
  if (!file.ok()) return absl::InvalidArgumentError(file.status().message());
  const std::string& name = wanted.empty() ? file->default_profile : wanted;
  if (name.empty()) return Profile();
  const auto found = file->profiles.find(name);
  if (found != file->profiles.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [key, profile] : file->profiles) known.push_back(key);
  return absl::InvalidArgumentError(
      absl::StrCat(path.string(), " has no profile \"", name, "\"", DidYouMean(name, known)));
}

std::string First(const std::string& a, const std::string& b, const std::string& c) {
  return !a.empty() ? a : !b.empty() ? b : c;
}

}  // namespace

absl::StatusOr<ProfileFile> ReadProfileFile(const fs::path& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return FileError(errno, "open", path);
  if ((status.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("profile file %s has mode %04o; only its owner may read it: chmod 600 %s",
                        path.string(), status.st_mode & 07777, path.string()));
  }
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxProfileFileBytes));
  try {
    absl::StatusOr<ProfileFile> file = Parse(content, fs::absolute(path).parent_path());
    if (!file.ok()) return WithContext(file.status(), path.string());
    return file;
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path.string(), ": line ", error.mark.line + 1, ": ", error.msg));
  }
}

fs::path ProfilePath(const Variables& variables) {
  const std::string config = variables("XDG_CONFIG_HOME");
  if (!config.empty()) return fs::path(config) / "ecgctl/config.yaml";
  const std::string home = variables("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".config/ecgctl/config.yaml";
}

absl::StatusOr<ClientOptions> ResolveConnection(const ConnectionFlags& flags, const Variables& variables) {
  const std::string name = First(flags.profile, variables("ECGCTL_PROFILE"), "");
  const std::string server = First(flags.server, variables("ECGCTL_SERVER"), "");
  Profile profile;
  if (!name.empty() || server.empty()) {
    ASSIGN_OR_RETURN(profile, ChooseProfile(name, variables));
  }
  ClientOptions options;
  options.server = First(server, profile.server, options.server);
  options.ca_file = First(flags.ca_file, variables("ECGCTL_CA"), profile.ca_file);
  options.token_file = First(flags.token_file, variables("ECGCTL_TOKEN_FILE"), profile.token_file);
  options.insecure = flags.insecure || profile.insecure;
  return options;
}

}  // namespace ecgtrain
