// JobStore in one SQLite file: the default of a lab, nothing to install.
//
// Write-ahead log with synchronous=FULL: what is acknowledged survives loss of power. One thread writes, a
// few read-only connections read. The file must lie on a local file system.
#ifndef ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_JOB_STORE_H_
#define ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_JOB_STORE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/clock.h"
#include "common/unique_fd.h"
#include "server/store/job_store.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/reader_pool.h"
#include "server/store/sqlite/writer.h"
#include "server/store/store_observer.h"

namespace ecgtrain {

struct SqliteOptions {
  std::string path;
  Clock& clock;                       // borrowed; dates rows, bounds reads
  StoreObserver* observer = nullptr;  // borrowed, may be null
  int readers = 4;
  std::string backup_folder;  // as of BackUpDatabase: what a refusal names; may be ""
  // Makes room on a full disk, once; false: there is none to be made. Called on the writer thread. May be
  // empty.
  std::function<bool()> make_room;
  std::string vfs;  // SQLite's file layer, "" for the default; for tests that inject faults
};

// Thread-safe.
class SqliteJobStore final : public JobStore {
 public:
  // Makes the file where there is none, checks it, brings its schema up to date.
  // DATA_LOSS, naming file, finding and the two ways on, when it is damaged: nothing is written then.
  // FAILED_PRECONDITION when another process has it open, it belongs to another program or has a newer
  // schema.
  static absl::StatusOr<std::unique_ptr<JobStore>> Open(const SqliteOptions& options);
  ~SqliteJobStore() override;

  void Write(Work work, Done done) override;
  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> work) override;
  uint64_t SizeBytes() override;

 private:
  SqliteJobStore(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  // Checks in the background what was too large to be checked at the start.
  void StartCheck(std::unique_ptr<Connection> connection, std::string backup_folder);

  const std::string path_;
  // Destroyed in the reverse order: the lock goes last.
  UniqueFd lock_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<ReaderPool> readers_;
  std::unique_ptr<Connection> check_connection_;
  std::atomic<bool> closing_ = false;
  std::thread check_;
};

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_STORE_SQLITE_SQLITE_JOB_STORE_H_
