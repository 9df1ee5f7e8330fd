#include "tests/bench/history.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/status_macros.h"
#include "ecgtrain/v1/job.pb.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/row_values.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "spec/resolve.h"

namespace ecgtrain::bench {
namespace {

constexpr int64_t kUsers = 50;
constexpr int64_t kSecond = 1'000'000;

v1::JobSpec ResolvedSpec() {
  v1::JobSpec spec;
  spec.set_name("history");
  spec.mutable_pretrain()->set_dataset("synthetic");
  spec.mutable_model()->set_preset("tiny");
  spec.mutable_resources()->set_device("gpu");
  ResolveSpec(spec);
  return spec;
}

class Writer {
 public:
  explicit Writer(Connection& connection)
      : connection_(connection), spec_(ResolvedSpec().SerializeAsString()) {
    job_.set_kind("pretrain");
    job_.set_dataset("synthetic");
    job_.set_priority("normal");
    attempt_.set_number(1);
    attempt_.set_state(v1::ENDED);
    attempt_.set_reason(v1::COMPLETED);
    attempt_.set_worker("gpu-1");
    attempt_.add_devices("GPU-0");
    event_.set_actor("worker/gpu-1");
    for (const char* metric : {"train/loss", "validation/loss", "validation/auroc_macro"})
      finished_metrics_.push_back(metric);
  }

  absl::Status Add(int64_t id, int64_t total, bool finished) {
    const int64_t submitted = (kLastSubmission - (total - id) * 60) * kSecond;
    const v1::JobState state = !finished ? v1::QUEUED : id % 10 == 0 ? v1::FAILED : v1::SUCCEEDED;
    job_.set_id(id);
    job_.set_name(absl::StrCat("cell-", id));
    job_.set_user(absl::StrCat("user-", id % kUsers));
    job_.set_state(state);
    *job_.mutable_submitted() = TimestampOf(submitted);
    job_.set_attempts(finished ? 1 : 0);
    job_.clear_metrics();
    for (const std::string& metric : finished_metrics_)
      if (finished) (*job_.mutable_metrics())[metric] = 0.5;
    RETURN_IF_ERROR(connection_.Run(
        "INSERT INTO job (id, state, priority, name, user, submitted, record) VALUES (?, ?, 1, ?, ?, ?, ?)",
        id, static_cast<int>(state), job_.name(), job_.user(), submitted, Blob{job_.SerializeAsString()}));
    RETURN_IF_ERROR(connection_.Run("INSERT INTO job_spec (job, spec) VALUES (?, ?)", id, Blob{spec_}));
    RETURN_IF_ERROR(AddEvent(id, "submitted"));
    return finished ? AddAttempt(id) : absl::OkStatus();
  }

 private:
  absl::Status AddAttempt(int64_t id) {
    attempt_.set_job_id(id);
    attempt_.set_token(id);
    RETURN_IF_ERROR(connection_.Run(
        "INSERT INTO attempt (token, job, number, state, worker, record) VALUES (?, ?, 1, 3, 'gpu-1', ?)", id,
        id, Blob{attempt_.SerializeAsString()}));
    for (const char* type : {"leased", "started", "succeeded"}) RETURN_IF_ERROR(AddEvent(id, type));
    return absl::OkStatus();
  }

  absl::Status AddEvent(int64_t id, const char* type) {
    event_.set_job_id(id);
    event_.set_type(type);
    return connection_.Run("INSERT INTO event (job, record) VALUES (?, ?)", id,
                           Blob{event_.SerializeAsString()});
  }

  Connection& connection_;
  const std::string spec_;
  v1::Job job_;
  v1::Attempt attempt_;
  v1::JobEvent event_;
  std::vector<std::string> finished_metrics_;
};

}  // namespace

absl::Status WriteHistory(const std::string& path, const History& history) {
  RealClock clock;
  RETURN_IF_ERROR(SqliteJobStore::Open({.path = path, .clock = clock}).status());  // makes the schema
  ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, Connection::Open({.path = path}));
  connection->CheckpointWhenClosed();
  RETURN_IF_ERROR(connection->RunScript(
      "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA cache_size = -400000; "
      "PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE"));
  Writer writer(*connection);
  const int64_t total = history.finished + history.queued;
  for (int64_t id = 1; id <= total; ++id) RETURN_IF_ERROR(writer.Add(id, total, id <= history.finished));
  return connection->RunScript("COMMIT");
}

}  // namespace ecgtrain::bench
