#include "worker/data/wfdb_signal.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/mat4.h"
#include "worker/data/record_fault.h"
#include "worker/data/wfdb_format.h"
#include "worker/data/wfdb_header.h"

namespace ecgtrain {
namespace {

// Bounds the memory of one record: 1 GiB, three hours of twelve leads at 1000 samples a second.
constexpr uint64_t kMaxValues = uint64_t{1} << 27;
constexpr size_t kMaxHeaderBytes = 1 << 20;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// Where a record lies and what its header says.
struct Source {
  const SourceFolder& folder;
  absl::string_view parent;  // "records100/00000/", or ""
  std::string header_path;
  WfdbHeader header;
};

// Consecutive signals of a header that share a file: their samples alternate in it.
struct Group {
  size_t first = 0;
  absl::Span<const WfdbSignal> signals;
  WfdbFormat format;
  uint64_t samples_per_frame = 0;  // of all signals
};

// How frames become samples of the record.
struct Timing {
  std::optional<uint64_t> frames;  // as the header or the first file has it
  uint64_t samples_per_frame = 1;  // of the record; 1 where signals differ and are averaged
  uint64_t skew = 0;               // the largest: frames by which the record is shorter
};

absl::StatusOr<double> MillivoltsPerUnit(const WfdbSignal& signal, absl::string_view where) {
  const std::string units = absl::AsciiStrToLower(signal.units);
  if (units == "mv") return 1.0;
  if (units == "uv" || units == "\xc2\xb5v" || units == "\xce\xbcv") return 1e-3;
  if (units == "v") return 1e3;
  return absl::DataLossError(absl::StrCat(where, ", signal ", Quoted(signal.description),
                                          ", units: expected mV, uV or V, found ", Quoted(signal.units)));
}

absl::StatusOr<std::vector<Group>> GroupByFile(const Source& source) {
  const absl::Span<const WfdbSignal> signals = source.header.signals;
  std::vector<Group> groups;
  for (size_t first = 0; first < signals.size();) {
    ASSIGN_OR_RETURN(const WfdbFormat format, FindWfdbFormat(signals[first].format),
                     WithContext(_, source.header_path));
    Group group{first, {}, format, 0};
    size_t end = first;
    for (; end < signals.size() && signals[end].file == signals[first].file; ++end) {
      if (signals[end].format != format.number || signals[end].byte_offset != signals[first].byte_offset) {
        return absl::DataLossError(absl::StrCat(source.header_path, ": signals of ",
                                                Shown(signals[first].file),
                                                " differ in format or byte offset"));
      }
      group.samples_per_frame += signals[end].samples_per_frame;
    }
    group.signals = signals.subspan(first, end - first);
    groups.push_back(group);
    first = end;
  }
  return groups;
}

Timing TimingOf(const WfdbHeader& header) {
  Timing timing;
  timing.frames = header.frames;
  timing.samples_per_frame = header.signals.front().samples_per_frame;
  for (const WfdbSignal& signal : header.signals) {
    if (signal.samples_per_frame != header.signals.front().samples_per_frame) timing.samples_per_frame = 1;
    timing.skew = std::max<uint64_t>(timing.skew, signal.skew);
  }
  return timing;
}

// Frames of the group's file, of `size` bytes.
absl::StatusOr<uint64_t> CountFrames(const Group& group, std::optional<uint64_t> stated, uint64_t size,
                                     absl::string_view path) {
  const uint64_t offset = group.signals.front().byte_offset;
  const uint64_t available = size < offset ? 0 : size - offset;
  const uint64_t frames = stated.value_or(group.format.SamplesIn(available) / group.samples_per_frame);
  const uint64_t samples = frames * group.samples_per_frame;
  const uint64_t least = group.format.LeastBytes(samples);
  if (frames > 0 && (available == least || available == group.format.MostBytes(samples))) return frames;
  return RecordFault("wrong_size", absl::StrCat(path, ": expected ", offset + least, " bytes for ", frames,
                                                " frames of ", group.signals.size(), " signals in format ",
                                                group.format.number, ", found ", size));
}

// The samples of one signal in its file, where those of all signals alternate by frames.
class SignalSamples {
 public:
  SignalSamples(absl::Span<int32_t> file, const Group& group, size_t index)
      : file_(file), stride_(group.samples_per_frame), count_(group.signals[index].samples_per_frame) {
    for (size_t before = 0; before < index; ++before) offset_ += group.signals[before].samples_per_frame;
  }

