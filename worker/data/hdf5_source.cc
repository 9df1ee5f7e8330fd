#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/hdf5_dataset.h"
#include "worker/data/hdf5_objects.h"
#include "worker/data/leads.h"
#include "worker/data/record_fault.h"
#include "worker/data/signal_source.h"

namespace ecgtrain {
namespace {

// Bytes that stand for a file of gigabytes: so many stretches of so many bytes, spread evenly.
constexpr uint64_t kSampleBytes = 4096;
constexpr uint64_t kSamples = 1024;

struct OpenFile {
  std::unique_ptr<Hdf5Objects> objects;
  std::unique_ptr<Hdf5Dataset> tracings;
  SourceFileInfo info;
  std::string ids_digest;
};

// Without the frames at both ends that are zero in all leads.
absl::Span<const double> WithoutPadding(absl::Span<const double> frames) {
  const auto is_zero = [](double value) { return value == 0; };
  while (!frames.empty() && std::all_of(frames.end() - kLeads, frames.end(), is_zero))
    frames.remove_suffix(kLeads);
  while (!frames.empty() && std::all_of(frames.begin(), frames.begin() + kLeads, is_zero))
    frames.remove_prefix(kLeads);
  return frames;
}

class OpenHdf5 final : public Hdf5Source {
 public:
  OpenHdf5(const Hdf5Options& options, std::array<size_t, kLeads> leads) : options_(options), leads_(leads) {}

  absl::Status AddFile(const SourceFolder& folder, const std::string& name) {
    ASSIGN_OR_RETURN(SourceFile file, folder.OpenFile(name));
    OpenFile open;
    ASSIGN_OR_RETURN(open.info, folder.Stat(name));
    ASSIGN_OR_RETURN(Hdf5Objects objects, Hdf5Objects::Open(std::move(file)));
    open.objects = std::make_unique<Hdf5Objects>(std::move(objects));
    ASSIGN_OR_RETURN(open.tracings, Hdf5Dataset::Open(*open.objects, options_.tracings));
    const std::vector<uint64_t>& shape = open.tracings->shape();
    if (shape.size() != 3 || shape[options_.leads_first ? 1 : 2] != kLeads) {
      return absl::DataLossError(
          absl::StrCat((folder.path() / name).string(), ", dataset ", Quoted(options_.tracings),
                       ": expected the dimensions record, ",
                       options_.leads_first ? "12 leads, sample" : "sample, 12 leads"));
    }
    RETURN_IF_ERROR(AddRows(folder, name, &open));
    files_[name] = std::move(open);
    return absl::OkStatus();
  }

  const std::vector<Row>& rows() const override { return rows_; }
  bool has_ids() const override { return has_ids_; }

  absl::StatusOr<Signals> Read(const SignalPlace& place) const override {
    const Hdf5Dataset& tracings = *files_.at(place.file).tracings;
    ASSIGN_OR_RETURN(const std::vector<double> values, tracings.ReadRow(place.row),
                     AsRecordFault("damaged", _));
    const size_t length = values.size() / kLeads;
    const size_t frame = options_.leads_first ? 1 : kLeads, column = options_.leads_first ? length : 1;
    std::vector<double> frames(values.size());
    for (size_t t = 0; t < length; ++t) {
      for (size_t lead = 0; lead < kLeads; ++lead)
        frames[t * kLeads + lead] = values[t * frame + leads_[lead] * column] * options_.gain;
    }
    const absl::Span<const double> signal = WithoutPadding(frames);
    if (signal.empty()) {
      return RecordFault("empty", absl::StrCat(tracings.rows(), " rows of ", place.file, ": row ", place.row,
                                               " holds nothing but zeros"));
    }
    return Signals{options_.rate, std::vector<double>(signal.begin(), signal.end())};
  }

  absl::Status AddIdentity(const SignalPlace& place, Sha256* digest) const override {
    const OpenFile& open = files_.at(place.file);
    digest->Update(absl::StrCat(place.file, " ", open.info.size, " ", open.ids_digest, "\n"));
    const uint64_t step = std::max(open.info.size / kSamples, kSampleBytes);
    for (uint64_t at = 0; at < open.info.size; at += step) {
      ASSIGN_OR_RETURN(const std::string bytes,
                       open.objects->file().ReadAt(at, std::min(kSampleBytes, open.info.size - at)));
      digest->Update(bytes);
    }
    return absl::OkStatus();
  }

  absl::Status AddQuickKey(const SignalPlace& place, Sha256* key) const override {
    const OpenFile& open = files_.at(place.file);
    key->Update(absl::StrCat(place.file, " ", open.info.size, " ", open.info.modified_nanoseconds, "\n"));
    return absl::OkStatus();
  }

 private:
  absl::Status AddRows(const SourceFolder& folder, const std::string& name, OpenFile* open) {
    std::vector<std::string> ids;
    absl::StatusOr<std::unique_ptr<Hdf5Dataset>> dataset = absl::NotFoundError("no ids");
    if (!options_.ids.empty()) dataset = Hdf5Dataset::Open(*open->objects, options_.ids);
    if (options_.ids.empty() || (absl::IsNotFound(dataset.status()) && !options_.ids_required)) {
      has_ids_ = false;
      for (uint64_t row = 0; row < open->tracings->rows(); ++row) ids.push_back(absl::StrCat(row));
    } else {
      RETURN_IF_ERROR(dataset.status());
      ASSIGN_OR_RETURN(ids, (*dataset)->ReadNames());
    }
    if (ids.size() != open->tracings->rows()) {
      return absl::DataLossError(absl::StrCat((folder.path() / name).string(), ": expected as many rows of ",
                                              Quoted(options_.ids), " as of ", Quoted(options_.tracings),
                                              ", found ", ids.size(), " and ", open->tracings->rows()));
    }
    Sha256 digest;
    for (size_t row = 0; row < ids.size(); ++row) {
      digest.Update(absl::StrCat(ids[row], "\n"));
      rows_.push_back({std::move(ids[row]), {name, row}});
    }
    open->ids_digest = digest.HexDigest();
    return absl::OkStatus();
  }

  Hdf5Options options_;
  std::array<size_t, kLeads> leads_;
  std::map<std::string, OpenFile> files_;
  std::vector<Row> rows_;
  bool has_ids_ = true;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Hdf5Source>> OpenHdf5Source(const SourceFolder& folder,
                                                           const std::vector<std::string>& files,
                                                           const Hdf5Options& options) {
  if (files.empty()) return absl::NotFoundError(absl::StrCat("no HDF5 file in ", folder.path().string()));
  std::array<size_t, kLeads> leads;
  for (size_t lead = 0; lead < leads.size(); ++lead) leads[lead] = lead;
  if (!options.leads.empty()) {
    ASSIGN_OR_RETURN(leads, FindLeads(options.leads, folder.path().string()));
  }
  auto source = std::make_unique<OpenHdf5>(options, leads);
  for (const std::string& file : files) RETURN_IF_ERROR(source->AddFile(folder, file));
  return source;
}

}  // namespace ecgtrain
