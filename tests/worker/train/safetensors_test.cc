#include "worker/train/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "tests/worker/train/fake_pack.h"

namespace ecgtrain {
namespace {

using testing::HasSubstr;

std::string File(const std::string& header, const std::string& data) {
  std::string text(8, '\0');
  for (int i = 0; i < 8; ++i) text[i] = static_cast<char>(header.size() >> (8 * i));
  return absl::StrCat(text, header, data);
}

constexpr char kGood[] =
    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3,1],"data_offsets":[8,11]}})";

TEST(Safetensors, ReadsWhatItWrote) {
  const TemporaryFolder folder;
  const std::string bytes = "12345678abc";
  const std::vector<TensorBytes> tensors = {{"b", "F32", {2}, absl::string_view(bytes).substr(0, 8)},
                                            {"a", "U8", {3, 1}, absl::string_view(bytes).substr(8)}};
  const auto digest = WriteSafetensors(folder.path() / "x", tensors);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(digest->sha256, DigestFile(folder.path() / "x")->sha256);
  const auto file = SafetensorsFile::Open(folder.path() / "x");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->tensors().size(), 2u);
  EXPECT_EQ((*file)->tensors()[0].name, "b");
  EXPECT_EQ((*file)->tensors()[1].bytes, "abc");
  EXPECT_EQ((*file)->tensors()[1].shape, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(WriteSafetensors(folder.path() / "x", tensors).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(Safetensors, AcceptsMetadataAndPadding) {
  const auto tensors = ParseSafetensors(File(R"({"__metadata__":{"format":"pt"}}     )", ""));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_TRUE(tensors->empty());
}

TEST(Safetensors, RefusesEveryKindOfDamage) {
  ASSERT_TRUE(ParseSafetensors(File(kGood, "12345678abc")).ok());
  const std::pair<std::string, const char*> cases[] = {
      {"1234567", "shorter"},
      {File(kGood, "12345678ab"), "do not fit"},
      {File(kGood, "12345678abcd"), "after the last tensor"},
      {std::string(8, '\xff') + "{}", "claims"},
      {File("[]", ""), "not a JSON object"},
      {File("{", ""), "not valid JSON"},
      {File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678"), "gap"},
      {File(
           R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
           "123"),
       "overlaps"},
      {File(
           R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           "1234"),
       "twice"},
      {File(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", "1234"), "dtype"},
      {File(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"), "shape"},
      {File(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", ""), "shape"},
      {File(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", ""),
       "do not fit"},
      {File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "1234"), "do not fit"},
      {File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", "1234"), "not an object"}};
  for (const auto& [content, finding] : cases) {
    const auto result = ParseSafetensors(content);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument) << finding;
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(finding));
  }
}

TEST(Safetensors, NeverReadsOutsideAFileOfAnyTruncationOrFlip) {
  const std::string good = File(kGood, "12345678abc");
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(ParseSafetensors(good.substr(0, size)).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char flip : {'\x01', '\x80'}) {
      std::string bad = good;
      bad[i] ^= flip;
      const auto tensors = ParseSafetensors(bad);
      if (!tensors.ok()) continue;
      size_t bytes = 0;
      for (const TensorBytes& tensor : *tensors) bytes += tensor.bytes.size();
      EXPECT_EQ(bytes, 11u);
    }
  }
}

TEST(Safetensors, NamesTheFileItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_EQ(SafetensorsFile::Open(folder.path() / "none").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileDurably(folder.path() / "bad", "not one").ok());
  const absl::Status status = SafetensorsFile::Open(folder.path() / "bad").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr((folder.path() / "bad").string()));
}

}  // namespace
}  // namespace ecgtrain
