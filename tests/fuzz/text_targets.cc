// Parsers of text.
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "tests/fuzz/fuzz_targets.h"
#include "worker/data/csv.h"
#include "worker/data/diagnosis_codes.h"
#include "worker/data/own_description.h"
#include "worker/data/pack_journal.h"
#include "worker/data/ptbxl_labels.h"
#include "worker/data/python_dict.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {

absl::Status FuzzCsv(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(bytes, "fuzz.csv"));
  size_t size = 0;
  const absl::StatusOr<size_t> column = table.Column("path");
  for (size_t row = 0; column.ok() && row < table.rows(); ++row) size += table.cell(row, *column).size();
  Require(size <= bytes.size(), "cells hold no more than the text");
  return absl::OkStatus();
}

absl::Status FuzzDiagnoses(absl::string_view bytes) {
  const std::vector<std::string> comments = absl::StrSplit(bytes, '\n');
  ASSIGN_OR_RETURN(const std::vector<std::string> codes, ReadDiagnoses(comments, "fuzz.hea"));
  const std::vector<std::string> names = ClassNames(ChallengeClasses());
  Require(LabelsOf(codes, ChallengeClasses(), names).size() == names.size(), "a label for each class");
  return absl::OkStatus();
}

absl::Status FuzzOwnDescription(absl::string_view bytes) {
  return ParseOwnDescription(bytes, "fuzz.yaml").status();
}

absl::Status FuzzPackJournal(absl::string_view bytes) {
  std::string journal;
  size_t lines = 0;
  const auto add = [&journal, &lines](absl::string_view line) {
    absl::StrAppend(&journal, absl::Hex(Crc32c(line), absl::kZeroPad8), " ", line, "\n");
    ++lines;
  };
  add("ecgtrain pack journal 1\tfuzz");
  for (const absl::string_view line : absl::StrSplit(bytes, '\n')) add(line);
  ASSIGN_OR_RETURN(PackJournalReader reader, PackJournalReader::Open(MemoryFile(journal), "fuzz"));
  Require(reader.good() > 0, "the first line");
  for (size_t entries = 1;; ++entries) {
    ASSIGN_OR_RETURN(const std::optional<JournalEntry> entry, reader.Next());
    if (!entry.has_value()) return absl::OkStatus();
    Require(entries < lines && reader.good() <= journal.size(), "no more entries than lines");
    Require(std::isfinite(entry->amplitude), "an amplitude");
  }
}

absl::Status FuzzPtbxlLabels(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(bytes, "fuzz.csv"));
  ASSIGN_OR_RETURN(const PtbxlLabels labels, PtbxlLabels::Make(table));
  ASSIGN_OR_RETURN(const std::vector<std::vector<bool>> found, labels.Read("{'NORM': 100.0, 'SR': 0.0}"));
  Require(found.size() == labels.tasks().size(), "labels of each task");
  return absl::OkStatus();
}

absl::Status FuzzPythonDict(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const auto entries, ParsePythonDict(bytes));
  for (const auto& [key, value] : entries) Require(std::isfinite(value), "finite values");
  return absl::OkStatus();
}

absl::Status FuzzWfdbHeader(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const WfdbHeader header, ParseWfdbHeader(bytes, "fuzz.hea"));
  Require(header.signals.empty() != header.segments.empty(), "either signals or segments");
  for (const WfdbSignal& signal : header.signals) {
    Require(signal.gain != 0 && std::isfinite(signal.gain), "a gain to divide by");
    Require(signal.file.find('/') == std::string::npos && signal.file != "..", "a name in the folder");
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
