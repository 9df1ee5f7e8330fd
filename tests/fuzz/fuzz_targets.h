// One function a parser: takes any bytes and must come back, with OK or with what is wrong with them.
// libFuzzer drives them (./dev fuzz), and corpus_test.cc with the inputs in corpus/.
#ifndef ECGTRAIN_TESTS_FUZZ_FUZZ_TARGETS_H_
#define ECGTRAIN_TESTS_FUZZ_FUZZ_TARGETS_H_

#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

absl::Status FuzzCsv(absl::string_view bytes);
absl::Status FuzzDiagnoses(absl::string_view bytes);
absl::Status FuzzHdf5(absl::string_view bytes);
absl::Status FuzzMat4(absl::string_view bytes);
absl::Status FuzzMat5(absl::string_view bytes);
absl::Status FuzzOwnDescription(absl::string_view bytes);
absl::Status FuzzPack(absl::string_view bytes);
// The lines of a journal after the first, without their checksums.
absl::Status FuzzPackJournal(absl::string_view bytes);
absl::Status FuzzPtbxlLabels(absl::string_view bytes);
absl::Status FuzzPythonDict(absl::string_view bytes);
absl::Status FuzzWfdbHeader(absl::string_view bytes);

// A header, the header of the segment "s1", and what lies in every signal file, joined by kFileMark.
absl::Status FuzzWfdbRecord(absl::string_view bytes);

// The number of a layout in folder_targets.cc as a digit, then its files in order, joined by kFileMark.
absl::Status FuzzDataSet(absl::string_view bytes);

// Ends each file but the last of an input that holds several.
inline constexpr absl::string_view kFileMark = "%%\n";

struct FuzzTarget {
  const char* name;  // of its folder in corpus/
  absl::Status (*run)(absl::string_view bytes);
};

inline constexpr std::array<FuzzTarget, 13> kFuzzTargets = {{{"csv", FuzzCsv},
                                                             {"data_set", FuzzDataSet},
                                                             {"diagnoses", FuzzDiagnoses},
                                                             {"hdf5", FuzzHdf5},
                                                             {"mat4", FuzzMat4},
                                                             {"mat5", FuzzMat5},
                                                             {"own_description", FuzzOwnDescription},
                                                             {"pack", FuzzPack},
                                                             {"pack_journal", FuzzPackJournal},
                                                             {"ptbxl_labels", FuzzPtbxlLabels},
                                                             {"python_dict", FuzzPythonDict},
                                                             {"wfdb_header", FuzzWfdbHeader},
                                                             {"wfdb_record", FuzzWfdbRecord}}};

// Ends the process unless `holds`: what a target must find whatever the input.
void Require(bool holds, const char* what);

// What the target says of `bytes`. Ends the process when that is neither OK nor that the data are bad, or
// longer than a person would read.
absl::Status RunTarget(const FuzzTarget& target, absl::string_view bytes);

// A file without a name that holds `bytes`; path below /proc. Replaced by the next call.
std::string MemoryFile(absl::string_view bytes);

}  // namespace ecgtrain

#endif  // ECGTRAIN_TESTS_FUZZ_FUZZ_TARGETS_H_
