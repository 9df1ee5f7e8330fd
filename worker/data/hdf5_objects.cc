#include "worker/data/hdf5_objects.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/quoted.h"
#include "common/status_macros.h"
#include "worker/data/hdf5_checksum.h"

namespace ecgtrain {
namespace {

constexpr absl::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr size_t kMaxMessages = 100'000;
constexpr uint64_t kMaxBlock = 64 << 20;  // of metadata
constexpr size_t kMaxName = 4096;
constexpr uint8_t kShared = 2;  // flag of a message that lies elsewhere

bool IsSize(uint64_t size) { return size == 2 || size == 4 || size == 8; }

// Where the messages of one object header lie.
struct Block {
  uint64_t address = 0;
  uint64_t size = 0;
};

// Collects the messages of an object header, block after block. Thread-compatible.
class MessageReader {
 public:
  explicit MessageReader(const Hdf5Objects& objects) : objects_(objects), budget_(objects.file().size()) {}

  absl::StatusOr<std::vector<Hdf5Message>> Run(uint64_t address) {
    ASSIGN_OR_RETURN(const std::string start, objects_.ReadAt(address, 4));
    RETURN_IF_ERROR(start == "OHDR" ? ReadNewHeader(address) : ReadOldHeader(address));
    for (size_t next = 0; next < blocks_.size(); ++next) {
      RETURN_IF_ERROR(new_ ? ReadNewBlock(blocks_[next]) : ReadOldBlock(blocks_[next]));
    }
    return std::move(messages_);
  }

 private:
  absl::Status ReadOldHeader(uint64_t address) {
    ASSIGN_OR_RETURN(Hdf5Fields fields, objects_.Fields(address, 16));
    fields.Expect(1, 1, "object header version");
    fields.Skip(7);
    const uint64_t size = fields.Number(4, "object header size");
    fields.Require(size <= kMaxBlock, "object header size", "expected at most 64 MiB");
    blocks_.push_back({address + 16, size});
    return fields.status();
  }

  absl::Status ReadOldBlock(Block block) {
    ASSIGN_OR_RETURN(Hdf5Fields fields, objects_.Fields(block.address, block.size));
    while (fields.status().ok() && fields.left() >= 8) {
      const auto type = static_cast<uint32_t>(fields.Number(2, "message type"));
      const uint64_t size = fields.Number(2, "message size");
      const uint64_t flags = fields.Number(1, "message flags");
      fields.Skip(3);
      RETURN_IF_ERROR(Take(fields, type, size, flags));
    }
    return fields.status();
  }

  absl::Status ReadNewHeader(uint64_t address) {
    new_ = true;
    ASSIGN_OR_RETURN(Hdf5Fields fields, objects_.Fields(address, 6));
    fields.Skip(4);
    fields.Expect(1, 2, "object header version");
    flags_ = fields.Number(1, "object header flags");
    const uint64_t prefix = 6 + ((flags_ & 0x20) != 0 ? 16 : 0) + ((flags_ & 0x10) != 0 ? 4 : 0);
    const size_t width = size_t{1} << (flags_ & 3);
    RETURN_IF_ERROR(fields.status());
    ASSIGN_OR_RETURN(Hdf5Fields chunk, objects_.Fields(address + prefix, width));
    const uint64_t size = chunk.Number(width, "size of chunk 0");
    chunk.Require(size <= kMaxBlock, "size of chunk 0", "expected at most 64 MiB");
    RETURN_IF_ERROR(chunk.status());
    skip_ = prefix + width;
    blocks_.push_back({address, skip_ + size + 4});
    return absl::OkStatus();
  }

