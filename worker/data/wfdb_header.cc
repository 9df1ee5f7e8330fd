#include "worker/data/wfdb_header.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr int kMaxSignals = 256;
constexpr uint64_t kMaxSamples = uint64_t{1} << 31;

// One line of a header: hands out its fields from left to right and knows where it stands.
class Line {
 public:
  Line(absl::string_view text, absl::string_view file, int number)
      : rest_(text), file_(file), number_(number) {
    rest_ = absl::StripAsciiWhitespace(rest_);
  }

  bool empty() const { return rest_.empty(); }

  // The next field; empty at the end of the line.
  absl::string_view Next() {
    const size_t end = std::min(rest_.find_first_of(" \t"), rest_.size());
    const absl::string_view field = rest_.substr(0, end);
    rest_ = absl::StripLeadingAsciiWhitespace(rest_.substr(end));
    return field;
  }

  // Everything that is left, blanks included.
  absl::string_view Rest() { return std::exchange(rest_, absl::string_view()); }

  absl::Status Bad(absl::string_view field, absl::string_view found, absl::string_view expected) const {
    return absl::DataLossError(absl::StrCat(file_, " line ", number_, ", ", field, ": expected ", expected,
                                            ", found \"", found, "\""));
  }

  template <typename T>
  absl::Status ReadInteger(absl::string_view field, absl::string_view text, int64_t low, int64_t high,
                           T* value) const {
    int64_t number;
    if (!absl::SimpleAtoi(text, &number) || number < low || number > high) {
      return Bad(field, text, absl::StrCat("an integer from ", low, " to ", high));
    }
    *value = static_cast<T>(number);
    return absl::OkStatus();
  }

  absl::Status ReadNumber(absl::string_view field, absl::string_view text, double* value) const {
    if (!absl::SimpleAtod(text, value) || !std::isfinite(*value)) return Bad(field, text, "a finite number");
    return absl::OkStatus();
  }

 private:
  absl::string_view rest_;
  absl::string_view file_;
  int number_;
};

// Splits "text<mark>tail" at the first mark; tail is empty without one.
absl::string_view CutAt(absl::string_view* text, char mark) {
  const size_t at = text->find(mark);
  if (at == absl::string_view::npos) return {};
  const absl::string_view tail = text->substr(at + 1);
  *text = text->substr(0, at);
  return tail;
}

constexpr int64_t kInt32Low = std::numeric_limits<int32_t>::min();
constexpr int64_t kInt32High = std::numeric_limits<int32_t>::max();

absl::StatusOr<int> ParseRecordLine(Line line, absl::string_view name, WfdbHeader* header) {
  absl::string_view record = line.Next();
  const bool has_segments = record.find('/') != absl::string_view::npos;
  const absl::string_view segments = CutAt(&record, '/');
  if (has_segments && segments != "1") {
    return absl::UnimplementedError(
        absl::StrCat(name, " describes a record of several segments; only plain records are read"));
  }
  header->record = std::string(record);
  int signals = 0;
  RETURN_IF_ERROR(line.ReadInteger("number of signals", line.Next(), 1, kMaxSignals, &signals));
  if (!line.empty()) {
    absl::string_view rate = line.Next();
    CutAt(&rate, '/');  // the counter frequency and its base say how to print times
    RETURN_IF_ERROR(line.ReadNumber("sampling rate", rate, &header->rate));
    if (header->rate <= 0 || header->rate > 1e6)
      return line.Bad("sampling rate", rate, "a number over 0, up to 1e6");
  }
  if (!line.empty()) {
    uint64_t samples = 0;
    RETURN_IF_ERROR(line.ReadInteger("number of samples", line.Next(), 0, kMaxSamples, &samples));
    if (samples > 0) header->samples = samples;  // 0 means not stated
  }
  header->time = std::string(line.Next());
  header->date = std::string(line.Next());
  return signals;
}

absl::Status ParseFormat(const Line& line, absl::string_view format, WfdbSignal* signal) {
  const absl::string_view offset = CutAt(&format, '+');
  const absl::string_view skew = CutAt(&format, ':');
  const absl::string_view per_frame = CutAt(&format, 'x');
  RETURN_IF_ERROR(line.ReadInteger("format", format, 0, 10000, &signal->format));
  if (!per_frame.empty()) {
    RETURN_IF_ERROR(line.ReadInteger("samples per frame", per_frame, 1, 10000, &signal->samples_per_frame));
  }
  if (!skew.empty()) RETURN_IF_ERROR(line.ReadInteger("skew", skew, 0, 1'000'000, &signal->skew));
  if (!offset.empty())
    RETURN_IF_ERROR(line.ReadInteger("byte offset", offset, 0, kInt32High, &signal->byte_offset));
  return absl::OkStatus();
}

