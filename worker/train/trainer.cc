#include "worker/train/trainer.h"

#include <c10/util/Exception.h>

#include <exception>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/train/evaluate.h"
#include "worker/train/events.h"
#include "worker/train/failure.h"
#include "worker/train/finetune.h"
#include "worker/train/pretrain.h"
#include "worker/train/session.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;

absl::StatusOr<LoopEnd> RunJob(Session& session) {
  RETURN_IF_ERROR(session.events.Append("phase", {{"phase", "preparing"}}));
  ASSIGN_OR_RETURN(session.device, PrepareDevice(session.spec.device, session.spec.precision));
  if (session.device.slow) {
    RETURN_IF_ERROR(session.events.Append(
        "warning", {{"code", "SLOW_PRECISION"}, {"message", "this CPU emulates bf16; fp32 is faster here"}}));
  }
  RETURN_IF_ERROR(OpenPack(session));
  switch (session.spec.kind) {
    case TaskKind::kPretrain:
      return Pretrain(session);
    case TaskKind::kFinetune:
      return Finetune(session);
    case TaskKind::kEvaluate:
      return Evaluate(session);
  }
  return absl::InternalError("a kind of job nobody runs");
}

// The first line of what LibTorch says; the rest is a stack.
std::string FirstLine(absl::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

// The border to LibTorch: nothing it throws gets further.
absl::StatusOr<LoopEnd> RunCatching(Session& session) {
  try {
    return RunJob(session);
  } catch (const c10::OutOfMemoryError& error) {
    return Failure(ExitReason::kOomGpu, FirstLine(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string message = FirstLine(error.what_without_backtrace());
    if (absl::StrContains(message, "_STATUS_ALLOC_FAILED")) return Failure(ExitReason::kOomGpu, message);
    if (absl::StrContains(message, "device(s) is/are busy")) return Failure(ExitReason::kDeviceBusy, message);
    const bool cuda = absl::StrContains(message, "CUDA") || absl::StrContains(message, "cuDNN");
    return Failure(cuda ? ExitReason::kGpuFault : ExitReason::kInternal, message);
  } catch (const std::bad_alloc&) {
    return Failure(ExitReason::kInternal, "out of host memory");
  } catch (const std::exception& error) {
    return Failure(ExitReason::kInternal, error.what());
  }
}

TrainerExit ToExit(const absl::StatusOr<LoopEnd>& end, uint64_t step) {
  if (!end.ok() && end.status().code() != absl::StatusCode::kCancelled) {
    return {ReasonOf(end.status()), std::string(end.status().message()), step};
  }
  if (end.ok() && *end == LoopEnd::kCompleted) return {ExitReason::kCompleted, "", step};
  return {ExitReason::kStopped, absl::StrCat("stopped at step ", step), step};
}

absl::StatusOr<std::unique_ptr<EventFile>> OpenEvents(const std::filesystem::path& folder, Clock& clock) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  // An earlier process's: it must not speak for this one.
  std::error_code error;
  std::filesystem::remove(folder / run_directory::kExitFile, error);
  if (error) return FileError(error.value(), "remove", folder / run_directory::kExitFile);
  return EventFile::Open(folder, clock);
}

TrainerExit RunWithEvents(const std::filesystem::path& spec_file, const std::filesystem::path& folder,
                          EventSink& events, Controls& controls, Clock& clock) {
  auto spec = ReadTrainerSpec(spec_file);
  if (!spec.ok()) return {ExitReason::kUserError, std::string(spec.status().message()), 0};
  Session session{
      .spec = *std::move(spec), .folder = folder, .events = events, .controls = controls, .clock = clock};
  const absl::StatusOr<LoopEnd> end = RunCatching(session);
  return ToExit(end, session.step);
}

absl::string_view OutcomeName(ExitReason reason) {
  if (reason == ExitReason::kCompleted) return "SUCCEEDED";
  return reason == ExitReason::kStopped ? "STOPPED" : "FAILED";
}

void WriteExit(const std::filesystem::path& folder, const TrainerExit& exit) {
  const nlohmann::json content = {{"outcome", OutcomeName(exit.reason)},
                                  {"reason", run_directory::ExitReasonName(exit.reason)},
                                  {"message", exit.message},
                                  {"step", exit.step}};
  const std::string text =
      absl::StrCat(content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), "\n");
  const absl::Status status = WriteFileDurably(folder / run_directory::kExitFile, text);
  // The exit code says the same; a full disk must not change it.
  if (!status.ok()) LogError("exit.json could not be written", {{"problem", status.message()}});
}

}  // namespace

TrainerExit RunTrainer(const std::filesystem::path& spec_file, const std::filesystem::path& folder,
                       Controls& controls, Clock& clock) {
  const auto events = OpenEvents(folder, clock);
  TrainerExit exit;
  if (events.ok()) {
    exit = RunWithEvents(spec_file, folder, **events, controls, clock);
  } else {
    exit = {ReasonOf(events.status()), std::string(events.status().message()), 0};
  }
  const auto failed = [&exit] {
    return exit.reason != ExitReason::kCompleted && exit.reason != ExitReason::kStopped;
  };
  if (events.ok() && !failed()) {
    // What nobody can read has not been done.
    const absl::Status flushed = (*events)->Flush();
    if (!flushed.ok()) exit = {ReasonOf(flushed), std::string(flushed.message()), exit.step};
  }
  if (failed() && events.ok()) {
    const absl::Status reported = (*events)->Append(
        "error", {{"reason", run_directory::ExitReasonName(exit.reason)}, {"message", exit.message}});
    if (!reported.ok()) LogError("the error event could not be written", {{"problem", reported.message()}});
  }
  WriteExit(folder, exit);
  return exit;
}

}  // namespace ecgtrain
