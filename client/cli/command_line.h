// From the words of a command line to a command and its arguments; and the help pages.
#ifndef ECGTRAIN_CLIENT_CLI_COMMAND_LINE_H_
#define ECGTRAIN_CLIENT_CLI_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"

namespace ecgtrain {

struct ParsedCommandLine {
  // Into the given commands; null when only `text` is wanted.
  const Command* command = nullptr;
  // Of the command and the global options.
  Arguments arguments;
  // A help page or version, to be printed instead of running anything.
  std::string text;
};

// `words` without the program's name. INVALID_ARGUMENT names the word and the help page to read.
absl::StatusOr<ParsedCommandLine> ParseCommandLine(const std::vector<Command>& commands,
                                                   const std::vector<std::string>& words);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_COMMAND_LINE_H_
