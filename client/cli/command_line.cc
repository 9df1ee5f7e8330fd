// The one file of the program that includes CLI11, which is slow to compile.
#include "client/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/nearest_name.h"
#include "common/units.h"

namespace ecgtrain {
namespace {

const char* const kAbout =
    "ecgctl: train, watch and collect ECG models on an ecgtrain coordinator.\n"
    "References: job/42, 42, a unique name, @last; checkpoints job/42@best, @last, @step:N.";

const std::map<std::string, std::string>& Nouns() {
  static const auto& nouns = *new std::map<std::string, std::string>{
      {"job", "submit, follow and control jobs"},
      {"checkpoint", "list and download checkpoints"},
      {"data", "list data sets: who has which, and what is in them"},
      {"worker", "list workers, take them out of use"},
      {"token", "credentials of people and workers"},
      {"server", "the coordinator"},
  };
  return nouns;
}

std::string CheckInteger(const std::string& text) {
  uint64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? "" : absl::StrCat("\"", text, "\" is not a whole number");
}

std::string CheckDuration(const std::string& text) {
  return std::string(ParseDuration(text).status().message());
}

// Translates one option list and collects what was given.
class OptionSet {
 public:
  void AddTo(CLI::App& app, const std::vector<Option>& options) {
    for (const Option& option : options) Add(app, option);
  }

  void Collect(std::map<std::string, std::vector<std::string>>& values) const {
    for (const auto& [name, added] : added_) {
      if (added->count() > 0) values[name] = added->results();
    }
  }

 private:
  void Add(CLI::App& app, const Option& option) {
    CLI::Option* added = nullptr;
    if (option.kind == OptionKind::kFlag) {
      added = app.add_flag(option.name, option.help);
    } else {
      added = app.add_option(option.name, option.help);
      const bool many = option.kind == OptionKind::kTexts;
      added->type_name(TypeName(option));
      if (IsPositional(option) && many) {
        added->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(true);
      }
      if (!IsPositional(option)) added->expected(1)->allow_extra_args(false);
      added->multi_option_policy(many ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    }
    if (!option.choices.empty()) added->check(CLI::Validator(OneOf(option.choices), "", "choice"));
    if (option.kind == OptionKind::kInteger) added->check(CLI::Validator(CheckInteger, "", "integer"));
    if (option.kind == OptionKind::kDuration) added->check(CLI::Validator(CheckDuration, "", "duration"));
    added->required(option.required);
    added_.emplace_back(LongName(option), added);
  }

  static std::string TypeName(const Option& option) {
    if (!option.choices.empty()) return absl::StrJoin(option.choices, "|");
    if (option.kind == OptionKind::kInteger) return "N";
    return option.kind == OptionKind::kDuration ? "DURATION" : IsPositional(option) ? "" : "VALUE";
  }

  static std::function<std::string(std::string&)> OneOf(const std::vector<std::string>& choices) {
    return [choices](std::string& text) -> std::string {
      if (std::find(choices.begin(), choices.end(), text) != choices.end()) return "";
      return absl::StrCat("\"", text, "\" is unknown", DidYouMean(text, choices));
    };
  }

  std::vector<std::pair<std::string, CLI::Option*>> added_;
};

// Null where `app` has no such subcommand.
CLI::App* Child(CLI::App& app, const std::string& name) {
  for (CLI::App* child : app.get_subcommands([](CLI::App*) { return true; })) {
    if (child->get_name() == name) return child;
  }
  return nullptr;
}

// True for a global option whose value is the next word.
bool TakesValue(const std::string& word) {
  for (const Option& option : GlobalOptions()) {
    const std::vector<std::string> names = absl::StrSplit(option.name, ',');
    if (std::find(names.begin(), names.end(), word) != names.end()) return option.kind != OptionKind::kFlag;
  }
  return false;
}

struct Entry {
  const Command* command;
  CLI::App* app;
  OptionSet options;
};

// The tree of nouns and verbs of one parse.
class Grammar {
 public:
  explicit Grammar(const std::vector<Command>& commands) : root_(kAbout, "ecgctl") {
    root_.require_subcommand(1);
    root_.set_help_flag("-h,--help", "print this");
    root_.set_version_flag("--version", "ecgctl " ECGTRAIN_VERSION);
    root_.fallthrough();
    global_.AddTo(root_, GlobalOptions());
    for (const Command& command : commands) {
      AddCommand(command, command.path, command.help);
      if (!command.alias.empty())
        AddCommand(command, command.alias, absl::StrCat("short for ", command.path));
    }
  }

