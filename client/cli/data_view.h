// Data sets as tables.
#ifndef ECGTRAIN_CLIENT_CLI_DATA_VIEW_H_
#define ECGTRAIN_CLIENT_CLI_DATA_VIEW_H_

#include "client/cli/job_view.h"
#include "client/cli/output.h"
#include "ecgtrain/v1/training_service.pb.h"

namespace ecgtrain {

// One row for each state of each data set: workers that hold the same recordings share it.
Table DatasetTable(const RepeatedPtrField<v1::Dataset>& datasets);

// One data set, a field a row: each of its states with its holders, then each pack of it.
Table DatasetDetails(const v1::Dataset& dataset);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_DATA_VIEW_H_
