// Header files of the WFDB formats (header(5) of the WFDB Applications Guide, physionet.org).
//
//   record line   name[/segments] signals [rate[/counter[(base)]] [samples [time [date]]]]
//   signal line   file format[xN][:skew][+offset] [gain[(baseline)][/units] [resolution [zero [initial
//   [checksum
//                 [block size [description]]]]]]]
//   segment line  record samples
//
// A header of several segments has segment lines in place of signal lines. Lines that start with '#' are
// comments. Trailing fields may be absent.
#ifndef ECGTRAIN_WORKER_DATA_WFDB_HEADER_H_
#define ECGTRAIN_WORKER_DATA_WFDB_HEADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

struct WfdbSignal {
  std::string file;  // a name in the header's own folder: no '/'; "~" in a layout header
  int format = 16;
  int samples_per_frame = 1;
  int skew = 0;              // frames
  uint64_t byte_offset = 0;  // where the samples start
  double gain = 200;         // units of the signal file a physical unit; never 0
  int32_t baseline = 0;      // value of the signal file at 0 physical units
  std::string units = "mV";
  int adc_resolution = 0;
  int32_t adc_zero = 0;
  std::optional<int32_t> initial_value;
  std::optional<uint16_t> checksum;  // sum of all samples mod 65536
  int block_size = 0;
  std::string description;  // the lead's name
};

struct WfdbSegment {
  std::string record;  // a name in the header's own folder; "~" stands for a stretch without any signal
  uint64_t frames = 0;
};

struct WfdbHeader {
  std::string record;
  double rate = 250;               // frames a second
  std::optional<uint64_t> frames;  // samples of a signal that has one a frame
  std::string time;
  std::string date;
  std::vector<WfdbSignal> signals;
  // Of a record of several segments, which has no signals of its own. With a variable layout the first
  // segment has no frames: its header names the signals of the whole record, of which each segment holds
  // some.
  std::vector<WfdbSegment> segments;
  std::vector<std::string> comments;  // without the '#'
};

// `name` stands in error messages. DATA_LOSS names the line, the field and what was expected. Counts are
// bounded (256 signals, 2^31 frames, 100,000 segments) before anything is allocated. Thread-safe.
absl::StatusOr<WfdbHeader> ParseWfdbHeader(absl::string_view text, absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_WFDB_HEADER_H_
