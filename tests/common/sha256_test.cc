#include "common/sha256.h"

#include <gtest/gtest.h>

#include "common/ids.h"

namespace ecgtrain {
namespace {

constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, MatchesThePublishedTestVectorInPiecesToo) {
  EXPECT_EQ(Sha256Hex("abc"), kAbc);
  Sha256 hash;
  hash.Update("a");
  hash.Update("bc");
  EXPECT_EQ(hash.HexDigest(), kAbc);
  hash.Update("abc");
  EXPECT_EQ(hash.HexDigest(), kAbc) << "the object starts anew after a digest";
}

TEST(Sha256, DigestOfAMissingFileIsNotFound) {
  EXPECT_EQ(DigestFile("/nonexistent/file").status().code(), absl::StatusCode::kNotFound);
}

TEST(IsSha256Hex, TakesLowerCaseHexadecimalOfFullLengthOnly) {
  EXPECT_TRUE(IsSha256Hex(kAbc));
  EXPECT_FALSE(IsSha256Hex("ba78"));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'G')));
}

TEST(EqualInConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(EqualInConstantTime("secret", "secret"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secreT"));
  EXPECT_FALSE(EqualInConstantTime("secret", "secre"));
}

TEST(Ids, AreWellFormedAndDiffer) {
  const std::string uuid = NewUuid();
  EXPECT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(uuid, NewUuid());
  EXPECT_EQ(NewSecret().size(), 64u);
}

}  // namespace
}  // namespace ecgtrain
