// Readers that follow names from file to file: WFDB records and whole data sets.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/status_macros.h"
#include "tests/fuzz/fuzz_targets.h"
#include "worker/data/data_set.h"
#include "worker/data/leads.h"
#include "worker/data/preparation.h"
#include "worker/data/wfdb_signal.h"

namespace ecgtrain {
namespace {

// So that an input's records are read in milliseconds.
constexpr size_t kMaxRecords = 4;
constexpr size_t kMaxPrepared = 1 << 16;

struct Layout {
  const char* type;  // of the data set
  std::vector<std::string> files;
};

// Numbered from 0 in inputs.
const std::vector<Layout>& Layouts() {
  static const auto* const layouts = new std::vector<Layout>{
      {"own", {"ecgtrain.yaml", "list.csv", "r.hea", "s1.hea", "r.dat"}},
      {"own", {"ecgtrain.yaml", "list.csv", "r.h5"}},
      {"ptbxl",
       {"scp_statements.csv", "ptbxl_database.csv", "records100/00001_lr.hea", "records100/00001_lr.dat"}},
      {"cpsc2018", {"REFERENCE.csv", "A0001.mat"}},
      {"challenge", {"ptbxl_database.csv", "HR00001.hea", "HR00001.mat"}},
      {"mimic-iv-ecg", {"record_list.csv", "r.hea", "r.dat"}},
      {"code15", {"exams.csv", "exams_part0.hdf5"}},
      {"code-test", {"annotations/gold_standard.csv", "ecg_tracings.hdf5"}},
      {"sami-trop", {"exams.csv", "exams.hdf5"}},
      {"cpsc2018", {"A0001.hea", "A0001.mat"}}};
  return *layouts;
}

// A folder in memory, of this process alone; gone with it.
const std::filesystem::path& ScratchFolder() {
  struct Scratch {
    std::filesystem::path path = absl::StrCat("/dev/shm/ecgtrain-fuzz-", getpid());
    ~Scratch() {
      std::error_code error;
      std::filesystem::remove_all(path, error);
    }
  };
  static const Scratch scratch;
  return scratch.path;
}

void Write(const std::filesystem::path& path, absl::string_view bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  Require(file.good(), "a file to read from");
}

// The input's files into `folder`; those that it lacks are not there.
void WriteAll(const std::filesystem::path& folder, absl::Span<const std::string> names,
              absl::string_view bytes) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(bytes, absl::MaxSplits(kFileMark, static_cast<int>(names.size()) - 1));
  for (size_t i = 0; i < names.size(); ++i) {
    if (i < parts.size()) {
      Write(folder / names[i], parts[i]);
    } else {
      std::filesystem::remove(folder / names[i]);
    }
  }
}

}  // namespace

absl::Status FuzzWfdbRecord(absl::string_view bytes) {
  static const std::filesystem::path path = ScratchFolder() / "wfdb";
  std::vector<absl::string_view> parts = absl::StrSplit(bytes, absl::MaxSplits(kFileMark, 2));
  parts.resize(3);
  Write(path / "r.hea", parts[0]);
  Write(path / "s1.hea", parts[1]);
  for (const char* name : {"r.dat", "r.mat", "a.dat", "b.dat"}) Write(path / name, parts[2]);
  static const SourceFolder folder = SourceFolder::Open(path).value();
  ASSIGN_OR_RETURN(const WfdbRecord record, ReadWfdbRecord(folder, "r"));
  Require(record.length > 0 && record.rate > 0, "samples and a rate");
  Require(record.millivolts.size() == record.length * record.names.size(),
          "a value for each signal and sample");
  return absl::OkStatus();
}

absl::Status FuzzDataSet(absl::string_view bytes) {
  const size_t number = bytes.empty() ? Layouts().size() : static_cast<uint8_t>(bytes.front() - '0');
  if (number >= Layouts().size()) return absl::NotFoundError("no such layout");
  const Layout& layout = Layouts()[number];
  const std::filesystem::path path = ScratchFolder() / absl::StrCat(number);
  WriteAll(path, layout.files, bytes.substr(1));
  ASSIGN_OR_RETURN(const std::unique_ptr<DataSet> set,
                   OpenDataSet({.type = layout.type, .path = path, .rate = 100}));
  RETURN_IF_ERROR(set->SourceDigest().status());
  Preparer preparer({.rate = 100});
  PreparedRecording prepared;
  for (size_t i = 0; i < std::min(set->size(), kMaxRecords); ++i) {
    ASSIGN_OR_RETURN(Recording recording, set->Read(i));
    Require(recording.fold >= 1 && recording.fold <= 10, "a fold from 1 to 10");
    Require(recording.rate > 0 && recording.millivolts.size() % kLeads == 0, "a rate and whole frames");
    if (recording.millivolts.size() > kMaxPrepared) continue;
    RETURN_IF_ERROR(preparer.Prepare(recording, prepared));
    Require(
        !prepared.skip_reason.empty() || (!prepared.samples.empty() && prepared.samples.size() % kLeads == 0),
        "prepared frames, or a reason why there are none");
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
