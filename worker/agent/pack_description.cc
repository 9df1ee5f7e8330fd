#include "worker/agent/pack_description.h"

#include <google/protobuf/util/json_util.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "worker/agent/short_message.h"

namespace ecgtrain {
namespace {

constexpr int kMostNotes = 20;
constexpr size_t kMostNoteBytes = 300;
// Of one pack: the coordinator takes 64 KiB for all packs of a data set.
constexpr size_t kMostBytes = 8 << 10;

}  // namespace

absl::StatusOr<v1::DatasetPack> ParsePackDescription(const nlohmann::json& report) {
  v1::DatasetPack pack;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(DumpJson(report), &pack, options);
  if (!parsed.ok())
    return absl::InvalidArgumentError(
        absl::StrCat("the description of a pack: ", std::string(parsed.message())));
  if (!IsSha256Hex(pack.digest()) || !IsSha256Hex(pack.source_digest()))
    return absl::InvalidArgumentError("the description of a pack has no digest");
  if (pack.notes_size() > kMostNotes)
    pack.mutable_notes()->DeleteSubrange(kMostNotes, pack.notes_size() - kMostNotes);
  for (std::string& note : *pack.mutable_notes())
    note = ShortMessage(absl::string_view(note).substr(0, kMostNoteBytes));
  if (pack.ByteSizeLong() > kMostBytes) pack.clear_notes();
  if (pack.ByteSizeLong() > kMostBytes) pack.clear_tasks();
  return pack;
}

}  // namespace ecgtrain
