#include "tests/worker/agent/agent_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/durable_file.h"
#include "worker/agent/devices/device_inventory.h"

namespace ecgtrain {

AgentFixture::AgentFixture() {
  std::string pattern = (std::filesystem::temp_directory_path() / "ecgtrain-agent-XXXXXX").string();
  folder_ = mkdtemp(pattern.data());
  settings_.server = coordinator_.address();
  settings_.name = "worker-a";
  settings_.state_dir = folder_ / "state";
  settings_.trainer = getenv("FAKE_TRAINER");
  settings_.data_tool = getenv("FAKE_DATA_TOOL");
  settings_.poll = absl::Milliseconds(10);
  devices_ = CpuSlots(2, 4);
  mkfifo((folder_ / "gate").c_str(), 0600);
  // Both ways, so that neither opening nor writing waits for a trainer.
  gate_ = UniqueFd(open((folder_ / "gate").c_str(), O_RDWR | O_CLOEXEC));
}

AgentFixture::~AgentFixture() {
  StopAgent();
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "state" / "attempts", error)) {
    const absl::StatusOr<AttemptDirectory> directory = AttemptDirectory::Open(entry.path());
    if (!directory.ok()) continue;
    const absl::StatusOr<ProcessRecord> record = directory->ReadProcess();
    if (!record.ok() || ProcessStartTime(record->pid).value_or(0) != record->start_time) continue;
    kill(-record->pid, SIGKILL);
    Reap(record->pid);
  }
  std::filesystem::remove_all(folder_, error);
}

void AgentFixture::StartAgent() {
  auto link = CoordinatorLink::Create({.server = coordinator_.address()});
  ASSERT_TRUE(link.ok()) << link.status();
  link_ = *std::move(link);
  auto agent = Agent::Create(settings_, devices_, *link_, clock_, [this] {
    MutexLock lock(mutex_);
    over_ = true;
    changed_.NotifyAll();
  });
  ASSERT_TRUE(agent.ok()) << agent.status();
  agent_ = *std::move(agent);
}

void AgentFixture::StopAgent() {
  agent_.reset();
  link_.reset();
}

bool AgentFixture::AgentIsOver() {
  const absl::Duration deadline = clock_.Monotonic() + absl::Seconds(30);
  MutexLock lock(mutex_);
  while (!over_ && clock_.Monotonic() < deadline) clock_.WaitUntil(changed_, mutex_, deadline);
  return over_;
}

v1::Assignment AgentFixture::MakeAssignment(int64_t job, const std::string& script,
                                            const std::string& dataset) const {
  v1::Assignment assignment;
  assignment.mutable_attempt()->set_job_id(job);
  assignment.mutable_attempt()->set_attempt(1);
  assignment.mutable_attempt()->set_token(1000 + job);
  v1::JobSpec& spec = *assignment.mutable_spec();
  spec.set_name("test");
  spec.mutable_pretrain()->set_dataset(dataset);
  spec.mutable_pretrain()->mutable_signal()->set_rate(100);
  (*spec.mutable_labels())["script"] = script;
  (*spec.mutable_labels())["gate"] = (folder_ / "gate").string();
  assignment.add_devices("cpu/0");
  return assignment;
}

void AgentFixture::Tell(const std::string& commands) {
  ASSERT_TRUE(WriteFully(gate_.get(), commands, folder_ / "gate").ok());
}

bool AgentFixture::WaitForEvents(int64_t token, size_t count) {
  return coordinator_.WaitFor(
      [=](const FakeState& state) { return state.attempts.at(token).events.size() >= count; });
}

bool AgentFixture::WaitForFinish(int64_t token) {
  return coordinator_.WaitFor(
      [=](const FakeState& state) { return state.attempts.at(token).finish.has_value(); });
}

bool AgentFixture::WaitForState(int64_t token, v1::HeldAttempt::State wanted) {
  return coordinator_.WaitFor([=](const FakeState& state) {
    return std::any_of(state.beats.begin(), state.beats.end(), [=](const v1::HeartbeatRequest& beat) {
      return std::any_of(beat.attempts().begin(), beat.attempts().end(), [=](const v1::HeldAttempt& held) {
        return held.attempt().token() == token && held.state() == wanted;
      });
    });
  });
}

FakeAttempt AgentFixture::Attempt(int64_t token) {
  FakeAttempt attempt;
  coordinator_.With([&](FakeState& state) { attempt = state.attempts.at(token); });
  return attempt;
}

std::filesystem::path AgentFixture::Directory(int64_t job) const {
  return settings_.state_dir / "attempts" / absl::StrCat(job, ".1");
}

pid_t AgentFixture::TrainerPid(const v1::Assignment& assignment) {
  EXPECT_TRUE(WaitForState(assignment.attempt().token(), v1::HeldAttempt::TRAINING));
  const absl::StatusOr<ProcessRecord> record =
      AttemptDirectory(settings_.state_dir / "attempts", assignment.attempt()).ReadProcess();
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? record->pid : 0;
}

void AgentFixture::Reap(pid_t pid) { waitpid(pid, nullptr, 0); }

std::string AgentFixture::ReadAll(const std::filesystem::path& path) {
  const absl::StatusOr<std::string> content = ReadFile(path);
  EXPECT_TRUE(content.ok()) << content.status();
  return content.value_or("");
}

}  // namespace ecgtrain
