#include "server/coordinator/disk_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "common/log.h"
#include "common/unique_fd.h"
#include "common/units.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

constexpr absl::Duration kMeasureEvery = absl::Seconds(1);

bool IsThere(const std::filesystem::path& reserve, uint64_t size) {
  struct stat info;
  return stat(reserve.c_str(), &info) == 0 && static_cast<uint64_t>(info.st_size) == size;
}

absl::Status MakeReserve(const std::filesystem::path& reserve, uint64_t size) {
  const UniqueFd file(open(reserve.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return FileError(errno, "make", reserve);
  const int error = posix_fallocate(file.get(), 0, static_cast<off_t>(size));
  if (error == 0) return absl::OkStatus();
  unlink(reserve.c_str());
  return FileError(error, "make", reserve);
}

}  // namespace

std::vector<std::string> NotTaken(DiskLevel level) {
  std::vector<std::string> what;
  if (level >= DiskLevel::kNoLogs) what.emplace_back("logs");
  if (level >= DiskLevel::kNoMetrics) what.emplace_back("metrics");
  if (level >= DiskLevel::kNoNewWork) what.insert(what.end(), {"new jobs", "uploads"});
  return what;
}

absl::Status CheckDiskLimits(const DiskLimits& limits) {
  if (limits.logs >= limits.metrics && limits.metrics >= limits.new_work) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the limits of free disk space must fall: logs ", HumanBytes(limits.logs), ", metrics ",
                   HumanBytes(limits.metrics), ", new jobs and uploads ", HumanBytes(limits.new_work)));
}

void DiskGuard::MeasureIfOld() {
  const absl::Duration now = clock_.Monotonic();
  if (space_ == nullptr || (measured_.has_value() && now - *measured_ < kMeasureEvery)) return;
  const absl::StatusOr<FreeSpace::Room> room = space_->Measure();
  if (!room.ok()) LogWarning("free disk space is not known", {{"error", room.status().message()}});
  room_ = room.ok() ? std::optional(*room) : std::nullopt;
  measured_ = now;
}

std::optional<FreeSpace::Room> DiskGuard::Room() {
  MutexLock lock(mutex_);
  MeasureIfOld();
  return room_;
}

DiskLevel DiskGuard::Level() {
  const std::optional<FreeSpace::Room> room = Room();
  if (!room.has_value() || room->free >= limits_.logs) return DiskLevel::kAmple;
  if (room->free >= limits_.metrics) return DiskLevel::kNoLogs;
  return room->free >= limits_.new_work ? DiskLevel::kNoMetrics : DiskLevel::kNoNewWork;
}

absl::Status DiskGuard::CheckNewWork(absl::string_view what) {
  if (Level() < DiskLevel::kNoNewWork) return absl::OkStatus();
  return WithErrorInfo(
      absl::ResourceExhaustedError(absl::StrCat(
          "the coordinator's disk has ", HumanBytes(Room().value_or(FreeSpace::Room()).free),
          " free, under the ", HumanBytes(limits_.new_work), " that are kept for the jobs it has: ", what,
          " are refused; make room on it (ecgctl server status), or lower --keep-free, then try again")),
      "DISK_FULL");
}

void DiskGuard::KeepReserve() {
  if (space_ == nullptr || limits_.reserve == 0 || IsThere(reserve_, limits_.reserve)) return;
  const std::optional<FreeSpace::Room> room = Room();
  if (!room.has_value() || room->free < limits_.new_work + limits_.reserve) return;
  const absl::Status made = MakeReserve(reserve_, limits_.reserve);
  if (!made.ok()) LogWarning("no reserve on the disk", {{"error", made.message()}});
}

bool DiskGuard::ReleaseReserve() {
  if (space_ == nullptr || unlink(reserve_.c_str()) != 0) return false;
  LogWarning("the disk is full: the reserve is let go",
             {{"file", reserve_.string()}, {"bytes", static_cast<int64_t>(limits_.reserve)}});
  MutexLock lock(mutex_);
  measured_.reset();
  return true;
}

}  // namespace ecgtrain
