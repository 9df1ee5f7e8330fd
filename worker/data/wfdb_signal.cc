#include "worker/data/wfdb_signal.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/status_macros.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {
namespace {

// Consecutive signals of a header that share a file: their samples alternate in it.
struct Group {
  size_t first = 0;
  absl::Span<const WfdbSignal> signals;
};

int16_t MissingValue(int format) { return format == 212 ? -2048 : std::numeric_limits<int16_t>::min(); }

absl::StatusOr<double> MillivoltsPerUnit(const WfdbSignal& signal, absl::string_view where) {
  const std::string units = absl::AsciiStrToLower(signal.units);
  if (units == "mv") return 1.0;
  if (units == "uv" || units == "\xc2\xb5v" || units == "\xce\xbcv") return 1e-3;
  if (units == "v") return 1e3;
  return absl::DataLossError(absl::StrCat(where, ", signal \"", signal.description,
                                          "\", units: expected mV, uV or V, found \"", signal.units, "\""));
}

absl::Status CheckReadable(const Group& group, absl::string_view where) {
  for (const WfdbSignal& signal : group.signals) {
    const WfdbSignal& first = group.signals.front();
    if (signal.format != 16 && signal.format != 212) {
      return absl::UnimplementedError(
          absl::StrCat(where, ": format ", signal.format, " is not read; 16 and 212 are"));
    }
    if (signal.samples_per_frame != 1 || signal.skew != 0) {
      return absl::UnimplementedError(
          absl::StrCat(where, ": several samples per frame and skewed signals are not read"));
    }
    if (signal.format != first.format || signal.byte_offset != first.byte_offset) {
      return absl::DataLossError(
          absl::StrCat(where, ": signals of ", first.file, " differ in format or byte offset"));
    }
  }
  return absl::OkStatus();
}

// Bytes that `samples` samples of a file take.
uint64_t BytesOf(int format, uint64_t samples) { return format == 212 ? (samples * 3 + 1) / 2 : samples * 2; }

// Samples of a whole file, in the file's order. `count` was checked against the size of `bytes`.
std::vector<int16_t> Decode(int format, absl::string_view bytes, size_t count) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  std::vector<int16_t> samples(count);
  if (format == 16) {
    for (size_t i = 0; i < count; ++i) samples[i] = static_cast<int16_t>(data[2 * i] | data[2 * i + 1] << 8);
    return samples;
  }
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* pair = data + i / 2 * 3;
    const int value = i % 2 == 0 ? pair[0] | (pair[1] & 0x0f) << 8 : pair[2] | (pair[1] & 0xf0) << 4;
    samples[i] = static_cast<int16_t>(value >= 2048 ? value - 4096 : value);
  }
  return samples;
}

absl::StatusOr<uint64_t> CountFrames(const Group& group, std::optional<uint64_t> stated, uint64_t size,
                                     absl::string_view path) {
  const int format = group.signals.front().format;
  const uint64_t offset = group.signals.front().byte_offset;
  const uint64_t available = size < offset ? 0 : size - offset;
  const uint64_t frames =
      stated.value_or((format == 212 ? available * 2 / 3 : available / 2) / group.signals.size());
  const uint64_t bytes = BytesOf(format, frames * group.signals.size());
  // Writers of format 212 may fill the last group of three bytes.
  const bool fits = available == bytes || (format == 212 && available == (bytes + 2) / 3 * 3);
  if (frames == 0 || !fits) {
    return absl::DataLossError(absl::StrCat(path, ": expected ", offset + bytes, " bytes for ", frames,
                                            " samples of ", group.signals.size(), " signals in format ",
                                            format, ", found ", size));
  }
  return frames;
}

absl::Status CheckSums(const WfdbSignal& signal, absl::Span<const int16_t> samples, size_t column,
                       size_t columns, absl::string_view path) {
  uint16_t sum = 0;
  for (size_t i = column; i < samples.size(); i += columns) sum += static_cast<uint16_t>(samples[i]);
  if (signal.checksum && *signal.checksum != sum) {
    return absl::DataLossError(absl::StrCat(path, ", signal \"", signal.description,
                                            "\", checksum: expected ", *signal.checksum, ", found ", sum));
  }
  if (signal.initial_value && *signal.initial_value != samples[column]) {
    return absl::DataLossError(absl::StrCat(path, ", signal \"", signal.description,
                                            "\", initial value: expected ", *signal.initial_value, ", found ",
                                            samples[column]));
  }
  return absl::OkStatus();
}

// Fills the group's columns of record.millivolts.
absl::Status ReadGroup(const SourceFolder& folder, absl::string_view parent, const Group& group,
                       absl::string_view header_path, std::optional<uint64_t> stated_samples,
                       WfdbRecord* record) {
  RETURN_IF_ERROR(CheckReadable(group, header_path));
  const std::string name = absl::StrCat(parent, group.signals.front().file);
  const std::string path = (folder.path() / name).string();
  ASSIGN_OR_RETURN(const std::string bytes, folder.Read(name));
  ASSIGN_OR_RETURN(const uint64_t frames, CountFrames(group, stated_samples, bytes.size(), path));
  const size_t total = record->names.size();
  if (record->millivolts.empty()) {
    record->length = frames;
    record->millivolts.resize(frames * total);
  } else if (frames != record->length) {
    return absl::DataLossError(absl::StrCat(path, ": expected ", record->length,
                                            " samples as in the record's other files, found ", frames));
  }
  const int format = group.signals.front().format;
  const size_t columns = group.signals.size();
  const std::vector<int16_t> samples =
      Decode(format, absl::string_view(bytes).substr(group.signals.front().byte_offset), frames * columns);
  const int16_t missing = MissingValue(format);
  for (size_t column = 0; column < columns; ++column) {
    const WfdbSignal& signal = group.signals[column];
    RETURN_IF_ERROR(CheckSums(signal, samples, column, columns, path));
    ASSIGN_OR_RETURN(const double millivolts_per_unit, MillivoltsPerUnit(signal, header_path));
    const double scale = millivolts_per_unit / signal.gain;
    double* out = record->millivolts.data() + group.first + column;
    for (size_t i = 0; i < frames; ++i) {
      const int16_t sample = samples[i * columns + column];
      out[i * total] = sample == missing ? std::numeric_limits<double>::quiet_NaN()
                                         : (static_cast<double>(sample) - signal.baseline) * scale;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WfdbRecord> ReadWfdbRecord(const SourceFolder& folder, absl::string_view record_name) {
  const std::string header_name = absl::StrCat(record_name, ".hea");
  const std::string header_path = (folder.path() / header_name).string();
  ASSIGN_OR_RETURN(const std::string text, folder.Read(header_name, 1 << 20));
  ASSIGN_OR_RETURN(WfdbHeader header, ParseWfdbHeader(text, header_path));
  WfdbRecord record;
  record.rate = header.rate;
  record.comments = std::move(header.comments);
  for (const WfdbSignal& signal : header.signals) record.names.push_back(signal.description);
  const absl::string_view parent = record_name.substr(0, record_name.rfind('/') + 1);  // npos + 1 is 0
  const absl::Span<const WfdbSignal> signals = header.signals;
  for (size_t first = 0; first < signals.size();) {
    size_t end = first + 1;
    while (end < signals.size() && signals[end].file == signals[first].file) ++end;
    const Group group{first, signals.subspan(first, end - first)};
    RETURN_IF_ERROR(ReadGroup(folder, parent, group, header_path, header.samples, &record));
    first = end;
  }
  return record;
}

}  // namespace ecgtrain
