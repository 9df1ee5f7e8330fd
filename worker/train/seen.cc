#include "worker/train/seen.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/train/safetensors.h"

namespace ecgtrain {
namespace {

static_assert(std::endian::native == std::endian::little, "keys are written as they lie in memory");

constexpr char kTensor[] = "patients";

std::string ScopeOf(const PackInfo& info) {
  return info.dataset == "synthetic" ? info.source_digest : info.dataset;
}

uint64_t KeyOf(const std::string& scope, const std::string& patient) {
  Sha256 hash;
  hash.Update("ecgtrain patient\n");
  hash.Update(absl::StrContains(patient, '/') ? patient : absl::StrCat(scope, "/", patient));
  uint64_t key = 0;
  std::memcpy(&key, hash.Digest().data(), sizeof key);
  return key;
}

void SortUnique(PatientKeys& keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
}

}  // namespace

PatientKeys PatientsOf(const Pack& pack, absl::Span<const RecordSet> records) {
  const std::string scope = ScopeOf(pack.info());
  PatientKeys keys;
  for (const RecordSet& set : records) {
    for (const size_t record : set) keys.push_back(KeyOf(scope, pack.record(record).patient));
  }
  SortUnique(keys);
  return keys;
}

PatientKeys Union(const PatientKeys& a, const PatientKeys& b) {
  PatientKeys keys;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(keys));
  return keys;
}

size_t CountShared(const PatientKeys& a, const PatientKeys& b) {
  PatientKeys shared;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(shared));
  return shared.size();
}

absl::StatusOr<FileDigest> WritePatientKeys(const std::filesystem::path& path, const PatientKeys& keys) {
  const absl::string_view bytes(reinterpret_cast<const char*>(keys.data()), keys.size() * sizeof(uint64_t));
  const TensorBytes tensor{kTensor, "I64", {static_cast<int64_t>(keys.size())}, bytes};
  return WriteSafetensors(path, {&tensor, 1});
}

absl::StatusOr<PatientKeys> ReadPatientKeys(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SafetensorsFile> file, SafetensorsFile::Open(path));
  const std::vector<TensorBytes>& tensors = file->tensors();
  if (tensors.size() != 1 || tensors[0].name != kTensor || tensors[0].dtype != "I64" ||
      tensors[0].shape.size() != 1) {
    return absl::DataLossError(
        absl::StrCat(path.string(), " does not hold the one row of numbers \"", kTensor, "\""));
  }
  PatientKeys keys(tensors[0].bytes.size() / sizeof(uint64_t));
  if (!keys.empty()) std::memcpy(keys.data(), tensors[0].bytes.data(), keys.size() * sizeof(uint64_t));
  if (std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) != keys.end())
    return absl::DataLossError(absl::StrCat(path.string(), ": the keys do not ascend"));
  return keys;
}

}  // namespace ecgtrain
