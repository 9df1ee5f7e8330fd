#include "server/telemetry/page.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "server/telemetry/metric_table.h"

namespace ecgtrain {
namespace {

// Field `number` (from 1) of /proc/self/stat; the second one, in parentheses, may hold spaces.
double StatField(const std::string& stat, int number) {
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) fields >> field;
  return fields ? std::strtod(field.c_str(), nullptr) : NAN;
}

// Seconds after 1970 when the host booted.
double BootTime() {
  std::ifstream file("/proc/stat");
  std::string key;
  double value = NAN;
  while (file >> key) {
    if (key == "btime") {
      file >> value;
      return value;
    }
    std::getline(file, key);
  }
  return NAN;
}

}  // namespace

void Page::Add(const std::string& name, const Labels& labels, double value) {
  if (!std::isfinite(value)) return;
  const MetricInfo& info = FindMetric(name);
  prometheus::MetricFamily& family = families_[name];
  family.name = name;
  family.help = info.help;
  family.type = info.type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [label, text] : labels) metric.label.push_back({label, text});
  if (info.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

std::vector<prometheus::MetricFamily> Page::Take() {
  std::vector<prometheus::MetricFamily> families;
  for (auto& [name, family] : families_) families.push_back(std::move(family));
  families_.clear();
  return families;
}

void AddProcessMetrics(Page& page) {
  std::ifstream file("/proc/self/stat");
  std::string stat;
  std::getline(file, stat);
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  page.Add("process_start_time_seconds", {}, BootTime() + StatField(stat, 22) / ticks);
  page.Add("process_resident_memory_bytes", {},
           StatField(stat, 24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  page.Add("process_cpu_seconds_total", {}, (StatField(stat, 14) + StatField(stat, 15)) / ticks);
  std::error_code error;
  std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  if (error) return;
  page.Add("process_open_fds", {}, static_cast<double>(std::distance(begin(descriptors), end(descriptors))));
}

}  // namespace ecgtrain
