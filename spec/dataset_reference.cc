#include "spec/dataset_reference.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/quoted.h"
#include "spec/reference.h"

namespace ecgtrain {
namespace {

constexpr size_t kMaxName = 63;
constexpr size_t kLeastDigits = 12;
constexpr size_t kMostDigits = 64;

bool IsDigest(absl::string_view text) {
  return text.size() >= kLeastDigits && text.size() <= kMostDigits &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

absl::StatusOr<DatasetReference> ParseDatasetReference(absl::string_view text) {
  const size_t hash = text.find('#');
  const size_t at = text.substr(0, hash).find('@');
  const size_t name_end = std::min({at, hash, text.size()});
  DatasetReference reference{.name = std::string(text.substr(0, name_end))};
  bool good = IsIdentifier(reference.name) && reference.name.size() <= kMaxName;
  if (at != absl::string_view::npos) {
    reference.version = std::string(text.substr(0, hash).substr(at + 1));
    good &= IsIdentifier(reference.version) && reference.version.size() <= kMaxName;
  }
  if (hash != absl::string_view::npos) {
    reference.digest = std::string(text.substr(hash + 1));
    good &= IsDigest(reference.digest);
  }
  if (good) return reference;
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(text), " names no data set; write NAME (at most ", kMaxName,
      " letters, digits, '.', '_' and '-', beginning with a letter or digit), NAME@VERSION, NAME#DIGEST or "
      "NAME@VERSION#DIGEST with ",
      kLeastDigits, " to ", kMostDigits, " lower-case hexadecimal digits"));
}

std::string FormatReference(const DatasetReference& reference) {
  std::string text = reference.name;
  if (!reference.version.empty()) absl::StrAppend(&text, "@", reference.version);
  if (!reference.digest.empty()) absl::StrAppend(&text, "#", reference.digest);
  return text;
}

absl::string_view DatasetName(absl::string_view text) { return text.substr(0, text.find_first_of("@#")); }

std::string ShortDigest(absl::string_view digest) { return std::string(digest.substr(0, kLeastDigits)); }

std::string StateOf(const v1::WorkerDataset& held) {
  return FormatReference({held.name(), held.version(),
                          held.packs().empty() ? "" : ShortDigest(held.packs().rbegin()->source_digest())});
}

DatasetMatch Match(const DatasetReference& wanted, const v1::WorkerDataset& held) {
  if (wanted.name != held.name()) return DatasetMatch::kNo;
  if (!wanted.version.empty() && wanted.version != held.version()) return DatasetMatch::kNo;
  if (wanted.digest.empty()) return DatasetMatch::kYes;
  if (held.packs().empty()) return DatasetMatch::kUnknown;
  const bool held_any = std::any_of(
      held.packs().begin(), held.packs().end(),
      [&](const v1::DatasetPack& pack) { return absl::StartsWith(pack.source_digest(), wanted.digest); });
  return held_any ? DatasetMatch::kYes : DatasetMatch::kNo;
}

}  // namespace ecgtrain
