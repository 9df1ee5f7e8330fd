// What SqliteJobStore does a second, on a real disk: one JSON line a figure.
//
//   store_bench [FOLDER]     the database is made in FOLDER (default: the current one) and removed at the end
#include <stdio.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/status_macros.h"
#include "server/store/sqlite/sqlite_job_store.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kRun = absl::Seconds(3);

void Print(absl::string_view figure, double value, absl::string_view unit) {
  printf("{\"figure\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", std::string(figure).c_str(), value,
         std::string(unit).c_str());
  fflush(stdout);
}

// Only stops the loops: figures are of the work done until then.
RealClock& TheClock() {
  static RealClock clock;
  return clock;
}

absl::Status InsertJob(StoreTransaction& transaction, const std::string& name) {
  v1::Job job;
  job.set_name(name);
  job.set_user("ada");
  job.set_state(v1::QUEUED);
  job.set_dataset("ptbxl");
  job.mutable_spec()->set_name(name);
  (*job.mutable_labels())["project"] = "bench";
  for (const char* metric : {"train/loss", "validation/loss", "validation/auroc_macro"})
    (*job.mutable_metrics())[metric] = 0.5;
  return transaction.InsertJob(job);
}

// Three rows a transaction: a job moves on and says so twice.
absl::Status MoveJob(StoreTransaction& transaction, int64_t id, uint64_t step) {
  ASSIGN_OR_RETURN(v1::Job job, transaction.GetJob(id));
  job.mutable_progress()->set_step(step);
  RETURN_IF_ERROR(transaction.UpdateJob(job));
  for (const char* type : {"phase", "progress"}) {
    v1::JobEvent event;
    event.set_job_id(id);
    event.set_type(type);
    event.set_message("step");
    RETURN_IF_ERROR(transaction.AppendEvent(event));
  }
  return absl::OkStatus();
}

// Transactions a second of `writers` threads, each waiting for its answer.
absl::StatusOr<double> WriteRate(JobStore& store, int writers) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> results(writers);
  std::vector<uint64_t> counts(writers, 0);
  const absl::Duration start = TheClock().Monotonic();
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      while (results[writer].ok() && TheClock().Monotonic() - start < kRun) {
        ++counts[writer];
        results[writer] = store.WriteAndWait(
            [&](StoreTransaction& transaction) { return MoveJob(transaction, writer + 1, counts[writer]); });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint64_t total = 0;
  for (int writer = 0; writer < writers; ++writer) {
    RETURN_IF_ERROR(results[writer]);
    total += counts[writer];
  }
  return total / absl::ToDoubleSeconds(TheClock().Monotonic() - start);
}

absl::StatusOr<double> MetricRate(JobStore& store, int batch) {
  RETURN_IF_ERROR(store.WriteAndWait([](StoreTransaction& transaction) {
    v1::Attempt attempt;
    attempt.set_job_id(1);
    attempt.set_number(1);
    attempt.set_state(v1::LEASED);
    return transaction.InsertAttempt(attempt);
  }));
  std::vector<MetricRow> rows(batch);
  for (int i = 0; i < batch; ++i) {
    rows[i].point.set_attempt(1);
    rows[i].point.set_name(absl::StrCat("metric/", i % 5));
    rows[i].point.set_value(0.1 * i);
  }
  uint64_t count = 0;
  const absl::Duration start = TheClock().Monotonic();
  while (TheClock().Monotonic() - start < kRun) {
    for (int i = 0; i < batch; ++i) {
      rows[i].seq = (count + i) / 5 + 1;
      rows[i].point.set_step(rows[i].seq);
    }
    RETURN_IF_ERROR(store.WriteAndWait(
        [&](StoreTransaction& transaction) { return transaction.AppendMetrics(1, rows); }));
    count += batch;
  }
  return count / absl::ToDoubleSeconds(TheClock().Monotonic() - start);
}

absl::Status FillJobs(JobStore& store, int jobs) {
  return store.WriteAndWait([jobs](StoreTransaction& transaction) {
    for (int i = 0; i < jobs; ++i) RETURN_IF_ERROR(InsertJob(transaction, absl::StrCat("job-", i)));
    return absl::OkStatus();
  });
}

// Median of 101 reads.
absl::StatusOr<absl::Duration> TimeOf(JobStore& store, absl::FunctionRef<absl::Status(StoreReader&)> read) {
  std::vector<absl::Duration> times;
  for (int i = 0; i < 101; ++i) {
    const absl::Duration start = TheClock().Monotonic();
    RETURN_IF_ERROR(store.Read(read));
    times.push_back(TheClock().Monotonic() - start);
  }
  std::nth_element(times.begin(), times.begin() + 50, times.end());
  return times[50];
}

absl::Status Measure(const std::string& path) {
  const absl::Duration opening = TheClock().Monotonic();
  ASSIGN_OR_RETURN(std::unique_ptr<JobStore> store,
                   SqliteJobStore::Open({.path = path, .clock = TheClock()}));
  Print("store.create", absl::ToDoubleMilliseconds(TheClock().Monotonic() - opening), "ms");
  RETURN_IF_ERROR(FillJobs(*store, 1000));

  const absl::Duration reopening = TheClock().Monotonic();
  store.reset();
  const absl::Duration closed = TheClock().Monotonic();
  ASSIGN_OR_RETURN(store, SqliteJobStore::Open({.path = path, .clock = TheClock()}));
  Print("store.close", absl::ToDoubleMilliseconds(closed - reopening), "ms");
  Print("store.open.1000_jobs", absl::ToDoubleMilliseconds(TheClock().Monotonic() - closed), "ms");

  ASSIGN_OR_RETURN(absl::Duration time, TimeOf(*store, [](StoreReader& reader) {
                     return reader.ListJobs({.limit = 1000}).status();
                   }));
  Print("store.list_jobs.1000", absl::ToDoubleMilliseconds(time), "ms");
  ASSIGN_OR_RETURN(time, TimeOf(*store, [](StoreReader& reader) { return reader.GetJob(500).status(); }));
  Print("store.get_job", absl::ToDoubleMicroseconds(time), "us");
  for (const int writers : {1, 8, 64}) {
    ASSIGN_OR_RETURN(const double rate, WriteRate(*store, writers));
    Print(absl::StrCat("store.write.", writers, ".per_second"), rate, "1/s");
  }
  ASSIGN_OR_RETURN(const double rate, MetricRate(*store, 500));
  Print("store.metrics.batch_500.per_second", rate, "1/s");
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const std::filesystem::path folder =
      std::filesystem::path(argc > 1 ? argv[1] : ".") / absl::StrCat("store-bench-", NewUuid());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const absl::Status status = Measure((folder / "store.db").string());
  std::filesystem::remove_all(folder, error);
  if (!status.ok()) fprintf(stderr, "store_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) { return ecgtrain::Main(argc, argv); }
