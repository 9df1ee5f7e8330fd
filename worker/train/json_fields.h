// Reads the members of one JSON object, each once and with its type and range, and refuses those nobody asked
// for.
#ifndef ECGTRAIN_WORKER_TRAIN_JSON_FIELDS_H_
#define ECGTRAIN_WORKER_TRAIN_JSON_FIELDS_H_

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace ecgtrain {

// Readers leave `value` as it is where the member is absent, null or (strings) empty. The first problem is
// kept, and everything after it does nothing: ask Finish() at the end. Bound to one thread; `json` outlives
// it.
class JsonFields {
 public:
  // `where` is the path of the object, for messages: "spec.model".
  JsonFields(const nlohmann::json& json, std::string where);

  bool Has(const char* key);
  void Read(const char* key, bool& value);
  void Read(const char* key, double& value, double min, double max);
  // Any of the unsigned types; protobuf writes 64-bit ones as strings.
  template <typename T>
  void ReadUnsigned(const char* key, T& value, uint64_t min, uint64_t max) {
    uint64_t wide = value;
    ReadUint64(key, wide, min, max);
    value = static_cast<T>(wide);
  }
  void Read(const char* key, std::string& value);
  void Read(const char* key, std::vector<uint32_t>& value, uint32_t min, uint32_t max);
  void ReadStrings(const char* key, std::vector<std::string>& value);
  // protobuf JSON: "600s".
  void ReadSeconds(const char* key, absl::Duration& value, double min, double max);
  // One of the names in `table`.
  template <typename T>
  void ReadOneOf(const char* key, T& value, std::initializer_list<std::pair<const char*, T>> table) {
    std::string name;
    Read(key, name);
    if (name.empty()) return;
    std::vector<std::string> known;
    for (const auto& [entry, meaning] : table) {
      known.emplace_back(entry);
      if (name == entry) {
        value = meaning;
        return;
      }
    }
    FailUnknownName(key, name, known);
  }
  // The member as an object, empty where it is absent.
  const nlohmann::json& Object(const char* key);
  // Known, but of no meaning to the reader.
  void Ignore(std::initializer_list<const char*> keys);
  void Fail(absl::string_view key, absl::string_view problem);

  std::string Path(absl::string_view key) const;
  // INVALID_ARGUMENT: the first problem, or a member that was not read.
  absl::Status Finish();

 private:
  const nlohmann::json* Find(const char* key);
  void ReadUint64(const char* key, uint64_t& value, uint64_t min, uint64_t max);
  void FailUnknownName(const char* key, absl::string_view name, const std::vector<std::string>& known);

  const nlohmann::json& json_;
  std::string where_;
  std::vector<std::string> known_;
  absl::Status status_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_WORKER_TRAIN_JSON_FIELDS_H_
