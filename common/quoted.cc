#include "common/quoted.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ecgtrain {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first < 0xe0   ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies above U+10FFFF.
  const bool bad = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                   (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
  return bad ? 0 : length;
}

bool IsControl(absl::string_view sequence) {
  const uint8_t first = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  if (sequence.size() == 2) return first == 0xc2 && static_cast<uint8_t>(sequence[1]) < 0xa0;
  return sequence == "\xef\xbf\xbe" || sequence == "\xef\xbf\xbf";  // U+FFFE and U+FFFF are no characters
}

// `kept` names control characters that stay, `marked` characters that get a backslash.
std::string Escape(absl::string_view text, absl::string_view kept, absl::string_view marked) {
  std::string safe;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const absl::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    const bool stays = length == 1 && kept.find(text[0]) != absl::string_view::npos;
    if (stays || (length > 0 && !IsControl(sequence))) {
      absl::StrAppend(&safe, marked.find(text[0]) == absl::string_view::npos ? "" : "\\", sequence);
    } else {
      for (const char c : sequence) absl::StrAppendFormat(&safe, "\\x%02x", static_cast<uint8_t>(c));
    }
    text.remove_prefix(sequence.size());
  }
  return safe;
}

// As much as fits, without half a character at the end.
absl::string_view Start(absl::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t end = limit;
  while (end > 0 && limit - end < 3 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

absl::string_view Rest(absl::string_view text, size_t limit) { return text.size() > limit ? "..." : ""; }

}  // namespace

std::string EscapeControl(absl::string_view text, bool keep_lines) {
  return Escape(text, keep_lines ? "\t\n" : "\t", "");
}

std::string Shown(absl::string_view text, size_t limit) {
  return absl::StrCat(Escape(Start(text, limit), "", ""), Rest(text, limit));
}

std::string Quoted(absl::string_view text, size_t limit) {
  return absl::StrCat("\"", Escape(Start(text, limit), "", "\"\\"), Rest(text, limit), "\"");
}

}  // namespace ecgtrain
