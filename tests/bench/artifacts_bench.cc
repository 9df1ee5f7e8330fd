// How fast a checkpoint goes to a coordinator and back, against a plain copy of the same files with fsync in
// the same run: one JSON line a figure.
//
//   artifacts_bench [FOLDER]     files are made in FOLDER (default: the current one) and removed at the end
//
// The checkpoint is as large as one of the preset `paper`: weights and optimizer state. The upload is the
// worker's own, all files of the checkpoint at once; the download is that of `ecgctl checkpoint download`.
// Rounds of copy, upload and download alternate; figures are medians of the rounds' ratios. A copy that also
// takes the SHA-256 by which an upload is verified tells what part of the difference is that verification.
//
// The rounds write 16 GB in all: many a disk takes its first gigabytes at the rate of some memory before it,
// and what a service sees that writes checkpoints all day is the rate after those.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cancellation.h"
#include "client/download.h"
#include "client/training_client.h"
#include "common/clock.h"
#include "common/durable_file.h"
#include "common/ids.h"
#include "common/mutex.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "proto/channel_settings.h"
#include "tests/bench/figures.h"
#include "tests/integration/process.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/uploader.h"

namespace ecgtrain::bench {
namespace {

namespace fs = std::filesystem;
using testing::AwaitFile;
using testing::Process;
using testing::Program;

constexpr int kRounds = 15;
struct Piece {
  const char* name;
  size_t bytes;
};
constexpr Piece kPieces[] = {{"model.safetensors", 74 << 20}, {"optimizer.safetensors", 148 << 20}};

std::string Noise(size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = 88172645463325252ull;
  for (size_t i = 0; i + 8 <= size; i += 8) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    std::copy_n(reinterpret_cast<const char*>(&state), 8, bytes.data() + i);
  }
  return bytes;
}

// What `cp` does, and fsync of file and folder; with the digest of what was copied, unless that is null.
absl::Status CopyFile(const fs::path& from, const fs::path& to, Sha256* digest) {
  const UniqueFd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd target(open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t got = read(source.get(), buffer.data(), buffer.size());
    if (got < 0) return FileError(errno, "read", from);
    if (got == 0) break;
    const absl::string_view bytes(buffer.data(), static_cast<size_t>(got));
    if (digest != nullptr) digest->Update(bytes);
    RETURN_IF_ERROR(WriteFully(target.get(), bytes, to));
  }
  if (fsync(target.get()) != 0) return FileError(errno, "sync", to);
  return SyncPath(to.parent_path());
}

class Bench {
 public:
  explicit Bench(fs::path folder) : folder_(std::move(folder)) {}

  absl::Status Run() {
    RETURN_IF_ERROR(MakeDirectories(folder_ / "source"));
    for (const Piece& piece : kPieces) contents_.push_back(Noise(piece.bytes));
    RETURN_IF_ERROR(StartAttempt());
    std::vector<double> uploads, verified_uploads, downloads, copy_rates;
    for (int round = 0; round < kRounds; ++round) {
      RETURN_IF_ERROR(WriteCheckpoint(round));
      ASSIGN_OR_RETURN(const double copy, SecondsOf([&] { return Copy(); }));
      ASSIGN_OR_RETURN(const double upload, SecondsOf([&] { return Upload(); }));
      ASSIGN_OR_RETURN(const double verified, SecondsOf([&] { return Copy(/*verified=*/true); }));
      ASSIGN_OR_RETURN(const double copy_again, SecondsOf([&] { return Copy(); }));
      ASSIGN_OR_RETURN(const double download, SecondsOf([&] { return Download(); }));
      uploads.push_back(copy / upload);
      verified_uploads.push_back(verified / upload);
      downloads.push_back(copy_again / download);
      copy_rates.push_back(MegaBytes() / copy);
      absl::FPrintF(
          stderr,
          "round %d: copy %.3f s, upload %.3f s, verified copy %.3f s, copy %.3f s, download %.3f s\n", round,
          copy, upload, verified, copy_again, download);
    }
    PrintFigure("artifacts.copy_mb_per_second", Quantile(copy_rates, 0.5), "MB/s");
    PrintFigure("artifacts.upload_vs_copy", Quantile(uploads, 0.5), "");
    PrintFigure("artifacts.upload_vs_verified_copy", Quantile(verified_uploads, 0.5), "");
    PrintFigure("artifacts.download_vs_copy", Quantile(downloads, 0.5), "");
    return absl::OkStatus();
  }

 private:
  static double MegaBytes() {
    double bytes = 0;
    for (const Piece& piece : kPieces) bytes += static_cast<double>(piece.bytes);
    return bytes / 1e6;
  }

  absl::StatusOr<double> SecondsOf(absl::FunctionRef<absl::Status()> step) {
    const absl::Duration begin = clock_.Monotonic();
    RETURN_IF_ERROR(step());
    return absl::ToDoubleSeconds(clock_.Monotonic() - begin);
  }

