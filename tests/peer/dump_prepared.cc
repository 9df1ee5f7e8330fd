// Writes what the preparation makes of recordings before it rounds, for tests/peer/prepared.py:
//
//   dump_prepared TYPE PATH RATE COUNT
//
// COUNT recordings spread over the set (all, where it has fewer), each as a line of JSON {"id", "length",
// "skip_reason"} and length * 12 doubles, frame after frame, in millivolts.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "common/json.h"
#include "worker/data/data_set.h"
#include "worker/data/preparation.h"

namespace ecgtrain {
namespace {

int Fail(const absl::Status& status) {
  std::cerr << "dump_prepared: " << status.message() << "\n";
  return 1;
}

int Main(const DataSetOptions& source, size_t count) {
  const auto set = OpenDataSet(source);
  if (!set.ok()) return Fail(set.status());
  Preparer preparer(PreparationOptions{.rate = source.rate, .quarantine = 0});
  PreparedRecording prepared;
  const size_t size = (*set)->size();
  count = std::min(count, size);
  for (size_t i = 0; i < count; ++i) {
    auto recording = (*set)->Read(i * size / count);
    if (!recording.ok()) {
      std::cerr << "dump_prepared: left out: " << recording.status().message() << "\n";
      continue;
    }
    if (const absl::Status status = preparer.Prepare(*recording, prepared); !status.ok()) return Fail(status);
    const bool usable = prepared.skip_reason.empty();
    const std::vector<double>& frames = preparer.millivolts();
    std::cout << nlohmann::json{{"id", recording->id},
                                {"length", usable ? frames.size() / kLeads : 0},
                                {"skip_reason", prepared.skip_reason}}
              << "\n";
    if (usable)
      std::cout.write(reinterpret_cast<const char*>(frames.data()),
                      static_cast<std::streamsize>(frames.size() * sizeof(double)));
  }
  std::cout.flush();
  return std::cout ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: dump_prepared TYPE PATH RATE COUNT\n";
    return 2;
  }
  return ecgtrain::Main({.type = argv[1], .path = argv[2], .rate = static_cast<uint32_t>(std::atoi(argv[3]))},
                        std::strtoull(argv[4], nullptr, 10));
}
