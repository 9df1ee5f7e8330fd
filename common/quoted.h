// Text that somebody else wrote, made fit for a terminal, a log or one line of an error. Thread-safe.
#ifndef ECGTRAIN_COMMON_QUOTED_H_
#define ECGTRAIN_COMMON_QUOTED_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace ecgtrain {

// Control characters (C0 but tab, DEL, C1), bytes that are not UTF-8 and what XML refuses become "\x1b"; a
// line break too, unless `keep_lines`.
std::string EscapeControl(absl::string_view text, bool keep_lines = false);

// At most the first `limit` bytes, tabs escaped as well, and "..." where there are more.
std::string Shown(absl::string_view text, size_t limit = 80);

// The same in double quotes; those inside, and backslashes, have a backslash before them.
std::string Quoted(absl::string_view text, size_t limit = 80);

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_QUOTED_H_
