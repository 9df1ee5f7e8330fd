#include "server/coordinator/replay.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/message_differencer.h>

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

constexpr size_t kLongestRequestId = 128;
constexpr size_t kMostFieldsNamed = 8;

// Method, line break, message with its maps in order.
std::string Content(const RequestKey& key, const Message& request) {
  std::string content = absl::StrCat(key.method, "\n");
  google::protobuf::io::StringOutputStream stream(&content);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  request.SerializeToCodedStream(&coded);
  coded.Trim();
  return content;
}

// Collects the paths of the fields that differ.
class PathReporter final : public MessageDifferencer::Reporter {
 public:
  using Path = std::vector<MessageDifferencer::SpecificField>;
  void ReportAdded(const Message&, const Message&, const Path& path) override { Add(path); }
  void ReportDeleted(const Message&, const Message&, const Path& path) override { Add(path); }
  void ReportModified(const Message&, const Message&, const Path& path) override { Add(path); }

  std::string Fields() const {
    if (paths_.size() <= kMostFieldsNamed) return absl::StrJoin(paths_, ", ");
    const auto end = std::next(paths_.begin(), kMostFieldsNamed);
    return absl::StrCat(absl::StrJoin(paths_.begin(), end, ", "), " and ", paths_.size() - kMostFieldsNamed,
                        " more");
  }

 private:
  void Add(const Path& path) {
    std::string text;
    for (const auto& step : path) {
      if (step.field == nullptr) continue;
      absl::StrAppend(&text, text.empty() ? "" : ".", std::string(step.field->name()));
      if (step.index >= 0) absl::StrAppend(&text, "[", step.index, "]");
    }
    paths_.insert(std::move(text));
  }
  std::set<std::string> paths_;
};

absl::Status Conflict(const RequestKey& key, absl::string_view differing) {
  return WithErrorInfo(
      absl::AlreadyExistsError(
          absl::StrCat("request_id ", key.request_id, " was used before with other content: ", differing)),
      "REQUEST_ID_REUSED", {{"fields", std::string(differing)}});
}

}  // namespace

absl::Status CheckRequestId(absl::string_view request_id) {
  if (!request_id.empty() && request_id.size() <= kLongestRequestId) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "request_id has ", request_id.size(), " bytes; expected 1 to ", kLongestRequestId, ", best a UUID"));
}

absl::StatusOr<std::optional<std::string>> FindAnswer(StoreReader& reader, const RequestKey& key,
                                                      const Message& request) {
  ASSIGN_OR_RETURN(std::optional<RequestRow> row, reader.FindRequest(key.principal, key.request_id));
  if (!row) return std::nullopt;
  if (row->content == Content(key, request)) return std::move(row->answer);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(row->content, absl::MaxSplits('\n', 1));
  if (parts.first != key.method) return Conflict(key, absl::StrCat("it was a ", parts.first));
  std::unique_ptr<Message> first(request.New());
  if (!first->ParseFromArray(parts.second.data(), static_cast<int>(parts.second.size()))) {
    return absl::DataLossError(absl::StrCat("the kept request ", key.request_id, " cannot be read"));
  }
  PathReporter reporter;
  MessageDifferencer differencer;
  differencer.ReportDifferencesTo(&reporter);
  if (differencer.Compare(*first, request)) return std::move(row->answer);
  return Conflict(key, reporter.Fields());
}

absl::Status KeepAnswer(StoreTransaction& store, const RequestKey& key, const Message& request,
                        const Message& answer) {
  return store.PutRequest(key.principal, key.request_id,
                          {.content = Content(key, request), .answer = answer.SerializeAsString()});
}

}  // namespace ecgtrain
