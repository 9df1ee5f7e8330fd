// Whether two trainings of one specification computed the same: what `job verify-resume` compares.
#ifndef ECGTRAIN_CLIENT_CLI_RESUME_PROOF_H_
#define ECGTRAIN_CLIENT_CLI_RESUME_PROOF_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/output.h"

namespace ecgtrain {

// What a training left. Times, rates and names of attempts are no part of it.
struct TrainingOutcome {
  std::map<std::string, std::string> files;                   // SHA-256 by name, of the last checkpoint
  std::map<std::pair<std::string, uint64_t>, double> points;  // metrics by name and step
  std::map<std::string, double> result;
};

// Not-a-number equals itself here; all else is equal to the last bit or not at all.
struct ResumeProof {
  struct Row {
    std::string item;
    std::string whole;
    std::string resumed;
    bool equal = false;
  };
  std::vector<Row> rows;  // one a file, one for all metrics, one a result
  bool equal = true;
};
ResumeProof CompareOutcomes(const TrainingOutcome& whole, const TrainingOutcome& resumed);

Table ProofTable(const ResumeProof& proof);

}  // namespace ecgtrain

#endif  // ECGTRAIN_CLIENT_CLI_RESUME_PROOF_H_
