// Parsers of single binary files.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "common/crc32c.h"
#include "common/status_macros.h"
#include "tests/fuzz/fuzz_targets.h"
#include "worker/data/hdf5_dataset.h"
#include "worker/data/hdf5_objects.h"
#include "worker/data/mat4.h"
#include "worker/data/mat5.h"
#include "worker/data/pack.h"
#include "worker/data/pack_format.h"

namespace ecgtrain {
namespace {

// So that an input's rows are read in milliseconds.
constexpr uint64_t kMaxRows = 64;

absl::Status ReadDataset(const Hdf5Objects& objects, const char* path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Hdf5Dataset> dataset, Hdf5Dataset::Open(objects, path));
  for (uint64_t row = 0; row < std::min(dataset->rows(), kMaxRows); ++row) {
    if (dataset->row_elements() > 1 << 16) break;
    ASSIGN_OR_RETURN(const std::vector<double> values, dataset->ReadRow(row));
    Require(values.size() == dataset->row_elements(), "a row of the stated size");
  }
  return absl::OkStatus();
}

absl::Status ReadIds(const Hdf5Objects& objects) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Hdf5Dataset> dataset, Hdf5Dataset::Open(objects, "exam_id"));
  if (dataset->rows() > kMaxRows) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, dataset->ReadNames());
  Require(names.size() == dataset->rows(), "a name for each row");
  return absl::OkStatus();
}

// The file's own checksums, made to fit: else no changed byte would get past them.
void FixChecksums(std::string* bytes) {
  pack_format::Preamble preamble;
  if (bytes->size() < sizeof preamble) return;
  std::memcpy(&preamble, bytes->data(), sizeof preamble);
  preamble.file_size = bytes->size();
  if (preamble.index_offset <= bytes->size())
    preamble.metadata_crc32c = Crc32c(absl::string_view(*bytes).substr(preamble.index_offset));
  preamble.preamble_crc32c = 0;
  preamble.preamble_crc32c = Crc32c({reinterpret_cast<const char*>(&preamble), sizeof preamble});
  std::memcpy(bytes->data(), &preamble, sizeof preamble);
}

}  // namespace

absl::Status FuzzHdf5(absl::string_view bytes) {
  const std::string path = MemoryFile(bytes);
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSIGN_OR_RETURN(const Hdf5Objects objects,
                   Hdf5Objects::Open(SourceFile("fuzz.h5", std::move(fd), bytes.size())));
  const absl::Status nested = ReadDataset(objects, "a/b/tracings");
  if (!absl::IsNotFound(nested)) return nested;
  RETURN_IF_ERROR(ReadDataset(objects, "tracings"));
  return ReadIds(objects);
}

absl::Status FuzzMat4(absl::string_view bytes) {
  RETURN_IF_ERROR(CheckMat4Prolog(bytes, 12, 4, "fuzz.mat"));
  Require(bytes.size() >= kMat4PrologBytes, "a whole prolog");
  return absl::OkStatus();
}

absl::Status FuzzMat5(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const auto fields, ReadMat5Struct(bytes, "ECG", "fuzz.mat"));
  for (const auto& [name, array] : fields) {
    uint64_t count = 1;
    for (const uint64_t size : array.dimensions) count *= size;
    Require(count == array.values.size(), "as many values as the dimensions say");
  }
  return absl::OkStatus();
}

absl::Status FuzzPack(absl::string_view bytes) {
  std::string fitting(bytes);
  FixChecksums(&fitting);
  ASSIGN_OR_RETURN(const std::unique_ptr<Pack> pack, Pack::Open(MemoryFile(fitting)));
  int64_t sum = 0;
  for (size_t i = 0; i < pack->size(); ++i) {
    const PackRecord record = pack->record(i);
    if (!record.samples.empty()) sum += record.samples.front() + record.samples.back();
    for (size_t task = 0; task < pack->info().tasks.size(); ++task) sum += pack->labels(i, task).size();
  }
  Require(sum != INT64_MIN, "read");
  return pack->Verify();
}

}  // namespace ecgtrain
