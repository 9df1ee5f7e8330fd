// What the commands of one run share: the connection, standard output, and what they may say beside it.
#ifndef ECGTRAIN_CLIENT_CLI_SESSION_H_
#define ECGTRAIN_CLIENT_CLI_SESSION_H_

#include <cstddef>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cancellation.h"
#include "client/cli/command.h"
#include "client/cli/output.h"
#include "client/profile.h"
#include "client/training_client.h"
#include "common/clock.h"

namespace ecgtrain {

struct Terminal {
  bool out = false;
  bool err = false;
  // Escape sequences are understood and wanted (no NO_COLOR, no TERM=dumb).
  bool fancy = false;
  size_t width = 80;
};

struct Environment {
  Variables variables;
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;
  Clock& clock;
  // Set by Ctrl-C.
  Cancellation& cancellation;
  // Waits between retries; empty: until the time is over or the cancellation set.
  Sleeper sleep;
};

// Bound to one thread.
class Session {
 public:
  Session(const Environment& environment, const Arguments& arguments);

  // Connects at the first call. Errors as ResolveConnection and TrainingClient::Create.
  absl::StatusOr<TrainingClient*> Client();

  Output& output() { return output_; }
  std::ostream& out() { return environment_.out; }
  std::ostream& err() { return environment_.err; }
  const Terminal& terminal() const { return environment_.terminal; }
  const Variables& variables() const { return environment_.variables; }
  Clock& clock() { return environment_.clock; }
  Cancellation& cancellation() { return environment_.cancellation; }

  // False when Ctrl-C came first.
  bool Sleep(absl::Duration duration);

  // A line on standard error, unless quiet. Control characters are escaped.
  void Talk(absl::string_view line);

  // The same for a fault: said even when quiet.
  void Complain(absl::string_view line);

  // A file's content, "-" for standard input. INVALID_ARGUMENT naming it when it cannot be read or is over
  // `limit` bytes.
  absl::StatusOr<std::string> ReadInput(const std::string& path, size_t limit);

 private:
  const Environment& environment_;
  const Arguments& arguments_;
  Output output_;
  std::unique_ptr<TrainingClient> client_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_SESSION_H_
