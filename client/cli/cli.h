// One run of ecgctl, with everything it takes from outside handed in.
#ifndef ECGTRAIN_CLIENT_CLI_CLI_H_
#define ECGTRAIN_CLIENT_CLI_CLI_H_

#include <string>
#include <vector>

#include "client/cli/session.h"

namespace ecgtrain {

// `words` without the program's name. Returns the process's exit code (exit_code.h). Nothing is thrown.
int RunCli(const std::vector<std::string>& words, const Environment& environment);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_CLI_H_
