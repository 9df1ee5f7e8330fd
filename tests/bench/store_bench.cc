// What SqliteJobStore does a second, on a real disk, and what a coordinator does with years of history: one
// JSON line a figure.
//
//   store_bench [FOLDER] [FINISHED] [QUEUED]
//
// Databases are made in FOLDER (default: the current one) and removed at the end; history: so many jobs, by
// default 1,000,000 finished and 10,000 queued, about 3 GB.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/clock.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "server/store/sqlite/sqlite_job_store.h"
#include "tests/bench/history_bench.h"

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

// Runs `step(client)` over and over on each of `clients` threads; how often a second in all.
absl::StatusOr<double> RateOf(int clients, const std::function<absl::Status(int client)>& step) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> results(clients);
  std::vector<uint64_t> counts(clients, 0);
  const absl::Duration start = TheClock().Monotonic();
  for (int client = 0; client < clients; ++client) {
    threads.emplace_back([&, client] {
      while (results[client].ok() && TheClock().Monotonic() - start < kRun) {
        results[client] = step(client);
        ++counts[client];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = absl::ToDoubleSeconds(TheClock().Monotonic() - start);
  uint64_t total = 0;
  for (int client = 0; client < clients; ++client) {
    RETURN_IF_ERROR(results[client]);
    total += counts[client];
  }
  return total / seconds;
}

// Each client waits for its answer.
absl::StatusOr<double> WriteRate(JobStore& store, int clients) {
  std::vector<uint64_t> steps(clients, 0);
  return RateOf(clients, [&](int client) {
    return store.WriteAndWait(
        [&](StoreTransaction& transaction) { return MoveJob(transaction, client + 1, ++steps[client]); });
  });
}

// Rows a second of clients that report batches of `batch` points, five an event.
absl::StatusOr<double> MetricRate(JobStore& store, int clients, int batch) {
  std::vector<std::vector<MetricRow>> rows(clients, std::vector<MetricRow>(batch));
  for (int client = 0; client < clients; ++client) {
    RETURN_IF_ERROR(store.WriteAndWait([client, clients](StoreTransaction& transaction) {
      v1::Attempt attempt;
      attempt.set_job_id(100 * clients + client);
      attempt.set_number(1);
      attempt.set_state(v1::LEASED);
      return transaction.InsertAttempt(attempt);
    }));
    for (int i = 0; i < batch; ++i) {
      MetricRow& row = rows[client][i];
      row.seq = i / 5 + 1;
      row.point.set_attempt(1);
      row.point.set_name(absl::StrCat("metric/", i % 5));
      row.point.set_value(0.1 * i);
    }
  }
  ASSIGN_OR_RETURN(const double batches, RateOf(clients, [&](int client) {
                     for (MetricRow& row : rows[client]) row.seq += batch / 5;
                     return store.WriteAndWait([&](StoreTransaction& transaction) {
                       return transaction.AppendMetrics(100 * clients + client, rows[client]);
                     });
                   }));
  return batches * batch;
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

// What the disk does by itself: no figure of writes can be understood without it.
absl::StatusOr<double> SyncRate(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string bytes(32 << 10, 'x');
  return RateOf(1, [&](int) {
    if (pwrite(fd.get(), bytes.data(), bytes.size(), 0) < 0 || fdatasync(fd.get()) != 0)
      return FileError(errno, "write", path);
    return absl::OkStatus();
  });
}

absl::Status Measure(const std::string& path) {
  ASSIGN_OR_RETURN(const double syncs, SyncRate(absl::StrCat(path, ".sync")));
  Print("disk.write_and_sync.per_second", syncs, "1/s");

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
  for (const int clients : {1, 8}) {
    ASSIGN_OR_RETURN(const double rate, MetricRate(*store, clients, 500));
    Print(absl::StrCat("store.metrics.", clients, ".batch_500.rows_per_second"), rate, "1/s");
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const std::filesystem::path folder =
      std::filesystem::path(argc > 1 ? argv[1] : ".") / absl::StrCat("store-bench-", NewUuid());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  bench::History history;
  if (argc > 2) history.finished = std::stoll(argv[2]);
  if (argc > 3) history.queued = std::stoll(argv[3]);
  absl::Status status = Measure((folder / "store.db").string());
  if (status.ok()) status = bench::BenchHistory(folder, history);
  std::filesystem::remove_all(folder, error);
  if (!status.ok()) fprintf(stderr, "store_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain

int main(int argc, char** argv) { return ecgtrain::Main(argc, argv); }
