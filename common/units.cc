#include "common/units.h"

#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ecgtrain {
namespace {

// Splits a leading decimal number from `text`; empty when there is none.
absl::string_view TakeNumber(absl::string_view* text) {
  size_t end = 0;
  while (end < text->size() && (absl::ascii_isdigit((*text)[end]) || (*text)[end] == '.')) ++end;
  const absl::string_view number = text->substr(0, end);
  text->remove_prefix(end);
  return number;
}

absl::string_view TakeUnit(absl::string_view* text) {
  size_t end = 0;
  while (end < text->size() && absl::ascii_isalpha((*text)[end])) ++end;
  const absl::string_view unit = text->substr(0, end);
  text->remove_prefix(end);
  return unit;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  static constexpr std::array<std::pair<absl::string_view, double>, 5> kUnits = {
      {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 1e-3}}};
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a duration; write for example 90s, 10m, 1h30m or 2d"));
  absl::string_view rest = text;
  absl::Duration total;
  size_t next_unit = 0;
  if (rest.empty()) return error;
  while (!rest.empty()) {
    double number;
    if (!absl::SimpleAtod(TakeNumber(&rest), &number)) return error;
    const absl::string_view unit = TakeUnit(&rest);
    while (next_unit < kUnits.size() && kUnits[next_unit].first != unit) ++next_unit;
    if (next_unit == kUnits.size()) return error;
    total += absl::Seconds(number * kUnits[next_unit].second);
    ++next_unit;
  }
  if (total > absl::Hours(24 * 3650)) return error;
  return total;
}

std::string HumanDuration(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", HumanDuration(-duration));
  const double seconds = absl::ToDoubleSeconds(duration);
  if (!std::isfinite(seconds)) return "unlimited";
  if (seconds < 10) return absl::StrFormat("%.1fs", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  if (whole < 86400) return absl::StrFormat("%dh%02dm", whole / 3600, whole / 60 % 60);
  return absl::StrFormat("%dd%02dh", whole / 86400, whole / 3600 % 24);
}

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  static constexpr std::array<std::pair<absl::string_view, double>, 9> kUnits = {{{"B", 1},
                                                                                  {"KiB", 1024.},
                                                                                  {"MiB", 1048576.},
                                                                                  {"GiB", 1073741824.},
                                                                                  {"TiB", 1099511627776.},
                                                                                  {"kB", 1e3},
                                                                                  {"MB", 1e6},
                                                                                  {"GB", 1e9},
                                                                                  {"TB", 1e12}}};
  absl::string_view rest = text;
  double number;
  const bool number_ok = absl::SimpleAtod(TakeNumber(&rest), &number);
  rest = absl::StripAsciiWhitespace(rest);
  for (const auto& [unit, factor] : kUnits) {
    if (number_ok && rest == unit && number * factor < 9e18) return static_cast<uint64_t>(number * factor);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a size; write for example 512MiB or 24GiB"));
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

}  // namespace ecgtrain
