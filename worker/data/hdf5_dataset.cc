#include "worker/data/hdf5_dataset.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "common/quoted.h"
#include "common/status_macros.h"

namespace ecgtrain {
namespace {

constexpr uint64_t kMaxBytes = 64 << 20;                 // of a row, a chunk, and the chunks that are kept
constexpr uint64_t kMaxRowElements = uint64_t{1} << 24;  // of a row: 128 MiB as doubles
constexpr uint64_t kMaxRowChunkBytes = 256 << 20;        // of the chunks that hold a row, decompressed
constexpr uint64_t kMaxRows = 10'000'000;
constexpr uint64_t kMaxRatio = 1032;  // deflate makes no more bytes of one
constexpr size_t kMaxRank = 8;

// One value of `size` bytes as the number of its bits, in this machine's order.
uint64_t Bits(const char* at, const Hdf5Type& type) {
  uint64_t bits = 0;
  for (size_t i = 0; i < type.size; ++i)
    bits = bits << 8 | static_cast<uint8_t>(at[type.big_endian ? i : type.size - 1 - i]);
  return bits;
}

int64_t Extended(uint64_t bits, const Hdf5Type& type) {
  if (!type.is_signed || type.size == 8) return static_cast<int64_t>(bits);
  const uint64_t sign = uint64_t{1} << (8 * type.size - 1);
  return static_cast<int64_t>((bits ^ sign) - sign);
}

double HalfToDouble(uint64_t bits) {
  const auto exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<double>(bits & 1023);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent < 31) {
    value = std::ldexp(fraction + 1024, exponent - 25);
  } else {
    value =
        fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double ToDouble(const char* at, const Hdf5Type& type) {
  const uint64_t bits = Bits(at, type);
  if (type.kind == Hdf5Type::Kind::kInteger) {
    const int64_t value = Extended(bits, type);
    return type.is_signed ? static_cast<double>(value) : static_cast<double>(bits);
  }
  if (type.size == 8) return std::bit_cast<double>(bits);
  return type.size == 4 ? std::bit_cast<float>(static_cast<uint32_t>(bits)) : HalfToDouble(bits);
}

std::string ToName(const char* at, const Hdf5Type& type) {
  if (type.kind == Hdf5Type::Kind::kText) {
    std::string text(at, type.size);
    text.resize(std::min(text.find('\0'), text.size()));
    text.resize(text.find_last_not_of(' ') + 1);
    return text;
  }
  const uint64_t bits = Bits(at, type);
  return type.is_signed ? absl::StrCat(Extended(bits, type)) : absl::StrCat(bits);
}

// Whether a * b stays at or below `limit`; then *product holds it.
bool Multiply(uint64_t a, uint64_t b, uint64_t limit, uint64_t* product) {
  if (b != 0 && a > limit / b) return false;
  *product = a * b;
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Hdf5Dataset>> Hdf5Dataset::Open(const Hdf5Objects& objects,
                                                               absl::string_view path) {
  ASSIGN_OR_RETURN(const std::vector<Hdf5Message> messages, objects.Find(path));
  auto dataset = std::unique_ptr<Hdf5Dataset>(new Hdf5Dataset(objects, std::string(path)));
  for (const Hdf5Message& message : messages) {
    if (message.type == kHdf5Dataspace) RETURN_IF_ERROR(dataset->ReadShape(objects.Fields(message)));
    if (message.type == kHdf5Datatype) RETURN_IF_ERROR(dataset->ReadType(objects.Fields(message)));
    if (message.type == kHdf5Layout) RETURN_IF_ERROR(dataset->ReadLayout(objects.Fields(message)));
    if (message.type == kHdf5Filters) {
      ASSIGN_OR_RETURN(dataset->filters_, ReadHdf5Filters(objects.Fields(message)));
    }
  }
  RETURN_IF_ERROR(dataset->CheckSizes());
  if (dataset->layout_.kind == Hdf5Layout::Kind::kChunked) RETURN_IF_ERROR(dataset->ReadChunkTree());
  return dataset;
}

absl::Status Hdf5Dataset::ReadShape(Hdf5Fields fields) {
  const uint64_t version = fields.Number(1, "dataspace version");
  fields.Require(version == 1 || version == 2, "dataspace version", "expected 1 or 2");
  const uint64_t rank = fields.Number(1, "number of dimensions");
  fields.Require(rank >= 1 && rank <= kMaxRank, "number of dimensions", "expected 1 to 8");
  fields.Skip(version == 1 ? 6 : 2);
  shape_.clear();
  for (uint64_t i = 0; i < rank && fields.status().ok(); ++i)
    shape_.push_back(fields.Number(objects_.length_size(), "dimension"));
  return fields.status();
}

absl::Status Hdf5Dataset::ReadType(Hdf5Fields fields) {
  const uint64_t kind = fields.Number(1, "datatype class") & 15;
  const uint64_t bits = fields.Number(3, "datatype bits");
  type_.size = fields.Number(4, "datatype size");
  type_.big_endian = (bits & 1) != 0;
  type_.is_signed = (bits & 8) != 0;
  const bool number_size = type_.size == 1 || type_.size == 2 || type_.size == 4 || type_.size == 8;
  if (kind == 0) {
    type_.kind = Hdf5Type::Kind::kInteger;
    fields.Require(number_size, "datatype size", "expected 1, 2, 4 or 8 bytes of an integer");
  } else if (kind == 1) {
    type_.kind = Hdf5Type::Kind::kFloat;
    fields.Require(number_size && type_.size > 1, "datatype size", "expected 2, 4 or 8 bytes of a number");
  } else if (kind == 3) {
    type_.kind = Hdf5Type::Kind::kText;
    fields.Require(type_.size >= 1 && type_.size <= 4096, "datatype size",
                   "expected 1 to 4096 bytes of text");
  } else {
    fields.Unsupported(absl::StrCat(Quoted(path_), " has a datatype of class ", kind,
                                    "; integers, floating-point numbers and texts of fixed size are read"));
  }
  return fields.status();
}

absl::Status Hdf5Dataset::ReadLayout(Hdf5Fields fields) {
  const uint64_t version = fields.Number(1, "layout version");
  const uint64_t kind = fields.Number(1, "layout class");
  fields.Require(version >= 1 && version <= 4 && kind <= 3, "layout version and class",
                 "expected 1 to 4 and 0 to 3");
  if (fields.status().ok() && (version < 3 || kind == 3 || (version == 4 && kind == 2))) {
    fields.Unsupported(
        absl::StrCat(Quoted(path_), " is stored in layout ", version, ", class ", kind,
                     ", which is not read; rewrite the file with h5repack, or write it with h5py's "
                     "default libver"));
  }
  RETURN_IF_ERROR(fields.status());
  if (kind == 0) {
    layout_.kind = Hdf5Layout::Kind::kCompact;
    layout_.compact = std::string(fields.Bytes(fields.Number(2, "compact size"), "compact values"));
  } else if (kind == 1) {
    layout_.kind = Hdf5Layout::Kind::kContiguous;
    layout_.address = fields.Address(objects_.address_size(), "address of values");
  } else {
    layout_.kind = Hdf5Layout::Kind::kChunked;
    const uint64_t rank = fields.Number(1, "chunk dimensions");
    fields.Require(rank >= 2 && rank <= kMaxRank + 1, "chunk dimensions", "expected 2 to 9");
    layout_.address = fields.Address(objects_.address_size(), "address of chunks");
    layout_.chunk.clear();
    for (uint64_t i = 0; i + 1 < rank && fields.status().ok(); ++i) {
      layout_.chunk.push_back(fields.Number(4, "chunk dimension"));
      fields.Require(layout_.chunk.back() > 0, "chunk dimension", "expected above 0");
    }
  }
  return fields.status();
}

absl::Status Hdf5Dataset::CheckSizes() {
  const auto bad = [this](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat(objects_.file().path().string(), ", dataset ", Quoted(path_), ": ", what));
  };
  if (shape_.empty() || type_.size == 0) return bad("expected a dataset with dimensions and a datatype");
  const uint64_t most_rows = std::min(kMaxRows, kMaxRatio * objects_.file().size());
  if (shape_.front() > most_rows)
    return bad(absl::StrCat("expected at most ", most_rows, " rows in a file of ", objects_.file().size(),
                            " bytes, found ", shape_.front()));
  uint64_t row_bytes = type_.size;
  for (size_t i = 1; i < shape_.size(); ++i) {
    if (!Multiply(row_bytes, shape_[i], kMaxBytes, &row_bytes)) return bad("expected rows of at most 64 MiB");
    row_elements_ *= shape_[i];
  }
  if (row_elements_ > kMaxRowElements) return bad("expected rows of at most 2^24 values");
  if (layout_.kind == Hdf5Layout::Kind::kChunked) {
    if (layout_.chunk.size() != shape_.size())
      return bad("expected chunks of as many dimensions as the dataset");
    chunk_bytes_ = type_.size;
    uint64_t chunks = 1;
    for (size_t i = 0; i < shape_.size(); ++i) {
      if (!Multiply(chunk_bytes_, layout_.chunk[i], kMaxBytes, &chunk_bytes_))
        return bad("expected chunks of at most 64 MiB");
      chunk_counts_.push_back((shape_[i] + layout_.chunk[i] - 1) / layout_.chunk[i]);
      if (!Multiply(chunks, chunk_counts_.back(), uint64_t{1} << 62, &chunks))
        return bad("expected fewer chunks");
    }
    uint64_t of_row = chunk_bytes_;
    for (size_t i = 1; i < shape_.size(); ++i) {
      if (!Multiply(of_row, chunk_counts_[i], kMaxRowChunkBytes, &of_row))
        return bad("expected chunks of at most 256 MiB together that hold a row");
    }
    return absl::OkStatus();
  }
  uint64_t bytes = 0;
  if (!Multiply(row_bytes, shape_.front(), uint64_t{1} << 62, &bytes)) return bad("expected fewer values");
  if (layout_.kind == Hdf5Layout::Kind::kCompact)
    return layout_.compact.size() >= bytes ? absl::OkStatus()
                                           : bad("expected as many values as its dimensions say");
  if (layout_.address == kHdf5Undefined) return absl::OkStatus();  // never written: zeros
  const uint64_t size = objects_.file().size();
  if (layout_.address <= size && bytes <= size - layout_.address) return absl::OkStatus();
  return bad(
      absl::StrCat("expected ", bytes, " bytes at address ", layout_.address, "; the file has ", size));
}

absl::Status Hdf5Dataset::ReadChunkTree() {
  if (layout_.address == kHdf5Undefined) return absl::OkStatus();
  const size_t rank = shape_.size();
  const size_t address_size = objects_.address_size();
  std::vector<uint64_t> nodes = {layout_.address};
  Hdf5Budget budget(objects_.file().size());
  const uint64_t entry = 8 + 8 * (rank + 1) + address_size;
  while (!nodes.empty()) {
    const uint64_t address = nodes.back();
    nodes.pop_back();
    ASSIGN_OR_RETURN(Hdf5Fields head, objects_.Fields(address, 8));
    head.ExpectText("TREE", "signature");
    head.Expect(1, 1, "node type");
    const uint64_t level = head.Number(1, "node level");
    const uint64_t count = head.Number(2, "entries");
    head.Require(budget.Take(8 + 2 * address_size + count * entry), "entries", kHdf5Overlap);
    RETURN_IF_ERROR(head.status());
    ASSIGN_OR_RETURN(Hdf5Fields entries, objects_.Fields(address + 8 + 2 * address_size, count * entry));
    for (uint64_t i = 0; i < count; ++i) {
      Chunk chunk;
      chunk.size = static_cast<uint32_t>(entries.Number(4, "chunk size"));
      chunk.skipped = static_cast<uint32_t>(entries.Number(4, "filter mask"));
      std::vector<uint64_t> position(rank);
      for (size_t k = 0; k < rank; ++k) {
        const uint64_t start = entries.Number(8, "chunk offset");
        position[k] = start / layout_.chunk[k];
        entries.Require(level > 0 || (start % layout_.chunk[k] == 0 && position[k] < chunk_counts_[k]),
                        "chunk offset", "expected the start of a chunk within the dataset");
      }
      entries.Skip(8);
      chunk.address = entries.Address(address_size, "chunk address");
      RETURN_IF_ERROR(entries.status());
      if (level > 0) {
        nodes.push_back(chunk.address);
      } else {
        chunks_[ChunkNumber(position)] = chunk;
      }
    }
  }
  return absl::OkStatus();
}

uint64_t Hdf5Dataset::ChunkNumber(const std::vector<uint64_t>& position) const {
  uint64_t number = 0;
  for (size_t i = 0; i < position.size(); ++i) number = number * chunk_counts_[i] + position[i];
  return number;
}

absl::StatusOr<std::shared_ptr<const std::string>> Hdf5Dataset::LoadChunk(uint64_t number) const {
  const bool shared = layout_.chunk.front() > 1;
  if (shared) {
    MutexLock lock(mutex_);
    const auto cached = cache_.find(number);
    if (cached != cache_.end()) return cached->second;
  }
  const Chunk& chunk = chunks_.at(number);
  const std::string where = absl::StrCat(objects_.file().path().string(), ", dataset ", Quoted(path_),
                                         ", chunk at address ", chunk.address);
  if (chunk.size > 2 * kMaxBytes)
    return absl::DataLossError(absl::StrCat(where, ": expected at most 128 MiB"));
  ASSIGN_OR_RETURN(std::string stored, objects_.ReadAt(chunk.address, chunk.size));
  ASSIGN_OR_RETURN(std::string bytes,
                   UndoHdf5Filters(std::move(stored), filters_, chunk.skipped, chunk_bytes_, where));
  auto loaded = std::make_shared<const std::string>(std::move(bytes));
  if (shared) {
    MutexLock lock(mutex_);
    while (!cache_.empty() && (cache_.size() + 1) * chunk_bytes_ > kMaxBytes) cache_.erase(cache_.begin());
    cache_[number] = loaded;
  }
  return loaded;
}

absl::Status Hdf5Dataset::CopyFromChunk(uint64_t row, const std::vector<uint64_t>& position,
                                        std::string* bytes) const {
  const uint64_t number = ChunkNumber(position);
  if (!chunks_.contains(number)) return absl::OkStatus();  // never written: zeros, which `bytes` holds
  ASSIGN_OR_RETURN(const std::shared_ptr<const std::string> chunk, LoadChunk(number));
  const size_t rank = shape_.size();
  // Elements of the chunk within the dataset, by dimension, and the strides of both.
  std::vector<uint64_t> extent(rank), at(rank), row_stride(rank, 1), chunk_stride(rank, 1);
  for (size_t i = rank; i-- > 0;) {
    extent[i] = std::min(layout_.chunk[i], shape_[i] - position[i] * layout_.chunk[i]);
    if (i + 1 < rank) {
      row_stride[i] = row_stride[i + 1] * shape_[i + 1];
      chunk_stride[i] = chunk_stride[i + 1] * layout_.chunk[i + 1];
    }
  }
  const uint64_t run = rank == 1 ? 1 : extent[rank - 1];
  while (true) {
    uint64_t from = (row % layout_.chunk[0]) * chunk_stride[0];
    uint64_t to = 0;
    for (size_t i = 1; i < rank; ++i) {
      from += at[i] * chunk_stride[i];
      to += (position[i] * layout_.chunk[i] + at[i]) * row_stride[i];
    }
    std::memcpy(bytes->data() + to * type_.size, chunk->data() + from * type_.size, run * type_.size);
    size_t i = rank < 2 ? 0 : rank - 2;  // the last dimension is copied in one run
    while (i > 0 && ++at[i] == extent[i]) at[i--] = 0;
    if (i == 0) return absl::OkStatus();
  }
}

absl::StatusOr<std::string> Hdf5Dataset::ReadRowBytes(uint64_t row) const {
  const uint64_t size = row_elements_ * type_.size;
  if (layout_.kind == Hdf5Layout::Kind::kCompact) return layout_.compact.substr(row * size, size);
  if (layout_.kind == Hdf5Layout::Kind::kContiguous) {
    if (layout_.address == kHdf5Undefined) return std::string(size, '\0');
    return objects_.ReadAt(layout_.address + row * size, size);
  }
  std::string bytes(size, '\0');
  if (size == 0) return bytes;
  std::vector<uint64_t> position(shape_.size());
  position[0] = row / layout_.chunk[0];
  while (true) {
    RETURN_IF_ERROR(CopyFromChunk(row, position, &bytes));
    size_t i = shape_.size() - 1;
    while (i > 0 && ++position[i] == chunk_counts_[i]) position[i--] = 0;
    if (i == 0) return bytes;
  }
}

absl::StatusOr<std::vector<double>> Hdf5Dataset::ReadRow(uint64_t row) const {
  if (type_.kind == Hdf5Type::Kind::kText) {
    return absl::DataLossError(absl::StrCat(objects_.file().path().string(), ", dataset ", Quoted(path_),
                                            ": expected numbers, found texts"));
  }
  ASSIGN_OR_RETURN(const std::string bytes, ReadRowBytes(row));
  std::vector<double> values(row_elements_);
  for (size_t i = 0; i < values.size(); ++i) values[i] = ToDouble(bytes.data() + i * type_.size, type_);
  return values;
}

absl::StatusOr<std::vector<std::string>> Hdf5Dataset::ReadNames() const {
  if (row_elements_ != 1 || type_.kind == Hdf5Type::Kind::kFloat) {
    return absl::DataLossError(absl::StrCat(objects_.file().path().string(), ", dataset ", Quoted(path_),
                                            ": expected one integer or text a row"));
  }
  std::vector<std::string> names;
  for (uint64_t row = 0; row < rows(); ++row) {
    ASSIGN_OR_RETURN(const std::string bytes, ReadRowBytes(row));
    names.push_back(ToName(bytes.data(), type_));
  }
  return names;
}

}  // namespace ecgtrain
