#include "worker/data/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/json.h"
#include "common/quoted.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "worker/data/pack_format.h"
#include "worker/data/quality.h"

namespace ecgtrain {
namespace {

using pack_format::IndexEntry;
using pack_format::Preamble;

// A file mapped for reading. Thread-safe.
class Mapping {
 public:
  static absl::StatusOr<Mapping> Open(const std::filesystem::path& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return FileError(errno, "open", path);
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return FileError(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) return absl::DataLossError(absl::StrCat(path.string(), " is not a file"));
    if (static_cast<uint64_t>(info.st_size) < sizeof(Preamble)) {
      return absl::DataLossError(absl::StrCat(path.string(), " is not a pack: it has ", info.st_size,
                                              " bytes, fewer than a pack's preamble"));
    }
    void* data = mmap(nullptr, info.st_size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (data == MAP_FAILED) return FileError(errno, "map", path);
    return Mapping(static_cast<const char*>(data), info.st_size);
  }
  Mapping(Mapping&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
  }

  absl::string_view bytes() const { return {data_, size_}; }

 private:
  Mapping(const char* data, size_t size) : data_(data), size_(size) {}
  const char* data_;
  size_t size_;
};

absl::Status Bad(const std::filesystem::path& path, uint64_t offset, absl::string_view field,
                 absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path.string(), " is damaged at byte ", offset, ", ", field, ": ",
                                          what, "; delete it and pack again"));
}

absl::StatusOr<Preamble> ReadPreamble(const std::filesystem::path& path, absl::string_view bytes) {
  Preamble preamble;
  std::memcpy(&preamble, bytes.data(), sizeof preamble);
  if (preamble.magic != pack_format::kMagic) return Bad(path, 0, "magic", "this is not a complete pack");
  if (preamble.version != pack_format::kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(path.string(), " has pack format ", preamble.version,
                                                      "; this program knows format ", pack_format::kVersion,
                                                      ": pack again"));
  }
  Preamble without_crc = preamble;
  without_crc.preamble_crc32c = 0;
  if (Crc32c({reinterpret_cast<const char*>(&without_crc), sizeof without_crc}) != preamble.preamble_crc32c) {
    return Bad(path, 12, "preamble checksum", "it differs from the preamble");
  }
  if (preamble.file_size != bytes.size()) {
    return Bad(path, 16, "file size",
               absl::StrCat("expected ", preamble.file_size, " bytes, found ", bytes.size()));
  }
  const uint64_t index_room = preamble.labels_offset - preamble.index_offset;
  const uint64_t labels_room = preamble.strings_offset - preamble.labels_offset;
  const bool ordered =
      preamble.index_offset >= sizeof(Preamble) && preamble.index_offset % alignof(IndexEntry) == 0 &&
      preamble.index_offset <= preamble.labels_offset && preamble.labels_offset <= preamble.strings_offset &&
      preamble.strings_offset <= preamble.header_offset && preamble.header_offset <= preamble.file_size;
  const bool sized = preamble.record_count <= index_room &&
                     preamble.record_count * sizeof(IndexEntry) == index_room &&
                     preamble.record_count * uint64_t{preamble.label_stride} == labels_room;
  if (!ordered || !sized)
    return Bad(path, 32, "section offsets", "they do not fit the record count and the file size");
  if (Crc32c(bytes.substr(preamble.index_offset)) != preamble.metadata_crc32c) {
    return Bad(path, preamble.index_offset, "metadata checksum", "it differs from the metadata");
  }
  return preamble;
}

// A whole number from 0 to `most`; get<> would cast fractions, negative numbers and what does not fit.
uint64_t Whole(const nlohmann::json& value, uint64_t most = std::numeric_limits<uint64_t>::max()) {
  const uint64_t number = value.get_ref<const nlohmann::json::number_unsigned_t&>();
  if (number > most) throw nlohmann::json::out_of_range::create(401, "a number is too large", &value);
  return number;
}

std::map<std::string, uint64_t> Counts(const nlohmann::json& object) {
  std::map<std::string, uint64_t> counts;
  for (const auto& [name, value] : object.items()) counts[name] = Whole(value);
  return counts;
}

// Members of the JSON header, which the checksum has shown to be as written; a wrong type is still an error.
absl::StatusOr<PackInfo> ReadHeader(absl::string_view text, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const nlohmann::json header,
                   ParseJson(text, absl::StrCat("the header of ", path.string())),
                   absl::DataLossError(_.message()));
  PackInfo info;
  try {
    info.dataset = header.at("dataset").get<std::string>();
    info.source_digest = header.at("source_digest").get<std::string>();
    info.digest = header.at("digest").get<std::string>();
    info.rate = static_cast<uint32_t>(Whole(header.at("rate"), std::numeric_limits<uint32_t>::max()));
    info.highpass = header.at("highpass").get<bool>();
    info.tool = header.at("tool").get<std::string>();
    info.preparation_version =
        static_cast<uint32_t>(Whole(header.at("preparation_version"), std::numeric_limits<uint32_t>::max()));
    info.derive_leads = header.at("derive_leads").get<bool>();
    for (const nlohmann::json& name : header.at("quarantine")) {
      ASSIGN_OR_RETURN(
          const Flaws flaw, ParseFlaws(name.get<std::string>()),
          absl::DataLossError(absl::StrCat("the header of ", path.string(), ", quarantine: ", _.message())));
      info.quarantine |= flaw;
    }
    info.flagged = Counts(header.at("flagged"));
    info.amplitude = header.at("amplitude").get<double>();
    const double units = header.at("units_per_millivolt").get<double>();
    if (!(units >= 1e-6 && units <= 1e6))
      return absl::DataLossError(absl::StrCat("the header of ", path.string(),
                                              ", units_per_millivolt: expected 1e-6 to 1e6, found ", units));
    info.millivolts_per_unit = static_cast<float>(1 / units);
    info.clipped_samples = Whole(header.at("clipped_samples"));
    info.skipped = Counts(header.at("skipped"));
    info.notes = header.at("notes").get<std::vector<std::string>>();
    for (const nlohmann::json& task : header.at("tasks")) {
      info.tasks.push_back(
          {task.at("name").get<std::string>(), task.at("classes").get<std::vector<std::string>>()});
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(
        absl::StrCat("the header of ", path.string(), " does not fit: ", error.what()));
  }
  for (const auto& [reason, count] : info.skipped) info.skipped_records += count;
  return info;
}

