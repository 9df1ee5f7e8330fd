#include "worker/train/artifact.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/durable_file.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "worker/run_directory/run_directory.h"

namespace ecgtrain {

absl::Status WriteArtifact(const std::filesystem::path& run_folder, EventSink& events,
                           const std::string& name, absl::string_view kind, absl::string_view content) {
  const std::filesystem::path folder = run_folder / run_directory::kArtifactsFolder;
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(WriteFileDurably(folder / name, content));
  return events.Append("artifact", {{"path", absl::StrCat(run_directory::kArtifactsFolder, "/", name)},
                                    {"kind", kind},
                                    {"size", content.size()},
                                    {"sha256", Sha256Hex(content)}});
}

std::string CsvField(absl::string_view text) {
  if (text.find_first_of(",\"\n\r") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace ecgtrain
