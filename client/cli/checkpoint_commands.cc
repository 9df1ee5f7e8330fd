// ecgctl checkpoint list, download.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command.h"
#include "client/cli/job_view.h"
#include "client/cli/progress.h"
#include "client/cli/references.h"
#include "client/cli/session.h"
#include "client/download.h"
#include "common/status_macros.h"
#include "common/units.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

absl::StatusOr<ExitCode> ListCheckpoints(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string job, JobArgument(arguments.Get("JOB")));
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  ASSIGN_OR_RETURN(const v1::ListCheckpointsResponse response, client->ListCheckpoints(job));
  session.output().Print(response, response.checkpoints(),
                         CheckpointTable(response.checkpoints(), session.clock().Now()));
  if (response.checkpoints().empty() && session.output().for_people()) {
    session.Talk(absl::StrCat(job, " has no checkpoint yet; ecgctl job watch ", job));
  }
  return ExitCode::kDone;
}

absl::StatusOr<ExitCode> Download(Session& session, const Arguments& arguments) {
  ASSIGN_OR_RETURN(JobReference reference, ParseCheckpointReference(arguments.Get("REF")));
  const std::string selector = reference.selector;
  reference.selector.clear();
  ASSIGN_OR_RETURN(TrainingClient * client, session.Client());
  const std::string job = FormatReference(reference);
  ASSIGN_OR_RETURN(const v1::ListCheckpointsResponse all, client->ListCheckpoints(job));
  ASSIGN_OR_RETURN(const v1::Checkpoint checkpoint, SelectCheckpoint(all, selector), WithContext(_, job));
  Terminal on_stderr = session.terminal();
  on_stderr.out = on_stderr.err && !session.output().quiet();
  LiveLines lines(session.err(), on_stderr);
  DownloadOptions options;
  options.force = arguments.Has("--force");
  options.on_progress = [&](uint64_t done, uint64_t total) {
    lines.Show({absl::StrFormat("%s of %s", HumanBytes(done), HumanBytes(total))});
  };
  const std::string folder = arguments.Get("DIR");
  ASSIGN_OR_RETURN(const DownloadResult result, DownloadCheckpoint(*client, checkpoint, folder, options));
  lines.Clear();
  RepeatedPtrField<v1::Checkpoint> one;
  *one.Add() = checkpoint;
  if (session.output().for_people() && !session.output().quiet()) {
    session.Talk(absl::StrCat("verified ", checkpoint.files_size(), " files in ", folder, " (",
                              HumanBytes(result.transferred_bytes), " received, ",
                              HumanBytes(result.reused_bytes), " were there)"));
  }
  session.output().Print(checkpoint, one, CheckpointTable(one, session.clock().Now()));
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> CheckpointCommands() {
  return {{"checkpoint list",
           "list a job's checkpoints, newest first",
           {{"JOB", OptionKind::kText, "job/42, 42, a name or @last", {}, true}},
           ListCheckpoints},
          {"checkpoint download",
           "fetch a checkpoint's files and verify them; goes on where it stopped",
           {{"REF", OptionKind::kText, "job/42@best, @last or @step:N", {}, true},
            {"DIR", OptionKind::kText, "folder for the files", {}, true},
            {"--force", OptionKind::kFlag, "also into a folder that holds other files"}},
           Download}};
}

}  // namespace ecgtrain
