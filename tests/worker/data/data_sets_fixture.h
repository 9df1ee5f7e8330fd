// Opening and reading of data sets that a test lays out in a folder of its own.
#ifndef ECGTRAIN_TESTS_WORKER_DATA_DATA_SETS_FIXTURE_H_
#define ECGTRAIN_TESTS_WORKER_DATA_DATA_SETS_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/data_set.h"

namespace ecgtrain {

class DataSetsFixture : public ::testing::Test {
 protected:
  static constexpr char kOurOrder[] = "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6";

  static absl::Status ErrorOf(const DataSetOptions& options) { return OpenDataSet(options).status(); }

  // Names of the classes a record has; "?" when it carries no label.
  static std::string Labels(const DataSet& set, const Recording& recording) {
    if (recording.labels.empty() || recording.labels[0].empty()) return "?";
    std::string names;
    for (size_t k = 0; k < recording.labels[0].size(); ++k) {
      if (recording.labels[0][k])
        absl::StrAppend(&names, names.empty() ? "" : ",", set.info().tasks[0].classes[k]);
    }
    return names;
  }

  std::unique_ptr<DataSet> Open(DataSetOptions options) {
    if (options.path.empty()) options.path = folder_.path();
    auto set = OpenDataSet(options);
    EXPECT_TRUE(set.ok()) << set.status();
    return set.ok() ? *std::move(set) : nullptr;
  }

  // Every record by id.
  static std::map<std::string, Recording> ReadAll(const DataSet& set) {
    std::map<std::string, Recording> recordings;
    for (size_t i = 0; i < set.size(); ++i) {
      auto recording = set.Read(i);
      EXPECT_TRUE(recording.ok()) << recording.status();
      if (recording.ok()) recordings[recording->id] = *std::move(recording);
    }
    return recordings;
  }

  // Two frames of twelve leads in the Challenge's form or in format 16: lead k holds k and k + 100.
  void WriteRecord(const std::string& name, const std::string& comments, bool mat = true,
                   const std::string& leads = kOurOrder) {
    const std::string base = name.substr(name.rfind('/') + 1), file = base + (mat ? ".mat" : ".dat");
    const std::vector<std::string> names = absl::StrSplit(leads, ' ');
    std::string header = absl::StrCat(base, " 12 500 2\n");
    std::string bytes = mat ? std::string("\x1e\0\0\0\x0c\0\0\0\2\0\0\0\0\0\0\0\4\0\0\0val\0", 24) : "";
    for (size_t lead = 0; lead < 12; ++lead) {
      absl::StrAppend(&header, file, mat ? " 16+24 1/mV 16 0 " : " 16 1/mV 16 0 ", lead, " ", 2 * lead + 100,
                      " 0 ", names[lead], "\n");
    }
    for (size_t value = 0; value < 24; ++value) {
      bytes += static_cast<char>(value % 12 + (value < 12 ? 0 : 100));
      bytes += '\0';
    }
    folder_.Write(name + ".hea", header + comments);
    folder_.Write(name.substr(0, name.size() - base.size()) + file, bytes);
  }

  TestFolder folder_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_WORKER_DATA_DATA_SETS_FIXTURE_H_
