#include "worker/agent/end_reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <string>
#include <vector>

#include "common/json.h"
#include "proto/grpc_status.h"

namespace ecgtrain {
namespace {

using run_directory::ExitReason;
using testing::HasSubstr;

constexpr int kUnknown = -1000;  // how the process ended; negative: by this signal

ProcessEnd Process(int how) {
  if (how == kUnknown) return {};
  if (how < 0) return {.signal = -how};
  return {.exit_code = how};
}

struct Row {
  std::optional<ExitReason> file;
  int how;
  v1::StopRequest stop;
  v1::EndReason reason;
  int exit_code;
};

TEST(EndReasonTest, FileThenCodeThenSignalDecide) {
  const std::vector<Row> rows = {
      // exit.json decides, whatever the process did
      {ExitReason::kCompleted, 0, v1::STOP_NONE, v1::COMPLETED, 0},
      {ExitReason::kCompleted, -SIGSEGV, v1::STOP_NONE, v1::COMPLETED, 139},
      {ExitReason::kCompleted, kUnknown, v1::STOP_NONE, v1::COMPLETED, -1},
      {ExitReason::kUserError, 20, v1::STOP_NONE, v1::USER_ERROR, 20},
      {ExitReason::kNonFinite, 0, v1::STOP_NONE, v1::NON_FINITE, 0},
      {ExitReason::kDataMissing, 23, v1::STOP_NONE, v1::DATA_MISSING, 23},
      {ExitReason::kStopped, 10, v1::STOP_NONE, v1::DRAINED, 10},
      // the exit code, where the file is missing
      {std::nullopt, 0, v1::STOP_NONE, v1::COMPLETED, 0},
      {std::nullopt, 10, v1::STOP_NONE, v1::DRAINED, 10},
      {std::nullopt, 20, v1::STOP_NONE, v1::USER_ERROR, 20},
      {std::nullopt, 21, v1::STOP_NONE, v1::NON_FINITE, 21},
      {std::nullopt, 22, v1::STOP_NONE, v1::OOM_GPU, 22},
      {std::nullopt, 23, v1::STOP_NONE, v1::DATA_MISSING, 23},
      {std::nullopt, 24, v1::STOP_NONE, v1::DATA_CORRUPT, 24},
      {std::nullopt, 29, v1::STOP_NONE, v1::DATA_CHANGED, 29},
      {std::nullopt, 30, v1::STOP_NONE, v1::LEAKY, 30},
      {std::nullopt, 25, v1::STOP_NONE, v1::CHECKPOINT_CORRUPT, 25},
      {std::nullopt, 26, v1::STOP_NONE, v1::DISK_FULL, 26},
      {std::nullopt, 27, v1::STOP_NONE, v1::GPU_FAULT, 27},
      {std::nullopt, 28, v1::STOP_NONE, v1::DEVICE_BUSY, 28},
      {std::nullopt, 70, v1::STOP_NONE, v1::INTERNAL, 70},
      // no reason of its own
      {std::nullopt, 1, v1::STOP_NONE, v1::TRAINER_CRASHED, 1},
      {std::nullopt, 127, v1::STOP_NONE, v1::TRAINER_CRASHED, 127},
      {std::nullopt, -SIGKILL, v1::STOP_NONE, v1::TRAINER_CRASHED, 137},
      {std::nullopt, -SIGABRT, v1::STOP_NONE, v1::TRAINER_CRASHED, 134},
      {std::nullopt, kUnknown, v1::STOP_NONE, v1::TRAINER_CRASHED, -1},
      // a stop that was asked for
      {ExitReason::kStopped, 10, v1::STOP_CANCEL, v1::STOPPED_CANCEL, 10},
      {ExitReason::kStopped, 10, v1::STOP_PAUSE, v1::STOPPED_PAUSE, 10},
      {ExitReason::kStopped, 10, v1::STOP_PREEMPT, v1::PREEMPTED, 10},
      {ExitReason::kStopped, 10, v1::STOP_DRAIN, v1::DRAINED, 10},
      {ExitReason::kStopped, 10, v1::STOP_TIMEOUT, v1::TIMEOUT, 10},
      {ExitReason::kStopped, 10, v1::STOP_STUCK, v1::TRAINER_STUCK, 10},
      {std::nullopt, 10, v1::STOP_PAUSE, v1::STOPPED_PAUSE, 10},
      {std::nullopt, -SIGKILL, v1::STOP_CANCEL, v1::STOPPED_CANCEL, 137},
      {std::nullopt, -SIGKILL, v1::STOP_STUCK, v1::TRAINER_STUCK, 137},
      {std::nullopt, kUnknown, v1::STOP_PREEMPT, v1::PREEMPTED, -1},
      {std::nullopt, 1, v1::STOP_DRAIN, v1::DRAINED, 1},
      // CANCEL and PAUSE explain every end but COMPLETED, the others none that has a reason
      {ExitReason::kOomGpu, 22, v1::STOP_CANCEL, v1::STOPPED_CANCEL, 22},
      {ExitReason::kOomGpu, 22, v1::STOP_PAUSE, v1::STOPPED_PAUSE, 22},
      {ExitReason::kOomGpu, 22, v1::STOP_PREEMPT, v1::OOM_GPU, 22},
      {std::nullopt, 21, v1::STOP_TIMEOUT, v1::NON_FINITE, 21},
      {ExitReason::kCompleted, 0, v1::STOP_CANCEL, v1::COMPLETED, 0},
  };
  for (const Row& row : rows) {
    std::optional<ExitRecord> record;
    if (row.file.has_value()) record = ExitRecord{.reason = *row.file, .message = "as it says", .step = 7};
    const AttemptEnd end = DecideEnd(record, Process(row.how), row.stop);
    const std::string where = absl::StrCat("file ", row.file.has_value() ? static_cast<int>(*row.file) : -1,
                                           " how ", row.how, " stop ", v1::StopRequest_Name(row.stop));
    EXPECT_EQ(v1::EndReason_Name(end.reason), v1::EndReason_Name(row.reason)) << where;
    EXPECT_EQ(end.exit_code, row.exit_code) << where;
    EXPECT_EQ(end.step, row.file.has_value() ? 7 : 0) << where;
    EXPECT_FALSE(end.message.empty()) << where;
  }
}

TEST(EndReasonTest, CrashIsDescribed) {
  EXPECT_THAT(DecideEnd(std::nullopt, Process(-SIGSEGV), v1::STOP_NONE).message, HasSubstr("signal 11"));
  EXPECT_THAT(DecideEnd(std::nullopt, Process(3), v1::STOP_NONE).message, HasSubstr("exit code 3"));
  EXPECT_THAT(DecideEnd(std::nullopt, {}, v1::STOP_NONE).message, HasSubstr("exit status unknown"));
}

TEST(EndReasonTest, MessageIsCutToWhatTheCoordinatorTakes) {
  const ExitRecord record{.reason = ExitReason::kInternal, .message = std::string(100'000, 'x') + "\xc3\xa4"};
  EXPECT_EQ(DecideEnd(record, Process(70), v1::STOP_NONE).message.size(), 2000);
}

TEST(EndReasonTest, MessageCutWithinACharacterStaysValid) {
  std::string message(1999, 'x');
  message += "\xc3\xa4";
  const std::string cut = DecideEnd(ExitRecord{.message = message}, Process(70), v1::STOP_NONE).message;
  EXPECT_TRUE(ParseJson("\"" + cut + "\"", "message").ok());
}

TEST(EndReasonTest, FailedStartCarriesItsReason) {
  const absl::Status missing = WithErrorInfo(absl::NotFoundError("no such folder"), "DATA_MISSING");
  EXPECT_EQ(DecideFailedStart(missing, v1::STOP_NONE).reason, v1::DATA_MISSING);
  EXPECT_EQ(DecideFailedStart(missing, v1::STOP_NONE).message, "no such folder");
  EXPECT_EQ(DecideFailedStart(missing, v1::STOP_NONE).exit_code, -1);
  EXPECT_EQ(DecideFailedStart(absl::NotFoundError("no program"), v1::STOP_NONE).reason, v1::START_FAILED);
  EXPECT_EQ(DecideFailedStart(absl::ResourceExhaustedError("no space"), v1::STOP_NONE).reason, v1::DISK_FULL);
  EXPECT_EQ(DecideFailedStart(absl::CancelledError("stopped"), v1::STOP_CANCEL).reason, v1::STOPPED_CANCEL);
}

TEST(EndReasonTest, KillForLackOfMemoryIsTheHosts) {
  const ProcessEnd killed{.signal = SIGKILL};
  EXPECT_EQ(DecideEnd(std::nullopt, killed, v1::STOP_NONE, /*memory_kill=*/true).reason, v1::OOM_HOST);
  EXPECT_EQ(DecideEnd(std::nullopt, killed, v1::STOP_NONE, /*memory_kill=*/false).reason,
            v1::TRAINER_CRASHED);
  EXPECT_EQ(DecideEnd(std::nullopt, killed, v1::STOP_PREEMPT, true).reason, v1::PREEMPTED) << "ours";
  EXPECT_EQ(DecideEnd(std::nullopt, ProcessEnd{.signal = SIGSEGV}, v1::STOP_NONE, true).reason,
            v1::TRAINER_CRASHED);
}

TEST(EndReasonTest, StrongerStopWins) {
  EXPECT_EQ(StrongerStop(v1::STOP_NONE, v1::STOP_PREEMPT), v1::STOP_PREEMPT);
  EXPECT_EQ(StrongerStop(v1::STOP_PREEMPT, v1::STOP_DRAIN), v1::STOP_DRAIN);
  EXPECT_EQ(StrongerStop(v1::STOP_DRAIN, v1::STOP_PAUSE), v1::STOP_PAUSE);
  EXPECT_EQ(StrongerStop(v1::STOP_PAUSE, v1::STOP_TIMEOUT), v1::STOP_PAUSE);
  EXPECT_EQ(StrongerStop(v1::STOP_STUCK, v1::STOP_CANCEL), v1::STOP_CANCEL);
  EXPECT_EQ(StrongerStop(v1::STOP_CANCEL, v1::STOP_PAUSE), v1::STOP_CANCEL);
}

}  // namespace
}  // namespace ecgtrain
