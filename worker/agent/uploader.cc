#include "worker/agent/uploader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "proto/channel_settings.h"
#include "worker/agent/attempt_directory.h"

namespace ecgtrain {
namespace {

constexpr int kMaxWrongUploads = 3;

// FAILED_PRECONDITION, as where the coordinator does not want the file any more: neither will change.
absl::Status NotThere(absl::string_view problem) { return absl::FailedPreconditionError(problem); }

absl::StatusOr<UniqueFd> OpenForUpload(const UploadJob& job) {
  UniqueFd file(open(job.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info;
  if (!file.valid() || fstat(file.get(), &info) != 0)
    return NotThere(FileError(errno, "open", job.path).message());
  if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) != job.file.size()) {
    return NotThere(absl::StrCat(job.path.string(), " is not the file of ", job.file.size(),
                                 " bytes that its event has named"));
  }
  return file;
}

absl::Status ReadChunk(int file, const UploadJob& job, uint64_t offset, std::string& data) {
  data.resize(std::min<uint64_t>(kChunkBytes, job.file.size() - offset));
  const ssize_t got = pread(file, data.data(), data.size(), static_cast<off_t>(offset));
  if (got < 0) return NotThere(FileError(errno, "read", job.path).message());
  if (got == 0) return NotThere(absl::StrCat(job.path.string(), " was cut at byte ", offset));
  data.resize(static_cast<size_t>(got));
  return absl::OkStatus();
}

}  // namespace

Uploader::Uploader(CoordinatorLink& link, Clock& clock, RetryPolicy retry, int parallel)
    : link_(link), clock_(clock), retry_(retry) {
  for (int i = 0; i < parallel; ++i) threads_.emplace_back([this] { Work(); });
}

Uploader::~Uploader() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& entry : entries_) entry->cancelled = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void Uploader::Add(UploadJob job) {
  MutexLock lock(mutex_);
  entries_.push_back(std::make_unique<Entry>(Entry{.id = next_id_++,
                                                   .job = std::move(job),
                                                   .backoff = Backoff(retry_, SystemRandom()),
                                                   .not_before = clock_.Monotonic()}));
  changed_.NotifyAll();
}

void Uploader::Cancel(const v1::AttemptRef& attempt) {
  const auto is_of_attempt = [&attempt](const auto& entry) {
    return SameAttempt(entry->job.attempt, attempt);
  };
  MutexLock lock(mutex_);
  for (const auto& entry : entries_) {
    if (is_of_attempt(entry)) entry->cancelled = true;
  }
  std::erase_if(entries_, [](const auto& entry) { return entry->cancelled && !entry->running; });
  while (std::any_of(entries_.begin(), entries_.end(), is_of_attempt)) changed_.Wait(mutex_);
}

Uploader::Entry* Uploader::Next(absl::Duration now, absl::Duration& wake) {
  wake = absl::InfiniteDuration();
  for (const auto& entry : entries_) {
    if (entry->running) continue;
    if (entry->not_before <= now) return entry.get();
    wake = std::min(wake, entry->not_before);
  }
  return nullptr;
}

void Uploader::Remove(const Entry& entry) {
  std::erase_if(entries_, [id = entry.id](const auto& candidate) { return candidate->id == id; });
  changed_.NotifyAll();
}

void Uploader::Work() {
  while (true) {
    Entry* entry = nullptr;
    {
      MutexLock lock(mutex_);
      absl::Duration wake;
      while (!stopping_ && (entry = Next(clock_.Monotonic(), wake)) == nullptr) {
        clock_.WaitUntil(changed_, mutex_, wake);
      }
      if (stopping_) return;
      entry->running = true;
    }
    // A running entry is removed by its own thread only, so the pointer stays good without the lock.
    const absl::Status status = Upload(entry->job, [this, entry] {
      MutexLock lock(mutex_);
      return entry->cancelled;
    });
    const bool again = !status.ok() && IsWorthAnotherTry(status, *entry);
    bool cancelled = false;
    {
      MutexLock lock(mutex_);
      cancelled = entry->cancelled;
      if (!cancelled && again) {
        entry->not_before = clock_.Monotonic() + entry->backoff.Next();
        entry->running = false;
        continue;
      }
    }
    if (!cancelled) entry->job.done(status);
    MutexLock lock(mutex_);
    Remove(*entry);
  }
}

bool Uploader::IsWorthAnotherTry(const absl::Status& status, Entry& entry) {
  if (absl::IsDataLoss(status)) return ++entry.wrong_digests < kMaxWrongUploads;
  // NOT_FOUND is an upload that the coordinator has closed: the next try opens it again.
  return !absl::IsAborted(status) && !absl::IsFailedPrecondition(status) &&
         !absl::IsPermissionDenied(status) && !absl::IsInvalidArgument(status) &&
         !absl::IsUnimplemented(status);
}

absl::Status Uploader::Upload(const UploadJob& job, const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenForUpload(job));
  v1::QueryUploadRequest query;
  *query.mutable_attempt() = job.attempt;
  *query.mutable_file() = job.file;
  ASSIGN_OR_RETURN(const v1::QueryUploadResponse place, link_.QueryUpload(query));
  if (place.complete()) return absl::OkStatus();
  if (place.durable_size() > job.file.size()) {
    return absl::InternalError(
        absl::StrCat("the coordinator has more of ", job.path.string(), " than there is"));
  }
  uint64_t offset = place.durable_size();
  bool sent_any = false;
  const auto next = [&](v1::UploadArtifactRequest& chunk) -> absl::StatusOr<bool> {
    if (cancelled()) return absl::CancelledError("upload cancelled");
    // All bytes may be durable and only the verification missing: an empty chunk asks for it.
    if (offset == job.file.size() && sent_any) return false;
    if (offset < job.file.size()) {
      RETURN_IF_ERROR(ReadChunk(file.get(), job, offset, *chunk.mutable_data()));
    } else {
      chunk.clear_data();
    }
    *chunk.mutable_attempt() = job.attempt;
    chunk.set_upload_id(place.upload_id());
    chunk.set_offset(offset);
    chunk.set_crc32c(Crc32c(chunk.data()));
    offset += chunk.data().size();
    sent_any = true;
    return true;
  };
  ASSIGN_OR_RETURN(const v1::UploadArtifactResponse answer,
                   link_.UploadArtifact(job.file.size() - offset, next));
  if (answer.complete()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(job.path.string(), " is not complete after ", answer.durable_size(), " bytes"));
}

}  // namespace ecgtrain
