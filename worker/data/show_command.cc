#include "worker/data/show_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

size_t TerminalColumns() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
  return known ? std::min<size_t>(size.ws_col, 200) : 100;
}

// `file` as the options have it: "" for none, "-" for standard output.
absl::Status WriteDrawing(const std::string& file, absl::string_view drawing) {
  if (file.empty()) return absl::OkStatus();
  if (file != "-") return WriteFileDurably(file, drawing);
  std::cout << drawing;
  return absl::OkStatus();
}

}  // namespace

void ShowCommand::AddTo(CLI::App& app, absl::Status* status) {
  CLI::App* showing =
      app.add_subcommand("show", "Draw a recording as a 12-lead strip, on the terminal, as SVG or as PNG");
  showing->add_option("record", options_.record, "A WFDB record's path, or with --pack a record's id")
      ->required();
  showing->add_option("--pack", options_.pack, "The pack that holds the record");
  showing->add_option("--from", options_.from, "Seconds to leave out at the start")->capture_default_str();
  showing->add_option("--svg", svg_, "Write SVG to this file instead; - for standard output");
  CLI::Option* png = showing->add_option(
      "--png", png_, "Write PNG to this file instead, or beside SVG; - for standard output");
  showing->add_option("--dpi", dpi_, "Pixels an inch of the PNG; it prints true to scale with any")
      ->check(CLI::Range(kLowestDpi, kHighestDpi))
      ->capture_default_str()
      ->needs(png);
  showing->add_option("--columns", columns_, "Width in characters; default: the terminal's, or 100")
      ->check(CLI::Range(40, 1000));
  showing->callback([this, status] { *status = Run(); });
}

absl::Status ShowCommand::Run() const {
  if (!svg_.empty() && svg_ == png_) {
    return absl::InvalidArgumentError(
        absl::StrCat("--svg and --png: expected two places, found ", Quoted(svg_), " for both"));
  }
  ASSIGN_OR_RETURN(const Strip strip, LoadStrip(options_));
  if (svg_.empty() && png_.empty()) {
    std::cout << DrawText(strip, columns_ == 0 ? TerminalColumns() : columns_);
    return absl::OkStatus();
  }
  std::string png;
  if (!png_.empty()) {
    ASSIGN_OR_RETURN(png, DrawPng(strip, dpi_));
  }
  if (!svg_.empty()) RETURN_IF_ERROR(WriteDrawing(svg_, DrawSvg(strip)));
  return WriteDrawing(png_, png);
}

}  // namespace ecgtrain