  CLI::App& root() { return root_; }

  ParsedCommandLine Result() const {
    ParsedCommandLine parsed;
    std::map<std::string, std::vector<std::string>> values;
    global_.Collect(values);
    for (const auto& entry : entries_) {
      if (!entry->app->parsed()) continue;
      parsed.command = entry->command;
      entry->options.Collect(values);
    }
    parsed.arguments = Arguments(std::move(values));
    return parsed;
  }

  // The deepest command that `words` name, and the first word that names none there.
  std::pair<CLI::App*, std::string> Locate(const std::vector<std::string>& words) {
    CLI::App* app = &root_;
    bool is_value = false;
    for (const std::string& word : words) {
      if (app->get_subcommands([](CLI::App*) { return true; }).empty()) break;
      const bool skipped = is_value || absl::StartsWith(word, "-");
      is_value = !is_value && TakesValue(word);
      if (skipped) continue;
      CLI::App* next = Child(*app, word);
      if (next == nullptr) return {app, word};
      app = next;
    }
    return {app, ""};
  }

 private:
  void AddCommand(const Command& command, const std::string& path, const std::string& help) {
    const std::vector<std::string> words = absl::StrSplit(path, ' ');
    CLI::App* parent = &root_;
    if (words.size() == 2) {
      parent = Child(root_, words[0]);
      if (parent == nullptr) {
        parent = root_.add_subcommand(words[0], Nouns().at(words[0]));
        parent->require_subcommand(1);
      }
    }
    auto entry = std::make_unique<Entry>();
    entry->command = &command;
    entry->app = parent->add_subcommand(words.back(), help);
    // Commands that begin with two underscores serve scripts, not people.
    if (absl::StartsWith(path, "__")) entry->app->group("");
    entry->options.AddTo(*entry->app, command.options);
    entries_.push_back(std::move(entry));
  }

  CLI::App root_;
  OptionSet global_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

absl::Status UsageError(Grammar& grammar, const std::vector<std::string>& words, const CLI::Error& error) {
  const auto [app, stranger] = grammar.Locate(words);
  std::string page = app->get_name();
  for (CLI::App* parent = app->get_parent(); parent != nullptr; parent = parent->get_parent()) {
    page = absl::StrCat(parent->get_name(), " ", page);
  }
  std::string text = absl::StrReplaceAll(error.what(), {{"\n", " "}});
  const bool about_words = error.get_name() == "ExtrasError" || error.get_name() == "RequiredError";
  if (about_words && !stranger.empty()) {
    std::vector<std::string> known;
    for (const CLI::App* sub : app->get_subcommands([](CLI::App*) { return true; })) {
      if (!sub->get_group().empty()) known.push_back(sub->get_name());
    }
    text = absl::StrCat("unknown command \"", stranger, "\"", DidYouMean(stranger, known));
  }
  return absl::InvalidArgumentError(absl::StrCat(text, "; see ", page, " --help"));
}

}  // namespace

absl::StatusOr<ParsedCommandLine> ParseCommandLine(const std::vector<Command>& commands,
                                                   const std::vector<std::string>& words) {
  Grammar grammar(commands);
  try {
    // CLI11 takes the words from the back.
    grammar.root().parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp&) {
    ParsedCommandLine parsed;
    parsed.text = grammar.root().help();
    return parsed;
  } catch (const CLI::CallForVersion& version) {
    ParsedCommandLine parsed;
    parsed.text = absl::StrCat(version.what(), "\n");
    return parsed;
  } catch (const CLI::Error& error) {
    return UsageError(grammar, words, error);
  }
  return grammar.Result();
}

}  // namespace ecgtrain
