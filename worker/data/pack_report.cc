#include "worker/data/pack_report.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "worker/data/quality.h"

namespace ecgtrain {

PackReport DescribePack(const Pack& pack) {
  const std::vector<PackTask>& tasks = pack.info().tasks;
  PackReport report;
  for (const PackTask& task : tasks) report.tasks.push_back({0, std::vector<uint64_t>(task.classes.size())});
  absl::flat_hash_set<std::string> patients;
  for (size_t i = 0; i < pack.size(); ++i) {
    const PackRecord record = pack.record(i);
    ++report.records_by_fold[record.fold - 1];
    patients.insert(record.patient);
    report.shortest = i == 0 ? record.length : std::min(report.shortest, record.length);
    report.longest = std::max(report.longest, record.length);
    for (size_t task = 0; task < tasks.size(); ++task) {
      const std::vector<bool> labels = pack.labels(i, task);
      report.tasks[task].labelled_records += !labels.empty();
      for (size_t k = 0; k < labels.size(); ++k) report.tasks[task].positives[k] += labels[k];
    }
  }
  report.patients = patients.size();
  return report;
}

nlohmann::json PackReportJson(const Pack& pack, const PackReport& report) {
  const PackInfo& info = pack.info();
  nlohmann::json json = {{"dataset", info.dataset},
                         {"digest", info.digest},
                         {"source_digest", info.source_digest},
                         {"rate", info.rate},
                         {"highpass", info.highpass},
                         {"tool", info.tool},
                         {"preparation_version", info.preparation_version},
                         {"derive_leads", info.derive_leads},
                         {"quarantine", NamesOf(info.quarantine)},
                         {"flagged", info.flagged},
                         {"amplitude", info.amplitude},
                         {"records", pack.size()},
                         {"patients", report.patients},
                         {"shortest_samples", report.shortest},
                         {"longest_samples", report.longest},
                         {"clipped_samples", info.clipped_samples},
                         {"skipped", info.skipped},
                         {"notes", info.notes},
                         {"records_by_fold", report.records_by_fold},
                         {"tasks", nlohmann::json::array()}};
  for (size_t task = 0; task < info.tasks.size(); ++task) {
    nlohmann::json positives = nlohmann::json::object();
    for (size_t k = 0; k < info.tasks[task].classes.size(); ++k) {
      positives[info.tasks[task].classes[k]] = report.tasks[task].positives[k];
    }
    json["tasks"].push_back({{"name", info.tasks[task].name},
                             {"classes", info.tasks[task].classes.size()},
                             {"labelled_records", report.tasks[task].labelled_records},
                             {"positives", positives}});
  }
  return json;
}

std::string PackReportText(const Pack& pack, const PackReport& report) {
  const PackInfo& info = pack.info();
  std::string text = absl::StrFormat(
      "data set       %s\ndigest         %s\nsource digest  %s\nrate           %d samples a second, "
      "high-pass %s\n"
      "records        %d of %d patients, %.1f to %.1f s\n"
      "amplitude      %.2f mV peak to peak in the largest lead (median)\n"
      "clipped        %d samples\nquarantine     %s\nwritten by     %s, preparation %d\n",
      info.dataset, info.digest, info.source_digest, info.rate, info.highpass ? "0.8 Hz" : "off", pack.size(),
      report.patients, static_cast<double>(report.shortest) / info.rate,
      static_cast<double>(report.longest) / info.rate, info.amplitude, info.clipped_samples,
      info.quarantine == 0 ? "none" : absl::StrJoin(NamesOf(info.quarantine), ", "), info.tool,
      info.preparation_version);
  for (const auto& [reason, count] : info.skipped)
    absl::StrAppendFormat(&text, "left out       %d records: %s\n", count, reason);
  for (const auto& [flaw, count] : info.flagged)
    absl::StrAppendFormat(&text, "flagged        %d records: %s\n", count, flaw);
  for (const std::string& note : info.notes) absl::StrAppend(&text, "note           ", note, "\n");
  absl::StrAppend(&text, "folds         ");
  for (size_t fold = 0; fold < report.records_by_fold.size(); ++fold) {
    absl::StrAppendFormat(&text, " %d:%d", fold + 1, report.records_by_fold[fold]);
  }
  absl::StrAppend(&text, "\n");
  for (size_t task = 0; task < info.tasks.size(); ++task) {
    absl::StrAppendFormat(&text, "\n%s: %d classes, %d labelled records\n", info.tasks[task].name,
                          info.tasks[task].classes.size(), report.tasks[task].labelled_records);
    for (size_t k = 0; k < info.tasks[task].classes.size(); ++k) {
      absl::StrAppendFormat(&text, "  %-10s %7d\n", info.tasks[task].classes[k],
                            report.tasks[task].positives[k]);
    }
  }
  return text;
}

}  // namespace ecgtrain
