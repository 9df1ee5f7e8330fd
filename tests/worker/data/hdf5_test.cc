// HDF5 files as h5py writes them (reference/, made by make_matrix_reference.py), and damaged ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "tests/worker/data/test_folder.h"
#include "worker/data/hdf5_checksum.h"
#include "worker/data/hdf5_dataset.h"
#include "worker/data/hdf5_objects.h"
#include "worker/data/random.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file and one of its datasets.
struct Opened {
  std::unique_ptr<Hdf5Objects> objects;
  std::unique_ptr<Hdf5Dataset> dataset;
};

absl::StatusOr<Opened> Open(const std::filesystem::path& folder, const std::string& file,
                            const std::string& path) {
  absl::StatusOr<SourceFile> source = SourceFolder::Open(folder)->OpenFile(file);
  if (!source.ok()) return source.status();
  absl::StatusOr<Hdf5Objects> objects = Hdf5Objects::Open(*std::move(source));
  if (!objects.ok()) return objects.status();
  Opened opened{std::make_unique<Hdf5Objects>(*std::move(objects)), nullptr};
  absl::StatusOr<std::unique_ptr<Hdf5Dataset>> dataset = Hdf5Dataset::Open(*opened.objects, path);
  if (!dataset.ok()) return dataset.status();
  opened.dataset = *std::move(dataset);
  return opened;
}

// What the generator puts into `tracings`.
void ExpectTracings(const Hdf5Dataset& dataset, const std::string& file) {
  ASSERT_THAT(dataset.shape(), ElementsAre(5, 6, 12)) << file;
  for (uint64_t row = 0; row < dataset.rows(); ++row) {
    const absl::StatusOr<std::vector<double>> values = dataset.ReadRow(row);
    ASSERT_TRUE(values.ok()) << file << values.status();
    ASSERT_EQ(values->size(), 72u);
    for (size_t i = 0; i < values->size(); ++i)
      ASSERT_EQ((*values)[i], static_cast<double>(row * 72 + i) / 4 - 3)
          << file << " row " << row << " value " << i;
  }
}

std::vector<std::string> Ids(const std::string& file) {
  const absl::StatusOr<Opened> opened = Open(ReferenceFolder(), file, "exam_id");
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *opened->dataset->ReadNames() : std::vector<std::string>();
}

TEST(Hdf5Test, EveryLayoutGivesItsValues) {
  for (const char* file :
       {"contiguous.h5", "gzip.h5", "uneven.h5", "unfiltered.h5", "half.h5", "latest.h5", "userblock.h5"}) {
    const absl::StatusOr<Opened> opened = Open(ReferenceFolder(), file, "tracings");
    ASSERT_TRUE(opened.ok()) << file << opened.status();
    ExpectTracings(*opened->dataset, file);
  }
  const absl::StatusOr<Opened> grouped = Open(ReferenceFolder(), "group.h5", "a/b/tracings");
  ASSERT_TRUE(grouped.ok()) << grouped.status();
  ExpectTracings(*grouped->dataset, "group.h5");
}

TEST(Hdf5Test, NamesAreIntegersOrTexts) {
  EXPECT_THAT(Ids("gzip.h5"), ElementsAre("1000", "1007", "1014", "1021", "1028"));
  EXPECT_THAT(Ids("latest.h5"), ElementsAre("1000", "1007", "1014", "1021", "1028"));
  EXPECT_THAT(Ids("userblock.h5"), ElementsAre("-1000", "-1007", "-1014", "-1021", "-1028"));
  EXPECT_THAT(Ids("half.h5"), ElementsAre("id 0", "id 1", "id 2", "id 3", "id 4"));
}

TEST(Hdf5Test, WhatIsNotThereIsNamedWithWhatIs) {
  const absl::Status status = Open(ReferenceFolder(), "gzip.h5", "signals").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has no \"signals\"; there: exam_id, tracings"));
}

TEST(Hdf5Test, OtherCompressionIsRefusedWithAdvice) {
  const absl::Status status = Open(ReferenceFolder(), "lzf.h5", "tracings").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("h5repack -f GZIP=4"));
}

TEST(Hdf5Test, DamagedChunkNamesItsAddress) {
  TestFolder folder;
  std::string bytes = ReadFile(ReferenceFolder() / "uneven.h5", 1 << 20).value();
  const size_t stream = bytes.rfind("\x78\x5e");  // how zlib begins at h5py's level
  ASSERT_NE(stream, std::string::npos);
  bytes[stream + 20] ^= 1;
  folder.Write("r.h5", bytes);
  const absl::StatusOr<Opened> opened = Open(folder.path(), "r.h5", "tracings");
  ASSERT_TRUE(opened.ok()) << opened.status();
  absl::Status first;
  for (uint64_t row = 0; row < 5; ++row) first.Update(opened->dataset->ReadRow(row).status());
  EXPECT_EQ(first.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(first.message()), HasSubstr("r.h5, dataset \"tracings\", chunk at address"));
}

