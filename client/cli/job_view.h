// Messages as tables.
#ifndef ECGTRAIN_CLIENT_CLI_JOB_VIEW_H_
#define ECGTRAIN_CLIENT_CLI_JOB_VIEW_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/time/time.h"
#include "client/cli/output.h"
#include "ecgtrain/v1/admin_service.pb.h"
#include "ecgtrain/v1/job.pb.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

using google::protobuf::RepeatedPtrField;

// "job/42".
std::string JobReferenceText(const v1::Job& job);

// "RUNNING", "RUNNING (stopping: CANCEL)".
std::string StateText(const v1::Job& job);

// Why the job is where it is: what it waits for, or how it ended; "" when there is nothing to say.
std::string WhyText(const v1::Job& job);

// "epoch 3/50, 12 %"; the phase before training; "" before the first report.
std::string ProgressText(const v1::Job& job);

// Share of the steps done, 0 to 1.
double ProgressRatio(const v1::Progress& progress);

Table JobTable(const RepeatedPtrField<v1::Job>& jobs, absl::Time now);
// One job, a field a row.
Table JobDetails(const v1::Job& job, absl::Time now);
Table AttemptTable(const RepeatedPtrField<v1::Attempt>& attempts, absl::Time now);
Table EventTable(const RepeatedPtrField<v1::JobEvent>& events, absl::Time now);
Table MetricTable(const RepeatedPtrField<v1::MetricPoint>& points);
Table CheckpointTable(const RepeatedPtrField<v1::Checkpoint>& checkpoints, absl::Time now);
Table WorkerTable(const RepeatedPtrField<v1::Worker>& workers, absl::Time now);
Table TokenTable(const RepeatedPtrField<v1::Token>& tokens, absl::Time now);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_JOB_VIEW_H_
