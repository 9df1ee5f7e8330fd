#include "worker/agent/cursor.h"

#include <string>
#include <utility>

#include "common/durable_file.h"
#include "common/json.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {
namespace {

uint64_t UnsignedMember(const nlohmann::json& object, const char* key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_number_unsigned() ? member->get<uint64_t>() : 0;
}

CursorRecord Read(const std::filesystem::path& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, 64 << 10);
  if (!text.ok()) return {};
  const absl::StatusOr<nlohmann::json> document = ParseJson(*text, path.string());
  if (!document.ok() || !document->is_object()) return {};
  CursorRecord record{.seq = UnsignedMember(*document, "seq"),
                      .log_offset = UnsignedMember(*document, "log_offset")};
  const auto stop = document->find("stop");
  if (stop != document->end() && stop->is_string()) {
    // An unknown name leaves STOP_NONE: the coordinator repeats its order.
    v1::StopRequest_Parse(stop->get<std::string>(), &record.stop);
  }
  if (document->contains("finished"))
    record.finished = absl::FromUnixSeconds(static_cast<int64_t>(UnsignedMember(*document, "finished")));
  return record;
}

}  // namespace

Cursor::Cursor(std::filesystem::path path) : path_(std::move(path)), record_(Read(path_)) {}

CursorRecord Cursor::Get() {
  MutexLock lock(mutex_);
  return record_;
}

absl::Status Cursor::Update(absl::FunctionRef<void(CursorRecord&)> change) {
  MutexLock lock(mutex_);
  change(record_);
  nlohmann::json document = {
      {"format", run_directory::kFormat}, {"seq", record_.seq}, {"log_offset", record_.log_offset}};
  if (record_.stop != v1::STOP_NONE) document["stop"] = v1::StopRequest_Name(record_.stop);
  if (record_.finished.has_value()) document["finished"] = absl::ToUnixSeconds(*record_.finished);
  return WriteFileDurably(path_, DumpJson(document) + "\n");
}

}  // namespace ecgtrain
