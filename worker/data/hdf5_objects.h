// The objects of an HDF5 file: superblock, groups, object headers (HDF5 File Format Specification 3.0,
// sections II to IV). What this project reads of HDF5 and why it does so itself:
// docs/adr/0005-own-readers-of-hdf5-and-mat.md.
#ifndef ECGTRAIN_WORKER_DATA_HDF5_OBJECTS_H_
#define ECGTRAIN_WORKER_DATA_HDF5_OBJECTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/data/hdf5_fields.h"
#include "worker/data/source_folder.h"

namespace ecgtrain {

struct Hdf5Message {
  uint32_t type = 0;
  uint64_t offset = 0;  // of its data in the file
  std::string data;
};

// Message types that datasets and groups are made of.
enum : uint32_t {
  kHdf5Dataspace = 0x0001,
  kHdf5LinkInfo = 0x0002,
  kHdf5Datatype = 0x0003,
  kHdf5FillOld = 0x0004,
  kHdf5Link = 0x0006,
  kHdf5Layout = 0x0008,
  kHdf5Filters = 0x000b,
  kHdf5Continuation = 0x0010,
  kHdf5SymbolTable = 0x0011,
};

// Immutable: thread-safe. Errors: DATA_LOSS naming file, offset, field and expectation; UNIMPLEMENTED for
// what is not read, with advice; what reading the file returns.
class Hdf5Objects {
 public:
  static absl::StatusOr<Hdf5Objects> Open(SourceFile file);

  // Messages of the object "tracings" or "group/tracings". NOT_FOUND names what is there instead.
  absl::StatusOr<std::vector<Hdf5Message>> Find(absl::string_view path) const;

  // `size` bytes at an address of the file's own counting.
  absl::StatusOr<Hdf5Fields> Fields(uint64_t address, uint64_t size) const;
  absl::StatusOr<std::string> ReadAt(uint64_t address, uint64_t size) const;
  Hdf5Fields Fields(const Hdf5Message& message) const {
    return Hdf5Fields(message.data, message.offset, file_->path().string());
  }

  const SourceFile& file() const { return *file_; }
  size_t address_size() const { return address_size_; }
  size_t length_size() const { return length_size_; }

 private:
  explicit Hdf5Objects(SourceFile file) : file_(std::make_unique<SourceFile>(std::move(file))) {}

  absl::Status ReadSuperblock();
  absl::Status ReadOldSuperblock(Hdf5Fields& fields, uint64_t version);
  absl::Status ReadNewSuperblock(Hdf5Fields& fields, uint64_t start);
  absl::StatusOr<std::vector<Hdf5Message>> ReadMessages(uint64_t address) const;
  absl::StatusOr<std::map<std::string, uint64_t>> ReadLinks(const std::vector<Hdf5Message>& group) const;
  absl::Status ReadSymbolTable(const Hdf5Message& message, Hdf5Budget* budget,
                               std::map<std::string, uint64_t>* links) const;
  absl::Status ReadLink(const Hdf5Message& message, std::map<std::string, uint64_t>* links) const;

  std::unique_ptr<SourceFile> file_;
  uint64_t base_ = 0;
  size_t address_size_ = 8;
  size_t length_size_ = 8;
  uint64_t root_ = 0;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_DATA_HDF5_OBJECTS_H_
