// ecgctl: wires the process (terminal, signals, environment) to RunCli.
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "client/cancellation.h"
#include "client/cli/cli.h"
#include "common/clock.h"
#include "proto/channel_settings.h"

namespace {

std::string Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

ecgtrain::Terminal DetectTerminal() {
  ecgtrain::Terminal terminal;
  terminal.out = isatty(STDOUT_FILENO) != 0;
  terminal.err = isatty(STDERR_FILENO) != 0;
  terminal.fancy = Variable("NO_COLOR").empty() && Variable("TERM") != "dumb" && !Variable("TERM").empty();
  winsize size = {};
  if (ioctl(terminal.out ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
  }
  return terminal;
}

// Ctrl-C and SIGTERM set the cancellation; the second one ends the process at once. The thread lives as long
// as the process: it only ever waits.
void WatchSignals(ecgtrain::Cancellation& cancellation) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // Before any other thread starts, so that all of them inherit the mask.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([&cancellation, signals] {
    int signal = 0;
    sigwait(&signals, &signal);
    cancellation.Cancel();
    sigwait(&signals, &signal);
    _exit(130);
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  ecgtrain::KeepMemoryOfChunks();
  // gRPC writes to standard error of its own accord otherwise.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // Both outlive the signal thread, which ends with the process.
  static ecgtrain::RealClock clock;
  static ecgtrain::Cancellation cancellation(clock);
  WatchSignals(cancellation);
  const ecgtrain::Environment environment{Variable,         std::cin, std::cout,    std::cerr,
                                          DetectTerminal(), clock,    cancellation, {}};
  return ecgtrain::RunCli(std::vector<std::string>(argv + 1, argv + argc), environment);
}