  // A coordinator, and one attempt of a job that is ours.
  absl::Status StartAttempt() {
    coordinator_ = std::make_unique<Process>(
        std::vector<std::string>{Program("ecg-coordinator"), "serve", "--state-dir", folder_ / "state",
                                 "--listen", "127.0.0.1:0", "--no-metrics"},
        folder_ / "coordinator.log");
    ASSIGN_OR_RETURN(const std::string file, AwaitFile(folder_ / "state" / "address"));
    const std::string server(absl::StripAsciiWhitespace(file));
    ASSIGN_OR_RETURN(link_, CoordinatorLink::Create({.server = server}));
    uploader_ = std::make_unique<Uploader>(*link_, clock_, RetryPolicy());
    ASSIGN_OR_RETURN(client_, TrainingClient::Create({.server = server},
                                                     {.clock = clock_, .cancellation = cancellation_}));
    v1::SubmitJobsRequest submit;
    v1::JobSpec& spec = *submit.add_specs();
    spec.mutable_pretrain()->set_dataset("synthetic");
    spec.mutable_model()->set_preset("tiny");
    RETURN_IF_ERROR(client_->SubmitJobs(submit).status());
    v1::RegisterWorkerRequest worker;
    worker.set_name("bench");
    worker.set_incarnation("1");
    v1::Device& device = *worker.add_devices();
    device.set_id("cpu/0");
    device.set_kind("cpu");
    device.set_threads(1);
    ASSIGN_OR_RETURN(const v1::RegisterWorkerResponse registered, link_->RegisterWorker(worker));
    v1::HeartbeatRequest beat;
    beat.set_worker("bench");
    beat.set_session(registered.session());
    while (true) {
      beat.set_beat(beat.beat() + 1);
      ASSIGN_OR_RETURN(const v1::HeartbeatResponse orders, link_->Heartbeat(beat));
      if (orders.start_size() == 0) continue;
      attempt_ = orders.start(0).attempt();
      return absl::OkStatus();
    }
  }

  // New files with the content of no round before, which an event names.
  absl::Status WriteCheckpoint(int round) {
    v1::ReportEventsRequest report;
    *report.mutable_attempt() = attempt_;
    v1::TrainerEvent& event = *report.add_events();
    event.set_seq(static_cast<uint64_t>(round) + 1);
    event.mutable_checkpoint()->set_step(static_cast<uint64_t>(round) + 1);
    event.mutable_checkpoint()->set_name(absl::StrFormat("step-%09d", round + 1));
    for (size_t i = 0; i < contents_.size(); ++i) {
      contents_[i][0] = static_cast<char>(round);
      RETURN_IF_ERROR(WriteFileDurably(folder_ / "source" / kPieces[i].name, contents_[i]));
      v1::ArtifactFile& file = *event.mutable_checkpoint()->add_files();
      file.set_name(kPieces[i].name);
      file.set_size(contents_[i].size());
      file.set_sha256(Sha256Hex(contents_[i]));
    }
    files_ = event.checkpoint().files();
    return link_->ReportEvents(report).status();
  }

  // Copy, upload and download all write files that were not there before, and leave them: a disk and its
  // cache do the same work for each.
  fs::path NewFolder(const char* name) { return folder_ / absl::StrCat(name, "-", ++folders_); }

  absl::Status Copy(bool verified = false) {
    const fs::path target = NewFolder("copy");
    RETURN_IF_ERROR(MakeDirectories(target));
    for (const v1::ArtifactFile& file : files_) {
      Sha256 digest;
      RETURN_IF_ERROR(
          CopyFile(folder_ / "source" / file.name(), target / file.name(), verified ? &digest : nullptr));
      if (verified && digest.HexDigest() != file.sha256())
        return absl::DataLossError(absl::StrCat(file.name(), " is not what was written"));
    }
    return absl::OkStatus();
  }

  absl::Status Upload() {
    Mutex mutex;
    CondVar changed;
    int left = files_.size();
    absl::Status result;
    for (const v1::ArtifactFile& file : files_) {
      uploader_->Add({.attempt = attempt_,
                      .file = file,
                      .path = folder_ / "source" / file.name(),
                      .done = [&](const absl::Status& status) {
                        MutexLock lock(mutex);
                        result.Update(status);
                        --left;
                        changed.NotifyAll();
                      }});
    }
    MutexLock lock(mutex);
    while (left > 0) changed.Wait(mutex);
    return result;
  }

  absl::Status Download() {
    ASSIGN_OR_RETURN(const v1::ListCheckpointsResponse list,
                     client_->ListCheckpoints(absl::StrCat(attempt_.job_id())));
    ASSIGN_OR_RETURN(const v1::Checkpoint last, SelectCheckpoint(list, "last"));
    return DownloadCheckpoint(*client_, last, NewFolder("download"), {}).status();
  }

  const fs::path folder_;
  int folders_ = 0;
  RealClock clock_;
  Cancellation cancellation_{clock_};
  std::vector<std::string> contents_;
  google::protobuf::RepeatedPtrField<v1::ArtifactFile> files_;
  v1::AttemptRef attempt_;
  std::unique_ptr<Process> coordinator_;
  std::unique_ptr<CoordinatorLink> link_;
  std::unique_ptr<Uploader> uploader_;
  std::unique_ptr<TrainingClient> client_;
};

int Main(int argc, char** argv) {
  const fs::path folder = fs::path(argc > 1 ? argv[1] : ".") / absl::StrCat("artifacts-bench-", NewUuid());
  const absl::Status status = Bench(folder).Run();
  std::error_code error;
  fs::remove_all(folder, error);
  if (!status.ok()) absl::FPrintF(stderr, "artifacts_bench: %s\n", status.ToString());
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace ecgtrain::bench

int main(int argc, char** argv) {
  ecgtrain::KeepMemoryOfChunks();  // as ecg-worker and ecgctl do
  return ecgtrain::bench::Main(argc, argv);
}