  absl::Status ReadNewBlock(Block block) {
    if (block.size < skip_ + 4 || block.size > kMaxBlock) block.size = skip_ + 4;  // fails its checksum
    ASSIGN_OR_RETURN(const std::string whole, objects_.ReadAt(block.address, block.size));
    ASSIGN_OR_RETURN(Hdf5Fields fields, objects_.Fields(block.address, block.size));
    if (block.address != blocks_.front().address) fields.ExpectText("OCHK", "signature");
    fields.Skip(skip_ - (block.address != blocks_.front().address ? 4 : 0));
    const size_t gap_free = (flags_ & 4) != 0 ? 6 : 4;  // shortest message
    while (fields.status().ok() && fields.left() >= gap_free + 4) {
      const auto type = static_cast<uint32_t>(fields.Number(1, "message type"));
      const uint64_t size = fields.Number(2, "message size");
      const uint64_t flags = fields.Number(1, "message flags");
      if ((flags_ & 4) != 0) fields.Skip(2);
      RETURN_IF_ERROR(Take(fields, type, size, flags));
    }
    if (fields.left() > 4) fields.Skip(fields.left() - 4);
    fields.Expect(4, Hdf5Checksum(absl::string_view(whole).substr(0, whole.size() - 4)), "checksum");
    skip_ = 4;  // continuation blocks begin with their signature alone
    return fields.status();
  }

  absl::Status Take(Hdf5Fields& fields, uint32_t type, uint64_t size, uint64_t flags) {
    const uint64_t offset = fields.offset();
    std::string data(fields.Bytes(size, "message"));
    RETURN_IF_ERROR(fields.status());
    if (type == kHdf5Continuation) return Continue(Hdf5Fields(std::move(data), offset, Path()));
    const bool needed =
        type == kHdf5Dataspace || type == kHdf5Datatype || type == kHdf5Layout || type == kHdf5Filters;
    if (needed && (flags & kShared) != 0) fields.Unsupported("a message shared between objects is not read");
    messages_.push_back({type, offset, std::move(data)});
    fields.Require(messages_.size() <= kMaxMessages, "messages", "expected at most 100000");
    return fields.status();
  }

  absl::Status Continue(Hdf5Fields fields) {
    const uint64_t address = fields.Address(objects_.address_size(), "continuation address");
    const uint64_t size = fields.Number(objects_.length_size(), "continuation size");
    fields.Require(size <= kMaxBlock, "continuation size", "expected at most 64 MiB");
    fields.Require(budget_.Take(size), "continuation size", kHdf5Overlap);
    blocks_.push_back({address, size});
    return fields.status();
  }

  std::string Path() const { return objects_.file().path().string(); }

