#include "worker/data/diagnosis_codes.h"

#include <algorithm>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/quoted.h"

namespace ecgtrain {
namespace {

// physionetchallenges/evaluation-2021, dx_mapping_scored.csv.
constexpr DiagnosisClass kChallenge[] = {{"164889003", "AF"},
                                         {"164890007", "AFL"},
                                         {"6374002", "BBB"},
                                         {"426627000", "Brady"},
                                         {"733534002", "LBBB"},
                                         {"164909002", "LBBB"},
                                         {"713427006", "RBBB"},
                                         {"59118001", "RBBB"},
                                         {"270492004", "IAVB"},
                                         {"713426002", "IRBBB"},
                                         {"39732003", "LAD"},
                                         {"445118002", "LAnFB"},
                                         {"251146004", "LQRSV"},
                                         {"698252002", "NSIVCB"},
                                         {"426783006", "NSR"},
                                         {"284470004", "PAC"},
                                         {"63593006", "PAC"},
                                         {"10370003", "PR"},
                                         {"365413008", "PRWP"},
                                         {"427172004", "PVC"},
                                         {"17338001", "PVC"},
                                         {"164947007", "LPR"},
                                         {"111975006", "LQT"},
                                         {"164917005", "QAb"},
                                         {"47665007", "RAD"},
                                         {"427393009", "SA"},
                                         {"426177001", "SB"},
                                         {"427084000", "STach"},
                                         {"164934002", "TAb"},
                                         {"59931005", "TInv"},
                                         // Abbreviations in place of codes.
                                         {"AF", "AF"},
                                         {"I-AVB", "IAVB"},
                                         {"LBBB", "LBBB"},
                                         {"RBBB", "RBBB"},
                                         {"PAC", "PAC"},
                                         {"PVC", "PVC"},
                                         {"Normal", "NSR"}};

constexpr DiagnosisClass kCpsc[] = {{"426783006", "Normal"},
                                    {"164889003", "AF"},
                                    {"270492004", "I-AVB"},
                                    {"164909002", "LBBB"},
                                    {"733534002", "LBBB"},
                                    {"59118001", "RBBB"},
                                    {"713427006", "RBBB"},
                                    {"284470004", "PAC"},
                                    {"63593006", "PAC"},
                                    {"164884008", "PVC"},
                                    {"427172004", "PVC"},
                                    {"17338001", "PVC"},
                                    {"429622005", "STD"},
                                    {"164931005", "STE"},
                                    // The organisers' names.
                                    {"Normal", "Normal"},
                                    {"AF", "AF"},
                                    {"I-AVB", "I-AVB"},
                                    {"LBBB", "LBBB"},
                                    {"RBBB", "RBBB"},
                                    {"PAC", "PAC"},
                                    {"PVC", "PVC"},
                                    {"STD", "STD"},
                                    {"STE", "STE"}};

bool IsName(absl::string_view code) {
  return std::any_of(std::begin(kCpsc), std::end(kCpsc),
                     [code](const DiagnosisClass& each) { return each.code == code; });
}

}  // namespace

absl::Span<const DiagnosisClass> ChallengeClasses() { return kChallenge; }
absl::Span<const DiagnosisClass> Cpsc2018Classes() { return kCpsc; }

std::vector<std::string> ClassNames(absl::Span<const DiagnosisClass> classes) {
  std::set<std::string> names;
  for (const DiagnosisClass& each : classes) names.emplace(each.name);
  return {names.begin(), names.end()};
}

absl::StatusOr<std::vector<std::string>> ReadDiagnoses(absl::Span<const std::string> comments,
                                                       absl::string_view where) {
  std::vector<std::string> codes;
  bool found = false;
  for (absl::string_view comment : comments) {
    comment = absl::StripAsciiWhitespace(comment);
    if (!absl::ConsumePrefix(&comment, "Dx:")) continue;
    found = true;
    for (const absl::string_view part : absl::StrSplit(comment, ',')) {
      const absl::string_view code = absl::StripAsciiWhitespace(part);
      const bool is_number = !code.empty() && std::all_of(code.begin(), code.end(), absl::ascii_isdigit);
      if (!is_number && !IsName(code)) {
        return absl::DataLossError(absl::StrCat(
            where, ", Dx: expected SNOMED CT codes or names of CPSC 2018, found ", Quoted(code)));
      }
      codes.emplace_back(code);
    }
  }
  if (found) return codes;
  return absl::DataLossError(absl::StrCat(where, ": expected a line \"#Dx: ...\", found none"));
}

std::vector<bool> LabelsOf(absl::Span<const std::string> codes, absl::Span<const DiagnosisClass> classes,
                           absl::Span<const std::string> names) {
  std::vector<bool> labels(names.size());
  for (const std::string& code : codes) {
    for (const DiagnosisClass& each : classes) {
      if (each.code == code) labels[std::find(names.begin(), names.end(), each.name) - names.begin()] = true;
    }
  }
  return labels;
}

}  // namespace ecgtrain
