#include "worker/data/wfdb_header.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr int kMaxSignals = 256;
constexpr int64_t kMaxFrames = int64_t{1} << 31;
constexpr int kMaxSegments = 100'000;

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
                                            ", found ", Quoted(found)));
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

absl::Status CheckName(const Line& line, absl::string_view field, absl::string_view name) {
  if (!name.empty() && name.find('/') == absl::string_view::npos && name != "." && name != "..")
    return absl::OkStatus();
  return line.Bad(field, name, "a file in the same folder");
}

// What the record line announces: signal lines, or segment lines where there are segments.
struct Announced {
  size_t signals = 0;
  size_t segments = 0;
};

std::string Describe(const Announced& announced) {
  return announced.segments > 0 ? absl::StrCat(announced.segments, " segment lines")
                                : absl::StrCat(announced.signals, " signal lines");
}

absl::StatusOr<Announced> ParseRecordLine(Line line, WfdbHeader* header) {
  Announced announced;
  absl::string_view record = line.Next();
  const bool has_segments = record.find('/') != absl::string_view::npos;
  const absl::string_view segments = CutAt(&record, '/');
  if (has_segments)
    RETURN_IF_ERROR(line.ReadInteger("number of segments", segments, 1, kMaxSegments, &announced.segments));
  header->record = std::string(record);
  RETURN_IF_ERROR(line.ReadInteger("number of signals", line.Next(), 1, kMaxSignals, &announced.signals));
  if (!line.empty()) {
    absl::string_view rate = line.Next();
    CutAt(&rate, '/');  // the counter frequency and its base say how to print times
    RETURN_IF_ERROR(line.ReadNumber("sampling rate", rate, &header->rate));
    if (header->rate <= 0 || header->rate > 1e6)
      return line.Bad("sampling rate", rate, "a number over 0, up to 1e6");
  }
  if (!line.empty()) {
    uint64_t frames = 0;
    RETURN_IF_ERROR(line.ReadInteger("number of samples", line.Next(), 0, kMaxFrames, &frames));
    if (frames > 0) header->frames = frames;  // 0 means not stated
  }
  header->time = std::string(line.Next());
  header->date = std::string(line.Next());
  return announced;
}

absl::StatusOr<WfdbSegment> ParseSegmentLine(Line line) {
  WfdbSegment segment;
  segment.record = std::string(line.Next());
  RETURN_IF_ERROR(CheckName(line, "segment", segment.record));
  RETURN_IF_ERROR(line.ReadInteger("number of samples", line.Next(), 0, kMaxFrames, &segment.frames));
  return segment;
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
  RETURN_IF_ERROR(CheckName(line, "file name", signal.file));
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
  std::optional<Announced> announced;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty()) continue;
    if (absl::ConsumePrefix(&line, "#")) {
      header.comments.emplace_back(absl::StripTrailingAsciiWhitespace(line));
    } else if (!announced) {
      ASSIGN_OR_RETURN(announced, ParseRecordLine(Line(line, name, number), &header));
    } else if (header.segments.size() < announced->segments) {
      ASSIGN_OR_RETURN(WfdbSegment segment, ParseSegmentLine(Line(line, name, number)));
      header.segments.push_back(std::move(segment));
    } else if (announced->segments == 0 && header.signals.size() < announced->signals) {
      ASSIGN_OR_RETURN(WfdbSignal signal, ParseSignalLine(Line(line, name, number)));
      header.signals.push_back(std::move(signal));
    } else {
      return absl::DataLossError(absl::StrCat(name, " line ", number, ": a line more than the ",
                                              Describe(*announced), " of the record line"));
    }
  }
  if (!announced) return absl::DataLossError(absl::StrCat(name, " has no record line"));
  const size_t found = header.segments.size() + header.signals.size();
  if (found != (announced->segments > 0 ? announced->segments : announced->signals))
    return absl::DataLossError(absl::StrCat(name, " ends after ", found, " of ", Describe(*announced)));
  return header;
}

}  // namespace ecgtrain
