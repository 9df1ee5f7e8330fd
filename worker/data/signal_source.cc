#include "worker/data/signal_source.h"

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/data/leads.h"
#include "worker/data/mat5.h"
#include "worker/data/record_fault.h"
#include "worker/data/wfdb_header.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

// Nothing to add where the file is not there: reading will say so.
absl::Status AddFile(const SourceFolder& folder, const std::string& name, bool with_time, Sha256* digest) {
  const absl::StatusOr<SourceFileInfo> info = folder.Stat(name);
  if (absl::IsNotFound(info.status())) return absl::OkStatus();
  RETURN_IF_ERROR(info.status());
  digest->Update(absl::StrCat(name, " ", info->size,
                              with_time ? absl::StrCat(" ", info->modified_nanoseconds) : "", "\n"));
  return absl::OkStatus();
}

class WfdbSource final : public SignalSource {
 public:
  explicit WfdbSource(SourceFolder folder) : folder_(std::move(folder)) {}

  absl::StatusOr<Signals> Read(const SignalPlace& place) const override {
    ASSIGN_OR_RETURN(const WfdbRecord record, ReadWfdbRecord(folder_, place.file));
    ASSIGN_OR_RETURN(const auto leads, FindLeads(record.names, (folder_.path() / place.file).string()));
    return Signals{record.rate, SelectLeads(record.millivolts, record.names.size(), leads)};
  }

  absl::Status AddIdentity(const SignalPlace& place, Sha256* digest) const override {
    ASSIGN_OR_RETURN(const std::vector<WfdbSegment> segments, AddRecord(place.file, digest));
    const std::string parent = place.file.substr(0, place.file.rfind('/') + 1);
    std::set<absl::string_view> added = {"~"};  // a gap
    for (const WfdbSegment& segment : segments) {
      if (added.insert(segment.record).second)
        RETURN_IF_ERROR(AddRecord(absl::StrCat(parent, segment.record), digest).status());
    }
    return absl::OkStatus();
  }

  absl::Status AddQuickKey(const SignalPlace& place, Sha256* key) const override {
    for (const char* suffix : {".hea", ".dat", ".mat"})
      RETURN_IF_ERROR(AddFile(folder_, absl::StrCat(place.file, suffix), true, key));
    return absl::OkStatus();
  }

 private:
  // The header and its signal files. Returns the segments, which it does not follow: those of a segment are
  // never read, and may lead back to it.
  absl::StatusOr<std::vector<WfdbSegment>> AddRecord(const std::string& record, Sha256* digest) const {
    const std::string name = absl::StrCat(record, ".hea");
    const absl::StatusOr<std::string> text = folder_.Read(name, 1 << 20);
    if (absl::IsNotFound(text.status())) return std::vector<WfdbSegment>();
    RETURN_IF_ERROR(text.status());
    ASSIGN_OR_RETURN(WfdbHeader header, ParseWfdbHeader(*text, (folder_.path() / name).string()));
    digest->Update(absl::StrCat(record, "\n", text->size(), "\n", *text));
    const std::string parent = record.substr(0, record.rfind('/') + 1);
    const std::string* last = nullptr;
    for (const WfdbSignal& signal : header.signals) {
      if (last == nullptr || *last != signal.file)
        RETURN_IF_ERROR(AddFile(folder_, absl::StrCat(parent, signal.file), false, digest));
      last = &signal.file;
    }
    return std::move(header.segments);
  }

  SourceFolder folder_;
};

class CpscMatSource final : public SignalSource {
 public:
  explicit CpscMatSource(SourceFolder folder) : folder_(std::move(folder)) {}

  absl::StatusOr<Signals> Read(const SignalPlace& place) const override {
    const std::string path = (folder_.path() / place.file).string();
    ASSIGN_OR_RETURN(const std::string bytes, folder_.Read(place.file, kMaxMat5Bytes),
                     AsRecordFault("unreadable", _));
    ASSIGN_OR_RETURN(auto fields, ReadMat5Struct(bytes, "ECG", path), AsRecordFault("damaged", _));
    MatArray& data = fields["data"];
    if (data.dimensions.size() != 2 || data.dimensions[0] != kLeads || data.dimensions[1] == 0)
      return RecordFault("damaged", absl::StrCat(path, ", field data: expected 12 rows of samples"));
    return Signals{500, std::move(data.values)};  // column after column is frame after frame
  }

  absl::Status AddIdentity(const SignalPlace& place, Sha256* digest) const override {
    const absl::StatusOr<std::string> bytes = folder_.Read(place.file);
    if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
    RETURN_IF_ERROR(bytes.status());
    digest->Update(absl::StrCat(place.file, " ", Sha256Hex(*bytes), "\n"));
    return absl::OkStatus();
  }

  absl::Status AddQuickKey(const SignalPlace& place, Sha256* key) const override {
    return AddFile(folder_, place.file, true, key);
  }

 private:
  SourceFolder folder_;
};

}  // namespace

std::unique_ptr<SignalSource> MakeWfdbSource(SourceFolder folder) {
  return std::make_unique<WfdbSource>(std::move(folder));
}

std::unique_ptr<SignalSource> MakeCpscMatSource(SourceFolder folder) {
  return std::make_unique<CpscMatSource>(std::move(folder));
}

}  // namespace ecgtrain
