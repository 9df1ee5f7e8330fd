// Diagnoses as the PhysioNet Challenges of 2020 and 2021 write them into headers: "#Dx: 426783006,164889003".
#ifndef ECGTRAIN_WORKER_DATA_DIAGNOSIS_CODES_H_
#define ECGTRAIN_WORKER_DATA_DIAGNOSIS_CODES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace ecgtrain {

// A SNOMED CT code, or an abbreviation that stands in its place, and the class it belongs to.
struct DiagnosisClass {
  absl::string_view code;
  absl::string_view name;
};

// The 26 classes that the Challenge of 2021 scored, from 30 codes: it counts complete and plain bundle branch
// blocks as one, and so premature atrial and supraventricular, premature ventricular contractions and beats.
absl::Span<const DiagnosisClass> ChallengeClasses();

// The nine classes of CPSC 2018, from the codes that the Challenge gave them and from the organisers' names.
absl::Span<const DiagnosisClass> Cpsc2018Classes();

// Sorted, each once.
std::vector<std::string> ClassNames(absl::Span<const DiagnosisClass> classes);

// Codes of all lines "Dx: A,B" among a header's comments. DATA_LOSS, beginning with `where`, when there is no
// such line or a code is neither a number nor a name of ours. Codes stay texts: some have 14 digits.
absl::StatusOr<std::vector<std::string>> ReadDiagnoses(absl::Span<const std::string> comments,
                                                       absl::string_view where);

// Whether the codes contain each of `names`, which are ClassNames(classes).
std::vector<bool> LabelsOf(absl::Span<const std::string> codes, absl::Span<const DiagnosisClass> classes,
                           absl::Span<const std::string> names);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_DIAGNOSIS_CODES_H_
