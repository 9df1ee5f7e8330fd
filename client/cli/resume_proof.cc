#include "client/cli/resume_proof.h"

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ecgtrain {
namespace {

constexpr size_t kShownDigits = 12;  // of a digest, as artifact references have them

bool SameNumber(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string Exact(double value) { return absl::StrFormat("%.17g", value); }

template <typename Key, typename Value>
std::set<Key> AllKeys(const std::map<Key, Value>& a, const std::map<Key, Value>& b) {
  std::set<Key> keys;
  for (const auto& [key, value] : a) keys.insert(key);
  for (const auto& [key, value] : b) keys.insert(key);
  return keys;
}

void Add(ResumeProof& proof, ResumeProof::Row row) {
  proof.equal = proof.equal && row.equal;
  proof.rows.push_back(std::move(row));
}

void CompareFiles(const TrainingOutcome& whole, const TrainingOutcome& resumed, ResumeProof& proof) {
  const auto digest = [](const TrainingOutcome& outcome, const std::string& name) {
    const auto found = outcome.files.find(name);
    return found == outcome.files.end() ? std::string("absent") : found->second;
  };
  for (const std::string& name : AllKeys(whole.files, resumed.files)) {
    const std::string a = digest(whole, name);
    const std::string b = digest(resumed, name);
    Add(proof, {name, a.substr(0, kShownDigits), b.substr(0, kShownDigits), a == b});
  }
}

// The first point that differs stands for all.
void ComparePoints(const TrainingOutcome& whole, const TrainingOutcome& resumed, ResumeProof& proof) {
  for (const auto& key : AllKeys(whole.points, resumed.points)) {
    const auto a = whole.points.find(key);
    const auto b = resumed.points.find(key);
    const bool both = a != whole.points.end() && b != resumed.points.end();
    if (both && SameNumber(a->second, b->second)) continue;
    Add(proof, {absl::StrCat(key.first, " of step ", key.second),
                a == whole.points.end() ? "absent" : Exact(a->second),
                b == resumed.points.end() ? "absent" : Exact(b->second), false});
    return;
  }
  Add(proof, {"metrics", absl::StrCat(whole.points.size(), " points"),
              absl::StrCat(resumed.points.size(), " points"), true});
}

void CompareResults(const TrainingOutcome& whole, const TrainingOutcome& resumed, ResumeProof& proof) {
  for (const std::string& name : AllKeys(whole.result, resumed.result)) {
    const auto a = whole.result.find(name);
    const auto b = resumed.result.find(name);
    const bool both = a != whole.result.end() && b != resumed.result.end();
    Add(proof,
        {absl::StrCat("result ", name), a == whole.result.end() ? "absent" : Exact(a->second),
         b == resumed.result.end() ? "absent" : Exact(b->second), both && SameNumber(a->second, b->second)});
  }
}

}  // namespace

ResumeProof CompareOutcomes(const TrainingOutcome& whole, const TrainingOutcome& resumed) {
  ResumeProof proof;
  CompareFiles(whole, resumed, proof);
  ComparePoints(whole, resumed, proof);
  CompareResults(whole, resumed, proof);
  return proof;
}

Table ProofTable(const ResumeProof& proof) {
  Table table;
  table.columns = {{"ITEM"}, {"UNINTERRUPTED"}, {"RESUMED"}, {"EQUAL"}};
  for (const ResumeProof::Row& row : proof.rows) {
    table.rows.push_back({row.item, row.whole, row.resumed, row.equal ? "yes" : "NO"});
  }
  return table;
}

}  // namespace ecgtrain
