#include "tests/support/mini_ptbxl.h"

#include <array>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/durable_file.h"
#include "common/status_macros.h"
#include "worker/data/random.h"
#include "worker/data/synthetic_ecg.h"

namespace ecgtrain::testing {
namespace {

// As in the real table: unnamed first column, flags "1.0" or nothing.
constexpr char kStatements[] =
    ",description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass,Statement Category\n"
    "NORM,normal ECG,1.0,,,NORM,NORM,Normal/abnormal\n"
    "CLBBB,complete left bundle branch block,1.0,,,CD,CLBBB,Basic roots\n"
    "CRBBB,complete right bundle branch block,1.0,,,CD,CRBBB,Basic roots\n"
    "LVH,left ventricular hypertrophy,1.0,,,HYP,LVH,Basic roots\n"
    "NDT,non-diagnostic T abnormalities,1.0,1.0,,STTC,STTC,\"other ST-T, descriptive\"\n"
    "DIG,digitalis-effect,1.0,,,STTC,STTC,other\n"
    "PVC,ventricular premature complex,,1.0,,,,Statements\n"
    "LVOLT,low QRS voltages,,1.0,,,,Statements\n"
    "SR,sinus rhythm,,,1.0,,,Statements\n"
    "AFIB,atrial fibrillation,,,1.0,,,Statements\n";

constexpr std::array<const char*, 12> kHeaderLeads = {"I",  "II", "III", "AVR", "AVL", "AVF",
                                                      "V1", "V2", "V3",  "V4",  "V5",  "V6"};

struct Record {
  SyntheticTraits traits;
  std::string codes;  // Python dict literal
};

Record MakeRecord(int k) {
  Record record;
  const bool fibrillates = k % 4 == 3;
  record.traits.rhythm = fibrillates ? SyntheticRhythm::kFibrillation : SyntheticRhythm::kSinus;
  const char* rhythm = fibrillates ? "'AFIB': 0.0" : "'SR': 0.0";
  std::string diagnosis = "'NORM': 100.0, ";
  switch (k % 6) {
    case 1:
      record.traits.conduction = SyntheticConduction::kLeftBundleBlock;
      diagnosis = "'CLBBB': 100.0, ";
      break;
    case 2:
      record.traits.conduction = SyntheticConduction::kRightBundleBlock;
      diagnosis = "'CRBBB': 0.0, ";
      break;
    case 3:
      record.traits.amplitude = SyntheticAmplitude::kHypertrophy;
      diagnosis = "'LVH': 50.0, 'NDT': 35.0, ";
      break;
    case 4:
      record.traits.amplitude = SyntheticAmplitude::kLowVoltage;
      diagnosis = "'LVOLT': 0.0, ";
      break;
    case 5:
      record.traits.ventricular_ectopics = 2;
      diagnosis = "'PVC': 0.0, ";
      break;
    default:
      break;
  }
  record.codes = absl::StrCat("{", diagnosis, rhythm, "}");
  return record;
}

// Not durable on purpose: hundreds of synced files would be most of a test's time.
absl::Status WriteQuickly(const std::filesystem::path& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary);
  out << content;
  out.close();
  return out ? absl::OkStatus() : absl::InternalError(absl::StrCat("cannot write ", path.string()));
}

absl::Status WriteRecord(const std::filesystem::path& base, const Record& record, uint32_t rate,
                         Random random) {
  const std::vector<double> frames = MakeSyntheticEcg(record.traits, 10, rate, random);
  std::string bytes;
  std::array<uint16_t, 12> sums = {};
  std::array<int16_t, 12> first = {};
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto sample = static_cast<int16_t>(std::lround(frames[i] * 1000));
    if (i < first.size()) first[i] = sample;
    sums[i % sums.size()] += static_cast<uint16_t>(sample);
    bytes += static_cast<char>(sample & 0xff);
    bytes += static_cast<char>(sample >> 8 & 0xff);
  }
  const std::string name = base.filename().string();
  std::string header = absl::StrFormat("%s 12 %d %d\n", name, rate, frames.size() / 12);
  for (size_t lead = 0; lead < kHeaderLeads.size(); ++lead) {
    absl::StrAppendFormat(&header, "%s.dat 16 1000.0(0)/mV 16 0 %d %d 0 %s\n", name, first[lead], sums[lead],
                          kHeaderLeads[lead]);
  }
  RETURN_IF_ERROR(WriteQuickly(base.string() + ".dat", bytes));
  return WriteQuickly(base.string() + ".hea", header);
}

}  // namespace

absl::Status WriteMiniPtbxl(const std::filesystem::path& folder, const MiniPtbxlOptions& options) {
  RETURN_IF_ERROR(MakeDirectories(folder / "records100" / "00000"));
  if (options.records500) RETURN_IF_ERROR(MakeDirectories(folder / "records500" / "00000"));
  std::string table = "ecg_id,patient_id,report,scp_codes,strat_fold,filename_lr,filename_hr\r\n";
  for (int k = 0; k < options.records; ++k) {
    const Record record = MakeRecord(k);
    const std::string low = absl::StrFormat("records100/00000/%05d_lr", k + 1);
    const std::string high = absl::StrFormat("records500/00000/%05d_hr", k + 1);
    absl::StrAppendFormat(&table,
                          "%d,%d.0,\"sinus rhythm, \"\"normal\"\" \xc3\xa4\nline\",\"%s\",%d,%s,%s\r\n",
                          k + 1, 1000 + k / 2, record.codes, k / 2 % 10 + 1, low, high);
    RETURN_IF_ERROR(WriteRecord(folder / low, record, 100, Random(options.seed, 100, k)));
    if (options.records500)
      RETURN_IF_ERROR(WriteRecord(folder / high, record, 500, Random(options.seed, 500, k)));
  }
  RETURN_IF_ERROR(WriteQuickly(folder / "ptbxl_database.csv", table));
  return WriteQuickly(folder / "scp_statements.csv", kStatements);
}

}  // namespace ecgtrain::testing
