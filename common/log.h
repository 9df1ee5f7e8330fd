// Logging to standard error, one line an event: time, level, message, then key=value fields; or JSON lines.
//
//   LogInfo("attempt leased", {{"attempt", "42.1"}, {"worker", name}});
//
// Plain functions without a formatting library in the header, because LibTorch brings its own copy of one and
// names of its own (LOG, CHECK). Messages are static sentences; what varies goes into fields, whose values
// are escaped. Secrets and record names never go in. Thread-safe.
#ifndef ECGTRAIN_COMMON_LOG_H_
#define ECGTRAIN_COMMON_LOG_H_

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  template <typename T>
  LogField(absl::string_view key, const T& value) : key(key), value(absl::StrCat(value)) {}
  LogField(absl::string_view key, bool value) : key(key), value(value ? "true" : "false") {}
  absl::string_view key;
  std::string value;
};

// Call once in main, before any thread starts. Default: text, kInfo.
void ConfigureLogging(absl::string_view program, LogLevel minimum, LogFormat format);

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields);

inline void LogDebug(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_COMMON_LOG_H_
