// MAT version 5 files as scipy writes them (reference/, made by make_matrix_reference.py), and damaged ones.
#include "worker/data/mat5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/durable_file.h"
#include "worker/data/random.h"

namespace ecgtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Bytes(const std::string& file) {
  return ReadFile(
             std::filesystem::path(std::getenv("ECGTRAIN_SOURCE_DIR")) / "tests/worker/data/reference" / file,
             1 << 20)
      .value();
}

TEST(Mat5Test, StructuresAreReadCompressedOrNot) {
  for (const char* file : {"compressed.mat", "plain.mat"}) {
    const auto fields = ReadMat5Struct(Bytes(file), "ECG", file);
    ASSERT_TRUE(fields.ok()) << fields.status();
    EXPECT_THAT(fields->at("age").values, ElementsAre(63));
    EXPECT_THAT(fields->at("sex").values, ElementsAre('M', 'a', 'l', 'e'));
    const MatArray& data = fields->at("data");
    EXPECT_THAT(data.dimensions, ElementsAre(12, 40));
    for (size_t t = 0; t < 40; ++t) {
      for (size_t lead = 0; lead < 12; ++lead)
        EXPECT_EQ(data.values[t * 12 + lead],
                  (static_cast<double>(t) - 12.0 * static_cast<double>(lead)) / 1000);
    }
  }
}

TEST(Mat5Test, AbsentStructureIsAnError) {
  EXPECT_THAT(std::string(ReadMat5Struct(Bytes("plain.mat"), "EKG", "x.mat").status().message()),
              HasSubstr("x.mat: expected a structure \"EKG\""));
  EXPECT_EQ(ReadMat5Struct(Bytes("plain.mat"), "note", "x.mat").status().code(), absl::StatusCode::kDataLoss)
      << "a text is no structure";
}

TEST(Mat5Test, ErrorsNameOffsetFieldAndExpectation) {
  const std::string plain = Bytes("plain.mat"), compressed = Bytes("compressed.mat");
  EXPECT_THAT(std::string(ReadMat5Struct(plain.substr(0, 100), "ECG", "x.mat").status().message()),
              HasSubstr("x.mat has 100 bytes; a MAT version 5 file begins with 128"));
  std::string big_endian = plain;
  std::swap(big_endian[126], big_endian[127]);
  EXPECT_THAT(std::string(ReadMat5Struct(big_endian, "ECG", "x.mat").status().message()),
              HasSubstr("x.mat offset 124, version and byte order"));
  EXPECT_THAT(
      std::string(ReadMat5Struct(plain.substr(0, plain.size() - 8), "ECG", "x.mat").status().message()),
      HasSubstr("variable: expected at most"));
  std::string flipped = compressed;
  flipped[compressed.size() - 30] ^= 4;
  EXPECT_THAT(std::string(ReadMat5Struct(flipped, "ECG", "x.mat").status().message()),
              HasSubstr("compressed data: expected a whole zlib stream"));
}

TEST(Mat5Test, EveryFlippedBitOfCompressedDataIsFound) {
  const std::string whole = Bytes("compressed.mat");
  const auto expected = ReadMat5Struct(whole, "ECG", "x.mat")->at("data").values;
  for (size_t byte = whole.size() - 200; byte < whole.size(); ++byte) {
    std::string bytes = whole;
    bytes[byte] ^= 1;
    const auto fields = ReadMat5Struct(bytes, "ECG", "x.mat");
    EXPECT_TRUE(!fields.ok() || fields->at("data").values == expected) << byte;
  }
}

TEST(Mat5Test, DamagedFilesEndInAValueOrACleanError) {
  const std::string whole = Bytes("plain.mat");
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    Random random(2, whole.size(), i);
    std::string bytes = whole;
    for (int changes = 0; changes < 3; ++changes)
      bytes[128 + random.Next() % 600] = static_cast<char>(random.Chance(0.5) ? random.Next() : 0);
    const absl::Status status = ReadMat5Struct(bytes, "ECG", "x.mat").status();
    EXPECT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
    accepted += status.ok();
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 2900);
}

}  // namespace
}  // namespace ecgtrain
