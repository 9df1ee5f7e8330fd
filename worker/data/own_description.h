// The YAML file that describes a lab's own recordings (docs/data-sets.md explains every key):
//
//   manifest: records.csv              # beside this file
//   signals: wfdb                      # or hdf5
//   columns: {path: path, patient: patient, id: id, fold: fold, row: row}
//   labels: [AF, LBBB]                 # columns of 1 and 0, or
//   labels: {column: diagnoses, separator: ";", classes: [AF, LBBB]}
//   hdf5: {tracings: tracings, ids: exam_id, rate: 500, gain: 0.001, leads: [I, II, ...], leads_first: false}
#ifndef ECGTRAIN_WORKER_DATA_OWN_DESCRIPTION_H_
#define ECGTRAIN_WORKER_DATA_OWN_DESCRIPTION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/signal_source.h"

namespace ecgtrain {

struct OwnDescription {
  std::string manifest = "records.csv";
  bool is_hdf5 = false;
  // Names of the manifest's columns. `patient` and `path` must be there; the others only where they are named
  // here.
  std::string path = "path";
  std::string patient = "patient";
  std::string row = "row";
  std::optional<std::string> id;
  std::optional<std::string> fold;
  // Labels: columns of flags, or one column that lists classes; neither: a set for pretraining.
  std::vector<std::string> label_columns;
  std::optional<std::string> label_list;
  std::string separator = ";";
  std::vector<std::string> classes;  // of the list; empty: all that occur
  Hdf5Options hdf5;
};

// `name` stands in error messages. DATA_LOSS naming key and expectation for what is no such description, an
// unknown key (with the nearest known one), a missing or doubled class. Thread-safe.
absl::StatusOr<OwnDescription> ParseOwnDescription(absl::string_view text, absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_OWN_DESCRIPTION_H_
