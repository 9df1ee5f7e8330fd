#include "server/coordinator/batch.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/nearest_name.h"
#include "common/status_macros.h"
#include "proto/grpc_status.h"
#include "server/coordinator/job_lifecycle.h"
#include "spec/reference.h"
#include "spec/resolve.h"

namespace ecgtrain {
namespace {

std::string FromField(const v1::JobSpec& spec) { return absl::StrCat(KindOf(spec), ".from"); }

// Binds references and inherits models. Bound to one thread.
class Binder {
 public:
  Binder(StoreReader& reader, Batch& batch) : reader_(reader), batch_(batch) {
    for (size_t i = 0; i < batch.jobs.size(); ++i) by_name_[batch.jobs[i].spec.name()].push_back(i);
  }

  absl::Status Bind() {
    for (size_t i = 0; i < batch_.jobs.size(); ++i) {
      BatchJob& job = batch_.jobs[i];
      for (int k = 0; k < job.spec.after_size(); ++k) {
        JobLink link;
        ASSIGN_OR_RETURN(const bool bound, BindJob(i, absl::StrCat("after[", k, "]"),
                                                   ParseJobReference(job.spec.after(k)), link));
        if (bound) job.after.push_back(link);
      }
      if (FromOf(job.spec).empty()) continue;
      const auto reference = ParseCheckpointReference(FromOf(job.spec));
      ASSIGN_OR_RETURN(job.has_parent, BindJob(i, FromField(job.spec), reference, job.parent));
      if (job.has_parent) job.parent_selector = reference->selector;
    }
    if (batch_.problems.empty()) Sort();
    if (batch_.problems.empty()) return Inherit();
    return absl::OkStatus();
  }

 private:
  void Problem(size_t index, std::string field, std::string description, bool missing = false) {
    BatchProblem& problem = batch_.problems.emplace_back();
    problem.problem.set_index(static_cast<uint32_t>(index));
    problem.problem.set_field(std::move(field));
    problem.problem.set_description(std::move(description));
    problem.missing_job = missing;
  }

  // False, with a problem noted, when the reference means no job that could be depended on.
  absl::StatusOr<bool> BindJob(size_t index, const std::string& field,
                               const absl::StatusOr<JobReference>& reference, JobLink& link) {
    if (!reference.ok()) {
      Problem(index, field, std::string(reference.status().message()));
      return false;
    }
    if (reference->id != 0) return BindStored(index, field, reference->id, link);
    const auto found = by_name_.find(reference->name);
    if (reference->newest || found == by_name_.end()) {
      std::vector<std::string> names;
      names.reserve(by_name_.size());
      for (const auto& [name, indices] : by_name_) names.push_back(name);
      Problem(index, field,
              absl::StrCat("\"", FormatReference(*reference), "\" is no job of this batch",
                           DidYouMean(reference->name, names), "; other jobs are named by number"));
      return false;
    }
    if (found->second.size() > 1) {
      Problem(index, field,
              absl::StrCat(found->second.size(), " jobs of this batch are named \"", reference->name, "\""));
      return false;
    }
    link.index = found->second.front();
    return true;
  }

  absl::StatusOr<bool> BindStored(size_t index, const std::string& field, int64_t id, JobLink& link) {
    if (!stored_.contains(id)) {
      absl::StatusOr<v1::Job> job = reader_.GetJob(id);
      if (absl::IsNotFound(job.status())) {
        Problem(index, field, absl::StrCat("there is no job/", id), /*missing=*/true);
        return false;
      }
      RETURN_IF_ERROR(job.status());
      stored_.emplace(id, *std::move(job));
    }
    const v1::JobState state = stored_.at(id).state();
    if (state == v1::FAILED || state == v1::CANCELLED) {
      Problem(index, field, absl::StrCat("job/", id, " is ", v1::JobState_Name(state), "; requeue it first"));
      return false;
    }
    link.id = id;
    return true;
  }

  std::vector<size_t> LinksOf(const BatchJob& job) const {
    std::vector<size_t> links;
    for (const JobLink& link : job.after) {
      if (link.id == 0) links.push_back(link.index);
    }
    if (job.has_parent && job.parent.id == 0) links.push_back(job.parent.index);
    return links;
  }

  // Repeatedly takes the first job all of whose batch dependencies are taken, which keeps the order of the
  // request where it can.
  void Sort() {
    std::vector<bool> taken(batch_.jobs.size());
    while (batch_.order.size() < batch_.jobs.size()) {
      const size_t before = batch_.order.size();
      for (size_t i = 0; i < batch_.jobs.size(); ++i) {
        const std::vector<size_t> links = LinksOf(batch_.jobs[i]);
        if (taken[i] || !std::all_of(links.begin(), links.end(), [&](size_t k) { return taken[k]; }))
          continue;
        taken[i] = true;
        batch_.order.push_back(i);
      }
      if (batch_.order.size() > before) continue;
      for (size_t i = 0; i < taken.size(); ++i) {
        if (!taken[i]) Problem(i, "after", "comes after itself by way of other jobs of the batch");
      }
      return;
    }
  }

  absl::Status Inherit() {
    for (const size_t i : batch_.order) {
      BatchJob& job = batch_.jobs[i];
      if (!job.has_parent) continue;
      const v1::JobSpec& parent =
          job.parent.id == 0 ? batch_.jobs[job.parent.index].spec : stored_.at(job.parent.id).spec();
      const absl::string_view kind = KindOf(parent);
      if (kind == "evaluate" || (job.spec.has_evaluate() && kind != "finetune")) {
        Problem(i, FromField(job.spec),
                absl::StrCat("job \"", parent.name(), "\" is of kind ", kind, " and has no weights that ",
                             KindOf(job.spec), " could use"));
        continue;
      }
      InheritModel(parent, job.spec);
    }
    return absl::OkStatus();
  }

  StoreReader& reader_;
  Batch& batch_;
  std::map<std::string, std::vector<size_t>> by_name_;
  std::map<int64_t, v1::Job> stored_;
};

}  // namespace

absl::StatusOr<Batch> PrepareBatch(StoreReader& reader,
                                   const google::protobuf::RepeatedPtrField<v1::JobSpec>& specs) {
  Batch batch;
  for (int i = 0; i < specs.size(); ++i) {
    BatchJob& job = batch.jobs.emplace_back();
    job.spec = specs[i];
    for (v1::SpecProblem& problem : ResolveSpec(job.spec)) {
      problem.set_index(static_cast<uint32_t>(i));
      batch.problems.push_back({std::move(problem), false});
    }
  }
  if (!batch.problems.empty()) return batch;
  RETURN_IF_ERROR(Binder(reader, batch).Bind());
  return batch;
}

absl::Status BatchStatus(const Batch& batch) {
  if (batch.problems.empty()) return absl::OkStatus();
  std::vector<FieldViolation> violations;
  violations.reserve(batch.problems.size());
  for (const BatchProblem& problem : batch.problems) {
    violations.push_back({absl::StrCat("specs[", problem.problem.index(), "].", problem.problem.field()),
                          problem.problem.description()});
  }
  const std::string message =
      absl::StrCat(violations.front().field, ": ", violations.front().description,
                   violations.size() == 1 ? "" : absl::StrCat("; and ", violations.size() - 1, " more"));
  const bool only_missing =
      std::all_of(batch.problems.begin(), batch.problems.end(), [](const auto& p) { return p.missing_job; });
  return WithViolations(only_missing ? absl::NotFoundError(message) : absl::InvalidArgumentError(message),
                        violations);
}

}  // namespace ecgtrain
