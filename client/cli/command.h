// The grammar as data: each noun's file lists its commands, and parser, help and completion are made from the
// list.
#ifndef ECGTRAIN_CLIENT_CLI_COMMAND_H_
#define ECGTRAIN_CLIENT_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/exit_code.h"

namespace ecgtrain {

class Session;

enum class OptionKind { kFlag, kText, kTexts, kInteger, kDuration };

struct Option {
  // "--set", "-f,--file"; without leading dash a positional: "JOB".
  std::string name;
  OptionKind kind = OptionKind::kText;
  std::string help;
  // Allowed values; empty: any.
  std::vector<std::string> choices = {};
  bool required = false;
};

// What was given. Keys are positionals and long names: "JOB", "--file". Values have been checked against
// their kinds.
class Arguments {
 public:
  explicit Arguments(std::map<std::string, std::vector<std::string>> values = {})
      : values_(std::move(values)) {}

  bool Has(const std::string& name) const { return values_.count(name) > 0; }
  // "" where absent.
  std::string Get(const std::string& name) const;
  std::vector<std::string> All(const std::string& name) const;
  std::optional<uint64_t> Integer(const std::string& name) const;
  std::optional<absl::Duration> Duration(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

struct Command {
  // "job submit"; one word for a verb without a noun.
  std::string path;
  std::string help;
  std::vector<Option> options;
  std::function<absl::StatusOr<ExitCode>(Session&, const Arguments&)> run;
  // "submit": a second, short path; "" without one.
  std::string alias = "";
};

// Options that every command takes.
const std::vector<Option>& GlobalOptions();

// All commands in the order of the help.
std::vector<Command> AllCommands();

// "--file" of "-f,--file".
std::string LongName(const Option& option);
bool IsPositional(const Option& option);

// One of each noun's file.
std::vector<Command> SubmitCommands();
std::vector<Command> JobQueryCommands();
std::vector<Command> JobFollowCommands();
std::vector<Command> JobChangeCommands();
std::vector<Command> VerifyResumeCommands();
std::vector<Command> QuickJobCommands();
std::vector<Command> CheckpointCommands();
std::vector<Command> DataCommands();
std::vector<Command> WorkerCommands();
std::vector<Command> TokenCommands();
std::vector<Command> ServerCommands();
std::vector<Command> CompletionCommands();
std::vector<Command> DemoCommands();

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_COMMAND_H_
