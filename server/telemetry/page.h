// Builds metric families by the names of the table.
#ifndef ECGTRAIN_SERVER_TELEMETRY_PAGE_H_
#define ECGTRAIN_SERVER_TELEMETRY_PAGE_H_

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

namespace ecgtrain {

// Thread-compatible.
class Page {
 public:
  using Labels = std::map<std::string, std::string>;

  // One series. A value that is not finite is left out: it would not be a number on the page.
  void Add(const std::string& name, const Labels& labels, double value);
  std::vector<prometheus::MetricFamily> Take();

 private:
  std::map<std::string, prometheus::MetricFamily> families_;
};

// process_*: of this process, from /proc. What cannot be read is left out.
void AddProcessMetrics(Page& page);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_TELEMETRY_PAGE_H_