TEST(Hdf5Test, CutFileIsAnErrorThatTellsTheSize) {
  TestFolder folder;
  const std::string whole = ReadFile(ReferenceFolder() / "contiguous.h5", 1 << 20).value();
  folder.Write("r.h5", whole.substr(0, whole.size() - 1));
  EXPECT_THAT(std::string(Open(folder.path(), "r.h5", "tracings").status().message()),
              HasSubstr(absl::StrCat("end of file address: expected at most the file's ", whole.size() - 1)));
}

// The last error of opening a dataset of the reference file and reading its first row, where `change` was
// made to the file.
template <typename Change>
std::string ErrorAfter(const std::string& file, const std::string& path, Change change) {
  TestFolder folder;
  std::string bytes = ReadFile(ReferenceFolder() / file, 1 << 20).value();
  change(bytes);
  folder.Write("r.h5", bytes);
  const absl::StatusOr<Opened> opened = Open(folder.path(), "r.h5", path);
  const absl::Status status = opened.ok() ? opened->dataset->ReadRow(0).status() : opened.status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  return std::string(status.message());
}

void Put(std::string& bytes, size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes.at(at + i) = static_cast<char>(value >> 8 * i);
}

std::string Numbers(const std::vector<uint64_t>& values, size_t size) {
  std::string bytes(values.size() * size, '\0');
  for (size_t i = 0; i < values.size(); ++i) Put(bytes, i * size, values[i], size);
  return bytes;
}

TEST(Hdf5Test, RowsAreBoundedByWhatTheFileCanHold) {
  const std::string error = ErrorAfter("contiguous.h5", "tracings", [](std::string& bytes) {
    Put(bytes, bytes.find(Numbers({5, 6, 12}, 8)), 5'000'000, 8);
  });
  EXPECT_THAT(error,
              HasSubstr("dataset \"tracings\": expected at most 3640896 rows in a file of 3528 bytes"));
}

TEST(Hdf5Test, ChunksFarLargerThanTheirRowAreRefused) {
  const std::string error = ErrorAfter("gzip.h5", "tracings", [](std::string& bytes) {
    const std::string chunk = Numbers({1, 6, 12, 4}, 4);
    bytes.replace(bytes.find(chunk), chunk.size(), Numbers({1, 1, 15 << 20, 4}, 4));
  });
  EXPECT_THAT(error, HasSubstr("expected chunks of at most 256 MiB together that hold a row"));
}

TEST(Hdf5Test, TreeThatIsACircleIsRefused) {
  const std::string error = ErrorAfter("group.h5", "a/b/tracings", [](std::string& bytes) {
    const size_t tree = bytes.find("TREE");
    Put(bytes, tree + 32, tree, 8);  // its first child
  });
  EXPECT_THAT(error, HasSubstr("so they overlap or form a circle"));
}

TEST(Hdf5Test, NameThatDoesNotEndIsRefused) {
  const std::string error = ErrorAfter("group.h5", "a/b/tracings", [](std::string& bytes) {
    Put(bytes, bytes.find("HEAP") + 8, 9, 8);  // size of the heap: up to the first name's first letter
  });
  EXPECT_THAT(error,
              HasSubstr("link name offset: expected one of a name of at most 4096 bytes in a heap of 9"));
}

TEST(Hdf5Test, NewMetadataIsGuardedByItsChecksum) {
  // The published value of lookup3's hashlittle("Four score and seven years ago", 30, 0).
  EXPECT_EQ(Hdf5Checksum("Four score and seven years ago"), 0x17770551u);
  TestFolder folder;
  std::string bytes = ReadFile(ReferenceFolder() / "latest.h5", 1 << 20).value();
  bytes[20] ^= 1;  // base address
  folder.Write("r.h5", bytes);
  EXPECT_EQ(Open(folder.path(), "r.h5", "tracings").status().code(), absl::StatusCode::kDataLoss);
}

TEST(Hdf5Test, DamagedFilesEndInAValueOrACleanError) {
  TestFolder folder;
  for (const char* file : {"gzip.h5", "uneven.h5", "latest.h5", "group.h5"}) {
    const std::string whole = ReadFile(ReferenceFolder() / file, 1 << 20).value();
    for (int i = 0; i < 150; ++i) {
      Random random(1, whole.size(), i);
      std::string bytes = whole;
      for (int changes = 0; changes < 4; ++changes)
        bytes[random.Next() % bytes.size()] = static_cast<char>(random.Next());
      folder.Write("r.h5", bytes);
      const absl::StatusOr<Opened> opened = Open(folder.path(), "r.h5", "tracings");
      absl::Status status = opened.status();
      if (status.ok() && opened->dataset->rows() > 0) status = opened->dataset->ReadRow(0).status();
      EXPECT_TRUE(status.ok() || absl::IsDataLoss(status) || absl::IsUnimplemented(status) ||
                  absl::IsNotFound(status))
          << status;
    }
  }
}

}  // namespace
}  // namespace ecgtrain
