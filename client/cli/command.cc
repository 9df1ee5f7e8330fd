#include "client/cli/command.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/units.h"

namespace ecgtrain {

std::string Arguments::Get(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? "" : found->second.front();
}

std::vector<std::string> Arguments::All(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::optional<uint64_t> Arguments::Integer(const std::string& name) const {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(Get(name), &value)) return std::nullopt;
  return value;
}

std::optional<absl::Duration> Arguments::Duration(const std::string& name) const {
  const absl::StatusOr<absl::Duration> value = ParseDuration(Get(name));
  if (!value.ok()) return std::nullopt;
  return *value;
}

const std::vector<Option>& GlobalOptions() {
  static const auto& options = *new std::vector<Option>{
      {"--server", OptionKind::kText, "HOST:PORT of the coordinator (ECGCTL_SERVER)"},
      {"--profile", OptionKind::kText, "profile of ~/.config/ecgctl/config.yaml (ECGCTL_PROFILE)"},
      {"--ca", OptionKind::kText, "PEM file of the authority behind the server's certificate (ECGCTL_CA)"},
      {"--token-file", OptionKind::kText, "file with your token (ECGCTL_TOKEN_FILE)"},
      {"--insecure", OptionKind::kFlag, "plain text also off loopback"},
      {"-o,--output", OptionKind::kText, "how to print", {"table", "wide", "json", "jsonl", "csv"}},
      {"--no-headers", OptionKind::kFlag, "tables and CSV without their first line"},
      {"-q,--quiet", OptionKind::kFlag, "references only, no talk"},
      {"--timeout", OptionKind::kDuration, "how long an unreachable coordinator is tried (30s)"},
  };
  return options;
}

std::vector<Command> AllCommands() {
  std::vector<Command> all;
  for (std::vector<Command> (*list)() :
       {SubmitCommands, JobQueryCommands, JobFollowCommands, JobChangeCommands, VerifyResumeCommands,
        QuickJobCommands, CheckpointCommands, DataCommands, WorkerCommands, TokenCommands, ServerCommands,
        CompletionCommands, DemoCommands}) {
    std::vector<Command> some = list();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

std::string LongName(const Option& option) {
  const size_t comma = option.name.find(',');
  return comma == std::string::npos ? option.name : option.name.substr(comma + 1);
}

bool IsPositional(const Option& option) { return !absl::StartsWith(option.name, "-"); }

}  // namespace ecgtrain
