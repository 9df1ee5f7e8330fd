#include "worker/data/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ecgtrain {

absl::StatusOr<std::string> Inflate(absl::string_view bytes, size_t limit, absl::string_view where) {
  constexpr size_t kMaxInput = size_t{1} << 31;  // zlib counts in unsigned int
  if (bytes.size() > kMaxInput)
    return absl::DataLossError(absl::StrCat(where, ": compressed data of ", bytes.size(), " bytes"));
  z_stream stream = {};
  if (inflateInit(&stream) != Z_OK) return absl::ResourceExhaustedError("zlib cannot start: no memory");
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  while (true) {
    const size_t done = stream.total_out;
    out.resize(std::min(limit, std::max<size_t>(2 * done, 64 << 10)));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(std::min(out.size() - done, kMaxInput));
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) break;
    if (result == Z_OK && stream.total_out < limit) continue;
    const bool too_much = stream.total_out >= limit && stream.avail_out == 0;
    return absl::DataLossError(
        absl::StrCat(where, ": compressed data: ",
                     too_much ? absl::StrCat("expected at most ", limit, " bytes, found more")
                              : absl::StrCat("expected a whole zlib stream, found it damaged or cut at byte ",
                                             stream.total_in)));
  }
  out.resize(stream.total_out);
  return out;
}

}  // namespace ecgtrain
