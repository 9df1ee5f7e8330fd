// How values of messages look in columns.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_ROW_VALUES_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_ROW_VALUES_H_

#include <google/protobuf/message_lite.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ecgtrain {

// The longest piece of a log in one row, bytes.
inline constexpr size_t kMaxLogChunk = 64 << 10;

inline int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1000;
}

inline google::protobuf::Timestamp TimestampOf(int64_t micros) {
  google::protobuf::Timestamp time;
  const int64_t seconds = micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0);
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>((micros - seconds * 1'000'000) * 1000));
  return time;
}

// Column integers are signed: what is above is beyond every row.
inline int64_t Clamped(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

// DATA_LOSS, naming `what`, when the bytes are no such message.
inline absl::Status ParseRecord(absl::string_view bytes, absl::string_view what,
                                google::protobuf::MessageLite& message) {
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the stored record of ", what, " cannot be parsed"));
}

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_ROW_VALUES_H_