  size_t per_frame() const { return count_; }
  size_t frames() const { return file_.size() / stride_; }
  int32_t& at(size_t frame, size_t k) const { return file_[frame * stride_ + offset_ + k]; }

 private:
  absl::Span<int32_t> file_;
  size_t stride_;
  size_t offset_ = 0;
  size_t count_;
};

// Format 8 stores differences. Wraps around as the sum of damaged data may.
void SumUp(const SignalSamples& samples, int32_t initial) {
  auto sum = static_cast<uint32_t>(initial);
  for (size_t frame = 0; frame < samples.frames(); ++frame) {
    for (size_t k = 0; k < samples.per_frame(); ++k) {
      sum += static_cast<uint32_t>(samples.at(frame, k));
      samples.at(frame, k) = static_cast<int32_t>(sum);
    }
  }
}

absl::Status CheckSums(const WfdbSignal& signal, const SignalSamples& samples, absl::string_view path) {
  const auto differs = [&](absl::string_view field, int64_t expected, int64_t found) {
    return RecordFault("checksum", absl::StrCat(path, ", signal ", Quoted(signal.description), ", ", field,
                                                ": expected ", expected, ", found ", found));
  };
  if (signal.checksum) {
    uint16_t sum = 0;
    for (size_t frame = 0; frame < samples.frames(); ++frame) {
      for (size_t k = 0; k < samples.per_frame(); ++k) sum += static_cast<uint16_t>(samples.at(frame, k));
    }
    if (*signal.checksum != sum) return differs("checksum", *signal.checksum, sum);
  }
  const bool is_sum = signal.format == 8;  // its first sample may differ from the initial value
  if (signal.initial_value && !is_sum && *signal.initial_value != samples.at(0, 0))
    return differs("initial value", *signal.initial_value, samples.at(0, 0));
  return absl::OkStatus();
}

// Writes the signal's column of record->millivolts.
void Convert(const WfdbSignal& signal, const SignalSamples& samples, const Timing& timing, double scale,
             int32_t missing, double* out, size_t stride) {
  const auto value = [&](size_t frame, size_t k) {
    const int32_t sample = samples.at(frame, k);
    return sample == missing ? kMissing : (static_cast<double>(sample) - signal.baseline) * scale;
  };
  for (size_t frame = signal.skew; frame < samples.frames() - (timing.skew - signal.skew); ++frame) {
    if (samples.per_frame() == timing.samples_per_frame) {
      for (size_t k = 0; k < samples.per_frame(); ++k, out += stride) *out = value(frame, k);
      continue;
    }
    double sum = 0;
    for (size_t k = 0; k < samples.per_frame(); ++k) sum += value(frame, k);
    *out = sum / static_cast<double>(samples.per_frame());
    out += stride;
  }
}

// Sizes record->millivolts once the number of frames is known.
absl::Status Size(const Timing& timing, absl::string_view path, WfdbRecord* record) {
  if (timing.skew >= *timing.frames) {
    return RecordFault("damaged", absl::StrCat(path, ": a skew of ", timing.skew, " frames in a record of ",
                                               *timing.frames));
  }
  // At most 2^31 frames of 10,000 samples of 256 signals: no overflow.
  const uint64_t length = (*timing.frames - timing.skew) * timing.samples_per_frame;
  if (length * record->names.size() > kMaxValues) {
    return RecordFault("too_long", absl::StrCat(path, ": ", length, " samples of ", record->names.size(),
                                                " signals; expected at most ", kMaxValues, " in all"));
  }
  record->length = length;
  record->millivolts.resize(length * record->names.size());
  return absl::OkStatus();
}

absl::Status CheckProlog(const Group& group, absl::string_view bytes, uint64_t frames,
                         absl::string_view path) {
  const WfdbSignal& signal = group.signals.front();
  if (!absl::EndsWith(signal.file, ".mat") || signal.byte_offset != kMat4PrologBytes || signal.format != 16)
    return absl::OkStatus();
  return AsRecordFault("damaged", CheckMat4Prolog(bytes, group.samples_per_frame, frames, path));
}

// Fills the group's columns of record.millivolts.
absl::Status ReadGroup(const Source& source, const Group& group, Timing* timing, WfdbRecord* record) {
  const std::string name = absl::StrCat(source.parent, group.signals.front().file);
  const std::string path = (source.folder.path() / name).string();
  ASSIGN_OR_RETURN(const std::string bytes, source.folder.Read(name), AsRecordFault("unreadable", _));
  ASSIGN_OR_RETURN(const uint64_t frames, CountFrames(group, timing->frames, bytes.size(), path));
  RETURN_IF_ERROR(CheckProlog(group, bytes, frames, path));
  timing->frames = frames;
  if (record->millivolts.empty()) RETURN_IF_ERROR(Size(*timing, path, record));
  const uint64_t offset = group.signals.front().byte_offset;
  std::vector<int32_t> samples =
      group.format.Decode(absl::string_view(bytes).substr(offset), frames * group.samples_per_frame);
  for (size_t i = 0; i < group.signals.size(); ++i) {
    const WfdbSignal& signal = group.signals[i];
    const SignalSamples own(absl::MakeSpan(samples), group, i);
    if (signal.format == 8) SumUp(own, signal.initial_value.value_or(0));
    RETURN_IF_ERROR(CheckSums(signal, own, path));
    ASSIGN_OR_RETURN(const double millivolts_per_unit, MillivoltsPerUnit(signal, source.header_path));
    Convert(signal, own, *timing, millivolts_per_unit / signal.gain, group.format.missing,
            record->millivolts.data() + group.first + i, record->names.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<Source> OpenRecord(const SourceFolder& folder, absl::string_view name) {
  const std::string header_name = absl::StrCat(name, ".hea");
  const std::string header_path = (folder.path() / header_name).string();
  ASSIGN_OR_RETURN(const std::string text, folder.Read(header_name, kMaxHeaderBytes),
                   absl::IsNotFound(_) ? AsRecordFault("file_missing", _) : _);
  ASSIGN_OR_RETURN(WfdbHeader header, ParseWfdbHeader(text, header_path));
  return Source{folder, name.substr(0, name.rfind('/') + 1), header_path,
                std::move(header)};  // npos + 1 is 0
}

absl::StatusOr<WfdbRecord> ReadPlain(const Source& source) {
  WfdbRecord record;
  record.comments = source.header.comments;
  for (const WfdbSignal& signal : source.header.signals) record.names.push_back(signal.description);
  Timing timing = TimingOf(source.header);
  record.rate = source.header.rate * static_cast<double>(timing.samples_per_frame);
  ASSIGN_OR_RETURN(const std::vector<Group> groups, GroupByFile(source));
  for (const Group& group : groups) RETURN_IF_ERROR(ReadGroup(source, group, &timing, &record));
  return record;
}

// Joins the segments of a record one after the other.
class SegmentJoiner {
 public:
  explicit SegmentJoiner(const Source& source) : source_(source) {
    record_.comments = source.header.comments;
    record_.rate = source.header.rate;
  }

  absl::StatusOr<WfdbRecord> Run() {
    absl::Span<const WfdbSegment> segments = source_.header.segments;
    if (segments.front().frames == 0) {
      RETURN_IF_ERROR(ReadLayout(segments.front()));
      segments.remove_prefix(1);
    }
    for (const WfdbSegment& segment : segments) RETURN_IF_ERROR(Append(segment));
    if (record_.names.empty() || record_.length == 0)
      return RecordFault("damaged", absl::StrCat(source_.header_path, ": no segment holds a signal"));
    return std::move(record_);
  }

 private:
  absl::StatusOr<Source> OpenSegment(const WfdbSegment& segment) const {
    ASSIGN_OR_RETURN(Source source, OpenRecord(source_.folder, absl::StrCat(source_.parent, segment.record)));
    source.parent = source_.parent;
    if (!source.header.segments.empty()) {
      return absl::DataLossError(absl::StrCat(source.header_path,
                                              ": expected a plain record, for it is a segment of ",
                                              source_.header_path, "; found segments"));
    }
    return source;
  }

  absl::Status ReadLayout(const WfdbSegment& segment) {
    ASSIGN_OR_RETURN(const Source layout, OpenSegment(segment));
    for (const WfdbSignal& signal : layout.header.signals) record_.names.push_back(signal.description);
    samples_per_frame_ = TimingOf(layout.header).samples_per_frame;
    record_.rate = layout.header.rate * static_cast<double>(samples_per_frame_);
    variable_ = true;
    return absl::OkStatus();
  }

  absl::Status Append(const WfdbSegment& segment) {
    if (segment.record == "~") return Grow(segment.frames * samples_per_frame_);
    ASSIGN_OR_RETURN(const Source source, OpenSegment(segment));
    ASSIGN_OR_RETURN(const WfdbRecord part, ReadPlain(source));
    if (record_.names.empty()) {
      record_.names = part.names;
      record_.rate = part.rate;
      samples_per_frame_ = TimingOf(source.header).samples_per_frame;
    }
    if (part.rate != record_.rate || part.length != segment.frames * samples_per_frame_) {
      return RecordFault("damaged",
                         absl::StrCat(source.header_path, ": expected ", segment.frames, " frames at ",
                                      record_.rate, " samples a second as ", source_.header_path,
                                      " has it, found ", part.length, " samples at ", part.rate));
    }
    const size_t start = record_.length;
    RETURN_IF_ERROR(Grow(part.length));
    return Copy(part, source.header_path, start);
  }

  absl::Status Copy(const WfdbRecord& part, absl::string_view path, size_t start) {
    const size_t columns = record_.names.size();
    for (size_t column = 0; column < columns; ++column) {
      const auto found = std::find(part.names.begin(), part.names.end(), record_.names[column]);
      if (found == part.names.end()) {
        if (variable_) continue;
        return RecordFault("damaged",
                           absl::StrCat(path, ": expected a signal ", Quoted(record_.names[column]),
                                        " as in the record's other segments"));
      }
      const size_t from = found - part.names.begin();
      for (size_t i = 0; i < part.length; ++i)
        record_.millivolts[(start + i) * columns + column] = part.millivolts[i * part.names.size() + from];
    }
    return absl::OkStatus();
  }

  // By `more` samples that are missing so far.
  absl::Status Grow(uint64_t more) {
    const uint64_t columns = std::max<uint64_t>(record_.names.size(), 1);
    if (more > kMaxValues || (record_.length + more) * columns > kMaxValues) {
      return RecordFault("too_long",
                         absl::StrCat(source_.header_path, ": more than ", kMaxValues, " samples in all"));
    }
    record_.length += more;
    record_.millivolts.resize(record_.length * record_.names.size(), kMissing);
    return absl::OkStatus();
  }

  const Source& source_;
  WfdbRecord record_;
  uint64_t samples_per_frame_ = 1;
  bool variable_ = false;
};

}  // namespace

absl::StatusOr<WfdbRecord> ReadWfdbRecord(const SourceFolder& folder, absl::string_view record) {
  ASSIGN_OR_RETURN(const Source source, OpenRecord(folder, record));
  return source.header.segments.empty() ? ReadPlain(source) : SegmentJoiner(source).Run();
}

}  // namespace ecgtrain
