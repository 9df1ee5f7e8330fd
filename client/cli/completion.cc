// ecgctl completion bash|zsh|fish, and the hidden command that the scripts ask for candidates.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/session.h"
#include "client/profile.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kLiveDeadline = absl::Milliseconds(300);
constexpr uint64_t kLiveJobs = 50;

constexpr char kBash[] = R"(_ecgctl() {
  local IFS=$'\n'
  COMPREPLY=($(ecgctl __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default; fi
}
# Colons and signs belong to references.
COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:=]/}
complete -F _ecgctl ecgctl
)";

constexpr char kZsh[] = R"(#compdef ecgctl
_ecgctl() {
  local -a candidates
  candidates=("${(@f)$(ecgctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  candidates=(${candidates:#})
  if (( ${#candidates} )); then compadd -- "${candidates[@]}"; else _files; fi
}
compdef _ecgctl ecgctl
)";

constexpr char kFish[] = R"(function __ecgctl_candidates
  set -l words (commandline -opc) (commandline -ct)
  ecgctl __complete -- $words[2..-1] 2>/dev/null
end
complete -c ecgctl -a '(__ecgctl_candidates)'
)";

absl::StatusOr<ExitCode> Script(Session& session, const Arguments& arguments) {
  const std::string shell = arguments.Get("SHELL");
  session.output().Write(shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish);
  return ExitCode::kDone;
}

// The command whose words `given` begins with.
const Command* FindCommand(const std::vector<Command>& commands, const std::vector<std::string>& given) {
  for (const Command& command : commands) {
    for (const std::string& path : {command.path, command.alias}) {
      if (path.empty()) continue;
      const std::vector<std::string> words = absl::StrSplit(path, ' ');
      if (words.size() <= given.size() && std::equal(words.begin(), words.end(), given.begin()))
        return &command;
    }
  }
  return nullptr;
}

// The words that may follow `given` as part of a command's name.
std::vector<std::string> NextWords(const std::vector<Command>& commands,
                                   const std::vector<std::string>& given) {
  std::vector<std::string> next;
  for (const Command& command : commands) {
    for (const std::string& path : {command.path, command.alias}) {
      const std::vector<std::string> words = absl::StrSplit(path, ' ', absl::SkipEmpty());
      if (words.size() <= given.size() || absl::StartsWith(path, "__")) continue;
      if (std::equal(given.begin(), given.end(), words.begin())) next.push_back(words[given.size()]);
    }
  }
  return next;
}

// Newest jobs, workers or data sets, when the coordinator answers at once; nothing otherwise.
std::vector<std::string> LiveReferences(Session& session, const Option& option) {
  const auto options = ResolveConnection({}, session.variables());
  if (!options.ok()) return {};
  ClientOptions quick = *options;
  quick.call_timeout = kLiveDeadline;
  ClientHooks hooks{session.clock(), session.cancellation()};
  hooks.sleep = [&session](absl::Duration wait) { return session.Sleep(wait); };
  const auto client = TrainingClient::Create(quick, hooks);
  if (!client.ok()) return {};
  std::vector<std::string> names;
  if (option.name == "WORKER") {
    const auto workers = (*client)->ListWorkers();
    if (!workers.ok()) return {};
    for (const v1::Worker& worker : workers->workers()) names.push_back(worker.name());
  } else if (option.name == "DATASET" || option.name == "--dataset") {
    const auto datasets = (*client)->ListDatasets();
    if (!datasets.ok()) return {};
    for (const v1::Dataset& dataset : datasets->datasets()) names.push_back(dataset.name());
  } else if (option.name == "JOB" || option.name == "REF" || option.name == "--after" ||
             option.name == "--from") {
    const auto jobs = (*client)->ListJobs(v1::ListJobsRequest(), kLiveJobs);
    if (!jobs.ok()) return {};
    const bool checkpoint = option.name == "REF" || option.name == "--from";
    for (const v1::Job& job : jobs->jobs())
      names.push_back(absl::StrCat("job/", job.id(), checkpoint ? "@best" : ""));
  }
  return names;
}

// What the last word of a command's arguments can become. `words` are those after the command's name.
std::vector<std::string> ArgumentCandidates(Session& session, const Command& command,
                                            const std::vector<std::string>& words) {
  std::vector<Option> options = command.options;
  options.insert(options.end(), GlobalOptions().begin(), GlobalOptions().end());
  const std::string before = words.size() > 1 ? words[words.size() - 2] : "";
  for (const Option& option : options) {
    const std::vector<std::string> names = absl::StrSplit(option.name, ',');
    const bool asks = option.kind != OptionKind::kFlag && !IsPositional(option) &&
                      std::find(names.begin(), names.end(), before) != names.end();
    if (asks) return option.choices.empty() ? LiveReferences(session, option) : option.choices;
  }
  std::vector<std::string> candidates;
  if (absl::StartsWith(words.back(), "-")) {
    for (const Option& option : options) {
      if (!IsPositional(option)) candidates.push_back(LongName(option));
    }
    return candidates;
  }
  for (const Option& option : command.options) {
    if (IsPositional(option))
      return option.choices.empty() ? LiveReferences(session, option) : option.choices;
  }
  return candidates;
}

absl::StatusOr<ExitCode> Complete(Session& session, const Arguments& arguments) {
  std::vector<std::string> words = arguments.All("WORDS");
  if (words.empty()) words.push_back("");
  const std::vector<Command> commands = AllCommands();
  const std::vector<std::string> given(words.begin(), words.end() - 1);
  std::vector<std::string> candidates;
  if (const Command* command = FindCommand(commands, given); command != nullptr) {
    const size_t name_words =
        given[0] == command->alias ? 1 : std::vector<std::string>(absl::StrSplit(command->path, ' ')).size();
    candidates = ArgumentCandidates(session, *command,
                                    {words.begin() + static_cast<ptrdiff_t>(name_words), words.end()});
  } else {
    candidates = NextWords(commands, given);
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  for (const std::string& candidate : candidates) {
    if (absl::StartsWith(candidate, words.back())) session.output().Write(absl::StrCat(candidate, "\n"));
  }
  return ExitCode::kDone;
}

}  // namespace

std::vector<Command> CompletionCommands() {
  return {{"completion",
           "print the completion script of a shell: source <(ecgctl completion bash)",
           {{"SHELL", OptionKind::kText, "bash, zsh or fish", {"bash", "zsh", "fish"}, true}},
           Script},
          {"__complete", "", {{"WORDS", OptionKind::kTexts, "", {}, false}}, Complete}};
}

}  // namespace ecgtrain