// Returns whether the field states a baseline; without one it is the ADC zero, which comes later in the line.
absl::StatusOr<bool> ParseGain(const Line& line, absl::string_view gain, WfdbSignal* signal) {
  const absl::string_view units = CutAt(&gain, '/');
  if (!units.empty()) signal->units = std::string(units);
  bool has_baseline = false;
  if (gain.find('(') != absl::string_view::npos) {
    absl::string_view baseline = CutAt(&gain, '(');
    if (!absl::ConsumeSuffix(&baseline, ")")) return line.Bad("baseline", baseline, "a closing parenthesis");
    RETURN_IF_ERROR(line.ReadInteger("baseline", baseline, kInt32Low, kInt32High, &signal->baseline));
    has_baseline = true;
  }
  RETURN_IF_ERROR(line.ReadNumber("gain", gain, &signal->gain));
  if (signal->gain == 0) signal->gain = 200;  // "uncalibrated" in the format's words; 200 is its default
  return has_baseline;
}

absl::StatusOr<WfdbSignal> ParseSignalLine(Line line) {
  WfdbSignal signal;
  signal.file = std::string(line.Next());
  if (signal.file.find('/') != std::string::npos || signal.file == "." || signal.file == "..") {
    return line.Bad("file name", signal.file, "a file in the same folder");
  }
  RETURN_IF_ERROR(ParseFormat(line, line.Next(), &signal));
  bool has_baseline = false;
  if (!line.empty()) {
    ASSIGN_OR_RETURN(has_baseline, ParseGain(line, line.Next(), &signal));
  }
  if (!line.empty())
    RETURN_IF_ERROR(line.ReadInteger("ADC resolution", line.Next(), 0, 64, &signal.adc_resolution));
  if (!line.empty())
    RETURN_IF_ERROR(line.ReadInteger("ADC zero", line.Next(), kInt32Low, kInt32High, &signal.adc_zero));
  if (!has_baseline) signal.baseline = signal.adc_zero;
  if (!line.empty()) {
    RETURN_IF_ERROR(line.ReadInteger("initial value", line.Next(), kInt32Low, kInt32High,
                                     &signal.initial_value.emplace()));
  }
  if (!line.empty()) {  // written signed or unsigned; equal mod 65536
    int64_t checksum = 0;
    RETURN_IF_ERROR(line.ReadInteger("checksum", line.Next(), -65536, 65535, &checksum));
    signal.checksum = static_cast<uint16_t>(checksum & 0xffff);
  }
  if (!line.empty())
    RETURN_IF_ERROR(line.ReadInteger("block size", line.Next(), 0, kInt32High, &signal.block_size));
  signal.description = std::string(line.Rest());
  return signal;
}

}  // namespace

absl::StatusOr<WfdbHeader> ParseWfdbHeader(absl::string_view text, absl::string_view name) {
  WfdbHeader header;
  int expected_signals = -1;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (absl::ConsumePrefix(&line, "#")) {
      header.comments.emplace_back(absl::StripTrailingAsciiWhitespace(line));
      continue;
    }
    if (expected_signals < 0) {
      ASSIGN_OR_RETURN(expected_signals, ParseRecordLine(Line(line, name, number), name, &header));
    } else if (header.signals.size() == static_cast<size_t>(expected_signals)) {
      return absl::DataLossError(absl::StrCat(name, " line ", number, ": a signal more than the ",
                                              expected_signals, " of the record line"));
    } else {
      ASSIGN_OR_RETURN(WfdbSignal signal, ParseSignalLine(Line(line, name, number)));
      header.signals.push_back(std::move(signal));
    }
  }
  if (expected_signals < 0) return absl::DataLossError(absl::StrCat(name, " has no record line"));
  if (header.signals.size() != static_cast<size_t>(expected_signals)) {
    return absl::DataLossError(
        absl::StrCat(name, " ends after ", header.signals.size(), " of ", expected_signals, " signal lines"));
  }
  return header;
}

}  // namespace ecgtrain
