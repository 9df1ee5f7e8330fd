#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace ecgtrain {
namespace {

struct Settings {
  std::string program = "ecgtrain";
  LogFormat format = LogFormat::kText;
  std::shared_ptr<spdlog::logger> logger;
};

Settings& GetSettings() {
  static Settings& settings = *[] {
    auto* created = new Settings;
    created->logger =
        std::make_shared<spdlog::logger>("ecgtrain", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->logger->set_pattern("%v");
    created->logger->flush_on(spdlog::level::trace);
    return created;
  }();
  return settings;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string FieldValue(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_not_of(
                                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                           "._-+/:@#,") == std::string::npos;
  return plain ? value : absl::StrCat("\"", absl::CHexEscape(value), "\"");
}

}  // namespace

void ConfigureLogging(absl::string_view program, LogLevel minimum, LogFormat format) {
  Settings& settings = GetSettings();
  settings.program = std::string(program);
  settings.format = format;
  settings.logger->set_level(ToSpdlog(minimum));
}

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  const Settings& settings = GetSettings();
  if (!settings.logger->should_log(ToSpdlog(level))) return;
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  std::string line;
  if (settings.format == LogFormat::kJson) {
    nlohmann::ordered_json object = {{"time", time},
                                     {"level", LevelName(level)},
                                     {"program", settings.program},
                                     {"message", std::string(message)}};
    for (const LogField& field : fields) object[std::string(field.key)] = field.value;
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    line = absl::StrCat(time, " ", LevelName(level), " ", settings.program, ": ", message);
    for (const LogField& field : fields) absl::StrAppend(&line, " ", field.key, "=", FieldValue(field.value));
  }
  settings.logger->log(ToSpdlog(level), "{}", line);
}

}  // namespace ecgtrain
