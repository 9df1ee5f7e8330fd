// The flags of `ecg-coordinator serve`.
#ifndef ECGTRAIN_SERVER_SERVE_FLAGS_H_
#define ECGTRAIN_SERVER_SERVE_FLAGS_H_

#include <CLI/CLI.hpp>

#include "server/server.h"

namespace ecgtrain {

// Adds them; `options` must outlive the app's parsing.
void AddServeFlags(CLI::App& serve, ServerOptions& options);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_SERVE_FLAGS_H_