  const Hdf5Objects& objects_;
  Hdf5Budget budget_;
  std::vector<Block> blocks_;
  std::vector<Hdf5Message> messages_;
  bool new_ = false;
  uint64_t flags_ = 0;
  uint64_t skip_ = 0;  // bytes before the messages of the next block
};

}  // namespace

absl::StatusOr<Hdf5Objects> Hdf5Objects::Open(SourceFile file) {
  Hdf5Objects objects(std::move(file));
  RETURN_IF_ERROR(objects.ReadSuperblock());
  return objects;
}

absl::StatusOr<std::string> Hdf5Objects::ReadAt(uint64_t address, uint64_t size) const {
  if (address > file_->size()) {
    return absl::DataLossError(absl::StrCat(file_->path().string(), ": expected ", size, " bytes at address ",
                                            address, "; the file has ", file_->size(), " bytes"));
  }
  return file_->ReadAt(base_ + address, size);
}

absl::StatusOr<Hdf5Fields> Hdf5Objects::Fields(uint64_t address, uint64_t size) const {
  ASSIGN_OR_RETURN(std::string bytes, ReadAt(address, size));
  return Hdf5Fields(std::move(bytes), base_ + address, file_->path().string());
}

absl::Status Hdf5Objects::ReadSuperblock() {
  // At the start of the file, or behind a block of the user's own.
  for (uint64_t start = 0; start < file_->size() && start < (1 << 20); start = start == 0 ? 512 : 2 * start) {
    const absl::StatusOr<std::string> signature = file_->ReadAt(start, kSignature.size());
    if (!signature.ok() || *signature != kSignature) continue;
    ASSIGN_OR_RETURN(Hdf5Fields fields, Fields(start, std::min<uint64_t>(96, file_->size() - start)));
    fields.Skip(kSignature.size());
    const uint64_t version = fields.Number(1, "superblock version");
    fields.Require(version <= 3, "superblock version", "expected 0 to 3");
    RETURN_IF_ERROR(fields.status());
    return version < 2 ? ReadOldSuperblock(fields, version) : ReadNewSuperblock(fields, start);
  }
  return absl::DataLossError(
      absl::StrCat(file_->path().string(), " offset 0: expected an HDF5 file's signature"));
}

absl::Status Hdf5Objects::ReadOldSuperblock(Hdf5Fields& fields, uint64_t version) {
  fields.Skip(4);
  address_size_ = fields.Number(1, "size of offsets");
  length_size_ = fields.Number(1, "size of lengths");
  fields.Require(IsSize(address_size_) && IsSize(length_size_), "size of offsets and lengths",
                 "expected 2, 4 or 8");
  RETURN_IF_ERROR(fields.status());
  fields.Skip(version == 1 ? 13 : 9);
  const uint64_t base = fields.Address(address_size_, "base address");
  fields.Skip(address_size_);
  const uint64_t end = fields.Address(address_size_, "end of file address");
  fields.Skip(2 * address_size_);  // driver information; name of the root group
  root_ = fields.Address(address_size_, "root group address");
  fields.Require(end <= file_->size(), "end of file address",
                 absl::StrCat("expected at most the file's ", file_->size(), " bytes, found ", end));
  fields.Require(base <= file_->size(), "base address", "expected one within the file");
  base_ = base;
  return fields.status();
}

absl::Status Hdf5Objects::ReadNewSuperblock(Hdf5Fields& fields, uint64_t start) {
  address_size_ = fields.Number(1, "size of offsets");
  length_size_ = fields.Number(1, "size of lengths");
  fields.Require(IsSize(address_size_) && IsSize(length_size_), "size of offsets and lengths",
                 "expected 2, 4 or 8");
  RETURN_IF_ERROR(fields.status());
  fields.Skip(1);
  const uint64_t base = fields.Address(address_size_, "base address");
  fields.Skip(address_size_);
  const uint64_t end = fields.Address(address_size_, "end of file address");
  root_ = fields.Address(address_size_, "root group address");
  fields.Require(end <= file_->size(), "end of file address",
                 absl::StrCat("expected at most the file's ", file_->size(), " bytes, found ", end));
  fields.Require(base <= file_->size(), "base address", "expected one within the file");
  RETURN_IF_ERROR(fields.status());
  ASSIGN_OR_RETURN(const std::string summed, file_->ReadAt(start, fields.offset() - start));
  fields.Expect(4, Hdf5Checksum(summed), "superblock checksum");
  base_ = base;
  return fields.status();
}

absl::StatusOr<std::vector<Hdf5Message>> Hdf5Objects::ReadMessages(uint64_t address) const {
  return MessageReader(*this).Run(address);
}

absl::StatusOr<std::vector<Hdf5Message>> Hdf5Objects::Find(absl::string_view path) const {
  ASSIGN_OR_RETURN(std::vector<Hdf5Message> messages, ReadMessages(root_));
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    ASSIGN_OR_RETURN(const auto links, ReadLinks(messages));
    const auto found = links.find(std::string(part));
    if (found == links.end()) {
      std::vector<std::string> names;
      for (const auto& [name, address] : links) {
        if (names.size() < 10) names.push_back(Shown(name));
      }
      return absl::NotFoundError(absl::StrCat(file_->path().string(), " has no ", Quoted(path),
                                              "; there: ", absl::StrJoin(names, ", ")));
    }
    ASSIGN_OR_RETURN(messages, ReadMessages(found->second));
  }
  return messages;
}

absl::StatusOr<std::map<std::string, uint64_t>> Hdf5Objects::ReadLinks(
    const std::vector<Hdf5Message>& group) const {
  std::map<std::string, uint64_t> links;
  Hdf5Budget budget(file_->size());
  for (const Hdf5Message& message : group) {
    if (message.type == kHdf5SymbolTable) RETURN_IF_ERROR(ReadSymbolTable(message, &budget, &links));
    if (message.type == kHdf5Link) RETURN_IF_ERROR(ReadLink(message, &links));
    if (message.type != kHdf5LinkInfo) continue;
    Hdf5Fields fields = Fields(message);
    fields.Expect(1, 0, "link info version");
    const uint64_t flags = fields.Number(1, "link info flags");
    if ((flags & 1) != 0) fields.Skip(8);
    if (fields.Address(address_size_, "address of links") != kHdf5Undefined)
      fields.Unsupported(
          "a group of many members in the newest layout is not read; rewrite the file with h5repack");
    RETURN_IF_ERROR(fields.status());
  }
  return links;
}

