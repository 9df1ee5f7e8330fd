#include "client/cli/data_view.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/units.h"
#include "spec/dataset_reference.h"

namespace ecgtrain {
namespace {

// The holders of one state of a data set: same type, version and source digest.
struct State {
  const v1::WorkerDataset* dataset = nullptr;  // of the first holder
  std::vector<const v1::DatasetPack*> packs;   // of all, one for each pack digest
  std::vector<std::string> holders;
};

std::string SourceDigest(const v1::WorkerDataset& dataset) {
  return dataset.packs().empty() ? "" : dataset.packs().rbegin()->source_digest();
}

std::vector<State> StatesOf(const v1::Dataset& dataset) {
  std::map<std::vector<std::string>, State> states;
  for (const v1::Dataset::Holder& holder : dataset.holders()) {
    const v1::WorkerDataset& held = holder.dataset();
    State& state = states[{held.type(), held.version(), SourceDigest(held)}];
    if (state.dataset == nullptr) state.dataset = &held;
    state.holders.push_back(absl::StrCat(holder.worker(), holder.reachable() ? "" : " (away)"));
    for (const v1::DatasetPack& pack : held.packs()) {
      const bool known = std::any_of(state.packs.begin(), state.packs.end(),
                                     [&](const auto* other) { return other->digest() == pack.digest(); });
      if (!known) state.packs.push_back(&pack);
    }
  }
  std::vector<State> result;
  for (auto& [key, state] : states) result.push_back(std::move(state));
  return result;
}

Cell DigestCell(const v1::WorkerDataset& dataset) {
  const std::string digest = SourceDigest(dataset);
  return {digest.empty() ? "not packed yet" : ShortDigest(digest), digest};
}

// "1:1743 2:1749": folds without records are left out.
std::string FoldList(const v1::DatasetPack& pack) {
  std::vector<std::string> folds;
  for (int i = 0; i < pack.records_by_fold_size(); ++i) {
    if (pack.records_by_fold(i) > 0) folds.push_back(absl::StrCat(i + 1, ":", pack.records_by_fold(i)));
  }
  return absl::StrJoin(folds, " ");
}

std::string CountList(const google::protobuf::Map<std::string, uint64_t>& counts) {
  const std::map<std::string, uint64_t> sorted(counts.begin(), counts.end());
  return absl::StrJoin(sorted, ", ", [](std::string* text, const auto& entry) {
    absl::StrAppend(text, entry.second, " ", entry.first);
  });
}

std::string TaskList(const v1::DatasetPack& pack) {
  return absl::StrJoin(pack.tasks(), ", ", [](std::string* text, const v1::DatasetPack::Task& task) {
    absl::StrAppend(text, task.name(), " (", task.classes(), " classes, ", task.labelled_records(),
                    " records)");
  });
}

std::string LengthText(const v1::DatasetPack& pack) {
  const double rate = pack.rate();
  if (pack.rate() == 0) return "";
  const std::string shortest = absl::StrFormat("%.4g", static_cast<double>(pack.shortest_samples()) / rate);
  const std::string longest = absl::StrFormat("%.4g", static_cast<double>(pack.longest_samples()) / rate);
  return shortest == longest ? absl::StrCat(shortest, " s") : absl::StrCat(shortest, " to ", longest, " s");
}

class Details {
 public:
  Details() { table_.columns = {{"FIELD"}, {"VALUE"}}; }
  void Add(const char* field, const Cell& value) {
    if (!value.machine.empty()) table_.rows.push_back({field, value});
  }
  void AddPack(const v1::DatasetPack& pack) {
    Add("pack",
        {absl::StrCat(ShortDigest(pack.digest()), ", ", pack.rate(), " samples a second, ",
                      pack.highpass() ? "high-pass 0.8 Hz, " : "no high-pass, ", HumanBytes(pack.bytes())),
         pack.digest()});
    Add("  records", absl::StrCat(pack.records(), " of ", pack.patients(), " patients, ", LengthText(pack)));
    Add("  folds", FoldList(pack));
    Add("  left out", CountList(pack.skipped()));
    Add("  flagged", CountList(pack.flagged()));
    Add("  amplitude",
        absl::StrFormat("%.2f mV peak to peak in the largest lead (median)", pack.amplitude()));
    Add("  labels", TaskList(pack));
    for (const std::string& note : pack.notes()) Add("  note", note);
  }
  Table Take() { return std::move(table_); }

 private:
  Table table_;
};

}  // namespace

Table DatasetTable(const RepeatedPtrField<v1::Dataset>& datasets) {
  Table table;
  table.columns = {
      {"DATASET"}, {"TYPE"},   {"VERSION"}, {"DIGEST"}, {"RECORDS", false, true}, {"PATIENTS", false, true},
      {"LICENCE"}, {"WORKERS"}};
  for (const v1::Dataset& dataset : datasets) {
    for (const State& state : StatesOf(dataset)) {
      const v1::DatasetPack* pack = state.packs.empty() ? nullptr : state.packs.back();
      table.rows.push_back({dataset.name(), state.dataset->type(), state.dataset->version(),
                            DigestCell(*state.dataset), pack == nullptr ? "" : absl::StrCat(pack->records()),
                            pack == nullptr ? "" : absl::StrCat(pack->patients()), state.dataset->licence(),
                            absl::StrJoin(state.holders, " ")});
    }
  }
  return table;
}

Table DatasetDetails(const v1::Dataset& dataset) {
  Details details;
  const std::vector<State> states = StatesOf(dataset);
  details.Add("data set", dataset.name());
  if (states.size() > 1)
    details.Add("attention", absl::StrCat("the name stands for ", states.size(),
                                          " different states; jobs may name one: NAME#DIGEST"));
  for (const State& state : states) {
    details.Add("reference", StateOf(*state.dataset));
    details.Add("type", state.dataset->type());
    details.Add("version", state.dataset->version());
    details.Add("licence", state.dataset->licence());
    const std::string digest = SourceDigest(*state.dataset);
    details.Add("source digest", digest.empty() ? "known once a job has had it packed" : digest);
    details.Add("workers", absl::StrJoin(state.holders, " "));
    for (const v1::DatasetPack* pack : state.packs) details.AddPack(*pack);
  }
  return details.Take();
}

}  // namespace ecgtrain
