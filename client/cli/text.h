// Text for people: as wide as a terminal, and times as one says them.
#ifndef ECGTRAIN_CLIENT_CLI_TEXT_H_
#define ECGTRAIN_CLIENT_CLI_TEXT_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

// Code points: the width on a terminal, but for wide and combining characters.
size_t DisplayWidth(absl::string_view text);

// The first `width` code points.
std::string CutToWidth(absl::string_view text, size_t width);

// "3m20s ago"; "" for an unset time.
std::string Ago(const google::protobuf::Timestamp& time, absl::Time now);

// "2026-11-22T10:00:00Z" with the fraction that is there; "" for an unset time.
std::string Rfc3339(const google::protobuf::Timestamp& time);

absl::Time ToTime(const google::protobuf::Timestamp& time);
google::protobuf::Timestamp ToTimestamp(absl::Time time);

// Five significant digits: "0.41234".
std::string ShortNumber(double value);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_TEXT_H_
