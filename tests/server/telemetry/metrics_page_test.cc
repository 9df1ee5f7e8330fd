// The page as Prometheus gets it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <limits>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/unique_fd.h"
#include "server/server.h"
#include "server/telemetry/metric_table.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecgtrain {
namespace {

// Body of GET /metrics.
std::string Fetch(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(parts.back(), &port));
  peer.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr);
  const UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(connection.get(), reinterpret_cast<sockaddr*>(&peer), sizeof(peer)), 0);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(send(connection.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string page;
  char buffer[4096];
  for (ssize_t got = 0; (got = recv(connection.get(), buffer, sizeof(buffer), 0)) > 0;) {
    page.append(buffer, static_cast<size_t>(got));
  }
  const size_t body = page.find("\r\n\r\n");
  return body == std::string::npos ? "" : page.substr(body + 4);
}

struct ParsedPage {
  std::map<std::string, std::string> help, type;
  std::map<std::string, std::string> series;  // "name{labels}" to value
  std::set<std::string> doubled;

  double Value(const std::string& key) const {
    double value = -1;
    const auto found = series.find(key);
    if (found == series.end()) return -1;
    EXPECT_TRUE(absl::SimpleAtod(found->second, &value));
    return value;
  }
};

ParsedPage Parse(const std::string& text) {
  ParsedPage page;
  for (const absl::string_view piece : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::string line(piece);
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (absl::StartsWith(line, "# HELP ")) {
      page.help[words[2]] = words.size() > 3 ? words[3] : "";
    } else if (absl::StartsWith(line, "# TYPE ")) {
      if (!page.type.emplace(words[2], words[3]).second) page.doubled.insert(words[2]);
    } else {
      const size_t space = line.rfind(' ');
      if (!page.series.emplace(line.substr(0, space), line.substr(space + 1)).second)
        page.doubled.insert(line);
    }
  }
  return page;
}

class MetricsPageTest : public testing::Test {
 protected:
  MetricsPageTest() {
    ServerOptions options;
    options.state_dir = folder_.path() / "state";
    options.listen = "127.0.0.1:0";
    options.metrics_listen = "127.0.0.1:0";
    auto server = Server::Start(options, clock_);
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
  }

  // A running job with progress and metrics, and one that waits.
  void MakeRows() {
    ASSERT_THAT(server_->coordinator().store().WriteAndWait([&](StoreTransaction& store) -> absl::Status {
      for (const v1::JobState state : {v1::RUNNING, v1::QUEUED}) {
        v1::Job job;
        job.set_name("job");
        job.set_kind("pretrain");
        job.set_dataset("synthetic");
        job.set_priority("normal");
        job.set_state(state);
        job.mutable_progress()->set_step(25);
        job.mutable_progress()->set_total_steps(100);
        job.mutable_progress()->set_step_seconds(2);
        (*job.mutable_metrics())["train/loss"] = 0.5;
        (*job.mutable_metrics())["validation/loss"] = std::numeric_limits<double>::quiet_NaN();
        if (absl::Status status = store.InsertJob(job); !status.ok()) return status;
      }
      return absl::OkStatus();
    }),
                IsOk());
  }

  RealClock clock_;
  TemporaryFolder folder_;
  std::unique_ptr<Server> server_;
};

TEST_F(MetricsPageTest, HoldsKnownNamesOnceWithHelpAndType) {
  MakeRows();
  const ParsedPage page = Parse(Fetch(server_->metrics_address()));
  EXPECT_TRUE(page.doubled.empty()) << *page.doubled.begin();
  EXPECT_GT(page.series.size(), 30u);
  std::set<std::string> known;
  for (const MetricInfo& info : MetricTable()) known.insert(info.name);
  for (const auto& [name, type] : page.type) {
    if (absl::StartsWith(name, "exposer_")) continue;  // the embedded server's own
    EXPECT_TRUE(known.contains(name)) << name;
    EXPECT_FALSE(page.help.at(name).empty()) << name;
  }
  for (const auto& [key, value] : page.series) {
    if (absl::StartsWith(key, "exposer_")) continue;
    EXPECT_FALSE(absl::EqualsIgnoreCase(value, "nan")) << key;
  }
}

TEST_F(MetricsPageTest, ShowsRunningJobsAndWhyOthersWait) {
  MakeRows();
  const ParsedPage page = Parse(Fetch(server_->metrics_address()));
  EXPECT_EQ(page.Value("ecgtrain_ready"), 1);
  EXPECT_EQ(page.Value("ecgtrain_insecure_mode"), 0);
  EXPECT_EQ(page.Value("ecgtrain_jobs{state=\"RUNNING\"}"), 1);
  EXPECT_EQ(page.Value("ecgtrain_jobs{state=\"QUEUED\"}"), 1);
  EXPECT_EQ(page.Value("ecgtrain_jobs_pending{priority=\"normal\",reason=\"NO_FITTING_WORKER\"}"), 1);
  EXPECT_EQ(page.Value("ecgtrain_job_progress_ratio{job_id=\"1\"}"), 0.25);
  EXPECT_EQ(page.Value("ecgtrain_job_eta_seconds{job_id=\"1\"}"), 150);
  EXPECT_EQ(page.Value("ecgtrain_job_metric{job_id=\"1\",metric=\"loss\",split=\"train\"}"), 0.5);
  EXPECT_EQ(page.Value("ecgtrain_job_step{job_id=\"2\"}"), -1) << "only running jobs have series";
  EXPECT_GT(page.Value("ecgtrain_storage_free_bytes{volume=\"store\"}"), 0);
  EXPECT_GT(page.Value("ecgtrain_storage_size_bytes{volume=\"store\"}"), 0);
  EXPECT_GE(page.Value("ecgtrain_storage_not_taken{what=\"new jobs\"}"), 0) << "is there";
  EXPECT_GT(page.Value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(page.Value("process_start_time_seconds"), 1e9);
}

TEST(MetricTableTest, NamesFollowTheConventionsOfTheirTypes) {
  std::set<std::string> names;
  for (const MetricInfo& info : MetricTable()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(absl::EndsWith(info.name, "_total"), info.type == prometheus::MetricType::Counter) << info.name;
    EXPECT_FALSE(absl::string_view(info.help).empty()) << info.name;
  }
}

}  // namespace
}  // namespace ecgtrain
