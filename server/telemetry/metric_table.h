// Every metric that the coordinator serves: one table for names, types and help.
#ifndef ECGTRAIN_SERVER_TELEMETRY_METRIC_TABLE_H_
#define ECGTRAIN_SERVER_TELEMETRY_METRIC_TABLE_H_

#include <prometheus/metric_type.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace ecgtrain {

struct MetricInfo {
  const char* name;  // in full, as served
  prometheus::MetricType type;
  const char* help;
};

const std::vector<MetricInfo>& MetricTable();

// The entry of this name, which must be there: a name that is not is a mistake of ours and ends the program.
const MetricInfo& FindMetric(absl::string_view name);

}  // namespace ecgtrain

#endif  // ECGTRAIN_SERVER_TELEMETRY_METRIC_TABLE_H_