class MappedPack final : public Pack {
 public:
  MappedPack(std::filesystem::path path, Mapping mapping, const Preamble& preamble, PackInfo info)
      : path_(std::move(path)), mapping_(std::move(mapping)), preamble_(preamble), info_(std::move(info)) {
    size_t bit = info_.tasks.size();
    for (const PackTask& task : info_.tasks) {
      first_bits_.push_back(bit);
      bit += task.classes.size();
    }
    label_bits_ = bit;
  }

  absl::Status CheckIndex() const {
    if ((label_bits_ + 7) / 8 != preamble_.label_stride)
      return Bad(path_, 64, "label stride", "it does not fit the classes");
    const uint64_t strings = preamble_.header_offset - preamble_.strings_offset;
    for (size_t i = 0; i < size(); ++i) {
      const IndexEntry& entry = Entry(i);
      const uint64_t offset = preamble_.index_offset + i * sizeof(IndexEntry);
      if (entry.samples_offset < sizeof(Preamble) || entry.samples_offset % pack_format::kAlignment != 0 ||
          entry.samples_offset > preamble_.index_offset ||
          BytesOf(entry) > preamble_.index_offset - entry.samples_offset) {
        return Bad(path_, offset, absl::StrCat("index entry ", i), "its samples lie outside the samples");
      }
      if (entry.length == 0 || entry.fold < 1 || entry.fold > 10) {
        return Bad(path_, offset, absl::StrCat("index entry ", i),
                   "expected samples and a fold from 1 to 10");
      }
      if (uint64_t{entry.id_offset} + entry.id_size > strings ||
          uint64_t{entry.patient_offset} + entry.patient_size > strings) {
        return Bad(path_, offset, absl::StrCat("index entry ", i), "its names lie outside the names");
      }
    }
    return absl::OkStatus();
  }

  const PackInfo& info() const override { return info_; }
  size_t size() const override { return preamble_.record_count; }

  PackRecord record(size_t index) const override {
    const IndexEntry& entry = Entry(index);
    const absl::string_view strings = mapping_.bytes().substr(preamble_.strings_offset);
    return {std::string(strings.substr(entry.id_offset, entry.id_size)),
            std::string(strings.substr(entry.patient_offset, entry.patient_size)),
            entry.fold,
            entry.length,
            absl::MakeConstSpan(reinterpret_cast<const int16_t*>(Samples(entry).data()),
                                size_t{entry.length} * kLeads),
            entry.flaws};
  }

  std::vector<bool> labels(size_t index, size_t task) const override {
    const char* bits = mapping_.bytes().data() + preamble_.labels_offset + index * preamble_.label_stride;
    const auto get = [bits](size_t bit) { return (bits[bit / 8] >> bit % 8 & 1) != 0; };
    if (!get(task)) return {};
    std::vector<bool> labels(info_.tasks[task].classes.size());
    for (size_t k = 0; k < labels.size(); ++k) labels[k] = get(first_bits_[task] + k);
    return labels;
  }

  absl::Status Verify() const override {
    for (size_t i = 0; i < size(); ++i) {
      const IndexEntry& entry = Entry(i);
      if (Crc32c(Samples(entry)) != entry.samples_crc32c) {
        return Bad(path_, entry.samples_offset, absl::StrCat("samples of record ", Shown(record(i).id)),
                   "they differ from their checksum");
      }
    }
    // Also covers what no record owns: the padding between them.
    const std::string digest = Sha256Hex(mapping_.bytes().substr(sizeof(Preamble)));
    const std::string expected = absl::BytesToHexString(
        {reinterpret_cast<const char*>(preamble_.sha256.data()), preamble_.sha256.size()});
    if (digest != expected)
      return Bad(path_, 72, "SHA-256 of the content",
                 absl::StrCat("expected ", expected, ", found ", digest));
    return absl::OkStatus();
  }

 private:
  static uint64_t BytesOf(const IndexEntry& entry) {
    return uint64_t{entry.length} * kLeads * sizeof(int16_t);
  }
  const IndexEntry& Entry(size_t index) const {
    return reinterpret_cast<const IndexEntry*>(mapping_.bytes().data() + preamble_.index_offset)[index];
  }
  absl::string_view Samples(const IndexEntry& entry) const {
    return mapping_.bytes().substr(entry.samples_offset, BytesOf(entry));
  }

  std::filesystem::path path_;
  Mapping mapping_;
  Preamble preamble_;
  PackInfo info_;
  std::vector<size_t> first_bits_;  // of each task's classes
  size_t label_bits_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Pack>> Pack::Open(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(Mapping mapping, Mapping::Open(path));
  ASSIGN_OR_RETURN(const Preamble preamble, ReadPreamble(path, mapping.bytes()));
  ASSIGN_OR_RETURN(PackInfo info, ReadHeader(mapping.bytes().substr(preamble.header_offset), path));
  auto pack = std::make_unique<MappedPack>(path, std::move(mapping), preamble, std::move(info));
  RETURN_IF_ERROR(pack->CheckIndex());
  return pack;
}

}  // namespace ecgtrain