absl::Status Hdf5Objects::ReadLink(const Hdf5Message& message, std::map<std::string, uint64_t>* links) const {
  Hdf5Fields fields = Fields(message);
  fields.Expect(1, 1, "link version");
  const uint64_t flags = fields.Number(1, "link flags");
  const uint64_t type = (flags & 8) != 0 ? fields.Number(1, "link type") : 0;
  if ((flags & 4) != 0) fields.Skip(8);
  if ((flags & 16) != 0) fields.Skip(1);
  const uint64_t size = fields.Number(size_t{1} << (flags & 3), "link name size");
  std::string name(fields.Bytes(size, "link name"));
  if (type == 0) (*links)[std::move(name)] = fields.Address(address_size_, "link address");
  return fields.status();
}

absl::Status Hdf5Objects::ReadSymbolTable(const Hdf5Message& message, Hdf5Budget* budget,
                                          std::map<std::string, uint64_t>* links) const {
  Hdf5Fields table = Fields(message);
  std::vector<uint64_t> nodes = {table.Address(address_size_, "address of B-tree")};
  const uint64_t heap_address = table.Address(address_size_, "address of heap");
  RETURN_IF_ERROR(table.status());
  ASSIGN_OR_RETURN(Hdf5Fields heap, Fields(heap_address, 8 + 2 * length_size_ + address_size_));
  heap.ExpectText("HEAP", "signature");
  heap.Skip(4);
  const uint64_t heap_size = heap.Number(length_size_, "heap size");
  heap.Skip(length_size_);
  const uint64_t data_address = heap.Address(address_size_, "heap data address");
  heap.Require(heap_size <= kMaxBlock, "heap size", "expected at most 64 MiB");
  heap.Require(budget->Take(heap_size), "heap size", kHdf5Overlap);
  RETURN_IF_ERROR(heap.status());
  ASSIGN_OR_RETURN(const std::string names, ReadAt(data_address, heap_size));
  while (!nodes.empty()) {
    const uint64_t address = nodes.back();
    nodes.pop_back();
    ASSIGN_OR_RETURN(Hdf5Fields node, Fields(address, 8));
    const bool leaf = node.Bytes(4, "signature") == "SNOD";
    node.Skip(2);
    const uint64_t count = node.Number(2, "entries");
    const uint64_t size = leaf ? 8 + count * (2 * address_size_ + 24)
                               : 8 + 2 * address_size_ + count * (length_size_ + address_size_);
    node.Require(budget->Take(size), "entries", kHdf5Overlap);
    RETURN_IF_ERROR(node.status());
    if (!leaf) {
      ASSIGN_OR_RETURN(Hdf5Fields tree, Fields(address, size));
      tree.ExpectText("TREE", "signature");
      tree.Expect(1, 0, "node type");
      tree.Skip(3 + 2 * address_size_);
      for (uint64_t i = 0; i < count; ++i) {
        tree.Skip(length_size_);
        nodes.push_back(tree.Address(address_size_, "child"));
      }
      RETURN_IF_ERROR(tree.status());
      continue;
    }
    ASSIGN_OR_RETURN(Hdf5Fields entries, Fields(address + 8, size - 8));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t name = entries.Address(address_size_, "link name offset");
      const uint64_t object = entries.Address(address_size_, "object header address");
      entries.Skip(24);
      const size_t end = names.find('\0', name);
      entries.Require(end != std::string::npos && end - name <= kMaxName, "link name offset",
                      absl::StrCat("expected one of a name of at most ", kMaxName, " bytes in a heap of ",
                                   names.size(), ", found ", name));
      RETURN_IF_ERROR(entries.status());
      (*links)[names.substr(name, end - name)] = object;
    }
  }
  return absl::OkStatus();
}

}  // namespace ecgtrain
