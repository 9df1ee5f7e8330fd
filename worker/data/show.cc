#include "worker/data/show.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/leads.h"
#include "worker/data/limb_leads.h"
#include "worker/data/pack.h"
#include "worker/data/quality.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

struct Loaded {
  std::string name;
  double rate = 0;
  std::vector<double> millivolts;  // [length, kLeads]
};

absl::StatusOr<Loaded> LoadFromPack(const std::filesystem::path& path, const std::string& id) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, Pack::Open(path));
  for (size_t i = 0; i < pack->size(); ++i) {
    const PackRecord record = pack->record(i);
    if (record.id != id) continue;
    Loaded loaded{absl::StrCat(Shown(pack->info().dataset), " ", Shown(id)),
                  static_cast<double>(pack->info().rate),
                  {}};
    loaded.millivolts.reserve(record.samples.size());
    for (const int16_t sample : record.samples)
      loaded.millivolts.push_back(sample * static_cast<double>(pack->info().millivolts_per_unit));
    const std::vector<std::string> flaws = NamesOf(record.flaws);
    if (!flaws.empty()) absl::StrAppend(&loaded.name, " (", absl::StrJoin(flaws, ", "), ")");
    return loaded;
  }
  return absl::NotFoundError(absl::StrCat("no record ", Quoted(id), " in ", path.string()));
}

absl::StatusOr<Loaded> LoadFromWfdb(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const std::string name = path.filename().string();
  const std::string record_name(absl::StripSuffix(name, ".hea"));
  ASSIGN_OR_RETURN(const SourceFolder folder, SourceFolder::Open(parent));
  ASSIGN_OR_RETURN(const WfdbRecord record, ReadWfdbRecord(folder, record_name));
  ASSIGN_OR_RETURN(const auto leads, FindLeads(record.names, path.string()));
  Loaded loaded{Shown(record_name), record.rate, SelectLeads(record.millivolts, record.names.size(), leads)};
  DeriveLimbLeads(loaded.millivolts);
  return loaded;
}

}  // namespace

absl::StatusOr<Strip> LoadStrip(const ShowOptions& options) {
  ASSIGN_OR_RETURN(Loaded loaded, options.pack.empty() ? LoadFromWfdb(options.record)
                                                       : LoadFromPack(options.pack, options.record));
  const size_t length = loaded.millivolts.size() / kLeads;
  const double seconds = static_cast<double>(length) / loaded.rate;
  if (!(options.from >= 0) || options.from >= seconds) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "from: expected 0 to less than %g s, where %s ends, found %g", seconds, loaded.name, options.from));
  }
  const auto first = static_cast<size_t>(options.from * loaded.rate);
  const size_t count = std::min(length - first, static_cast<size_t>(std::ceil(kStripSeconds * loaded.rate)));
  const double* from = loaded.millivolts.data() + first * kLeads;
  return Strip{absl::StrFormat("%s   %g to %g s of %g s at %g samples a second", loaded.name, options.from,
                               options.from + static_cast<double>(count) / loaded.rate, seconds, loaded.rate),
               loaded.rate, std::vector<double>(from, from + count * kLeads)};
}

}  // namespace ecgtrain
