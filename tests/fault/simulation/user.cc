#include "tests/fault/simulation/user.h"

#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/coordinator/submission.h"

namespace ecgtrain::simulation {
namespace {

using google::protobuf::util::MessageDifferencer;

constexpr absl::Duration kUserDeadline = absl::Seconds(10);

const Caller kCaller{.name = User::kName, .any_job = true};

// To be asked again with the same request_id; anything else is an answer.
bool IsNoAnswer(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsResourceExhausted(status);
}

template <typename T, size_t N>
const T& PickFrom(const std::array<T, N>& choices, Random& random) {
  return choices[random.Below(N)];
}

}  // namespace

template <typename Request, typename Response>
struct User::Exchange {
  Request request;
  Method<Request, Response> method;
  std::function<void(const Response&)> answered;
  std::optional<absl::StatusOr<Response>> first;  // answer
};

template <typename Request, typename Response>
void User::Ask(Request request, Method<Request, Response> method,
               std::function<void(const Response&)> answered) {
  request.set_request_id(absl::StrCat("r", ++requests_));
  ++open_;
  Try(std::make_shared<Exchange<Request, Response>>(
      Exchange<Request, Response>{std::move(request), std::move(method), std::move(answered), std::nullopt}));
}

template <typename Request, typename Response>
void User::Try(std::shared_ptr<Exchange<Request, Response>> exchange) {
  network_.Call<Response>(
      kName, kUserDeadline,
      [&coordinator = coordinator_, exchange](Done<Response> answer) {
        coordinator.Handle<Response>(std::move(answer), [&](Coordinator& c, Done<Response> reply) {
          exchange->method(c, exchange->request, std::move(reply));
        });
      },
      [this, exchange](absl::StatusOr<Response> answer) { Judge(exchange, std::move(answer)); });
}

template <typename Request, typename Response>
void User::Judge(std::shared_ptr<Exchange<Request, Response>> exchange, absl::StatusOr<Response> answer) {
  if (!answer.ok() && IsNoAnswer(answer.status())) {
    world_.After(world_.random.Between(absl::Milliseconds(200), absl::Seconds(3)),
                 [this, exchange] { Try(exchange); });
    return;
  }
  --open_;
  if (!exchange->first) {
    if (answer.ok()) exchange->answered(*answer);
    if (answer.ok() && world_.random.Chance(0.2)) {
      world_.After(world_.random.Between(absl::Seconds(1), absl::Minutes(2)),
                   [this, exchange] { Repeat(exchange); });
    }
    exchange->first = std::move(answer);
    return;
  }
  ++ledger_.answers_repeated;
  const bool same = answer.ok() && MessageDifferencer::Equals(*answer, **exchange->first);
  if (!same) {
    world_.Break(absl::StrCat("request ", exchange->request.request_id(),
                              " is answered otherwise when repeated: ", answer.status().ToString()));
  }
}

template <typename Request, typename Response>
void User::Repeat(std::shared_ptr<Exchange<Request, Response>> exchange) {
  ++open_;
  Try(std::move(exchange));
}

v1::JobSpec User::RandomSpec(Random& random, const std::vector<std::string>& batch) const {
  constexpr std::array<const char*, 14> kScripts = {
      "ok",    "ok",      "ok",         "ok",         "ok",        "ok",   "ok",
      "crash", "corrupt", "user_error", "non_finite", "disk_full", "hang", "crash_always"};
  constexpr std::array<const char*, 4> kPriorities = {"low", "normal", "normal", "high"};
  constexpr std::array<const char*, 3> kOnLost = {"elsewhere", "requeue", "wait"};
  v1::JobSpec spec;
  spec.set_name(absl::StrCat("batch", batches_, "-", batch.size()));
  const std::string parent = batch.empty() ? "" : batch[random.Below(batch.size())];
  if (!parent.empty() && random.Chance(0.4)) {
    spec.mutable_finetune()->set_dataset("synthetic");
    spec.mutable_finetune()->set_from(absl::StrCat(parent, random.Chance(0.5) ? "@best" : "@last"));
  } else {
    spec.mutable_pretrain()->set_dataset("synthetic");
    spec.mutable_model()->set_preset("tiny");
    if (!parent.empty() && random.Chance(0.5)) spec.add_after(parent);
    const int64_t other = AnyJob(random.Next());
    if (parent.empty() && other != 0 && random.Chance(0.2)) spec.add_after(absl::StrCat("job/", other));
  }
  (*spec.mutable_labels())["steps"] = absl::StrCat(2 + random.Below(9));
  (*spec.mutable_labels())["script"] = PickFrom(kScripts, random);
  spec.set_priority(PickFrom(kPriorities, random));
  spec.set_on_lost(PickFrom(kOnLost, random));
  spec.mutable_checkpoint()->set_keep_last(1 + static_cast<uint32_t>(random.Below(2)));
  spec.mutable_retry()->set_infrastructure(static_cast<uint32_t>(random.Below(5)));
  if (random.Chance(0.05)) spec.mutable_resources()->mutable_max_time()->set_seconds(60);
  return spec;
}

void User::Submit(Random random) {
  ++batches_;
  v1::SubmitJobsRequest request;
  std::vector<std::string> names;
  const uint64_t jobs = 1 + random.Below(3);
  for (uint64_t i = 0; i < jobs; ++i) {
    *request.add_specs() = RandomSpec(random, names);
    names.push_back(request.specs().rbegin()->name());
  }
  request.set_hold(random.Chance(0.1));
  ledger_.batches.push_back(names);
  world_.Note(absl::StrCat("user submits ", jobs, " jobs from ", names.front()));
  Ask<v1::SubmitJobsRequest, v1::SubmitJobsResponse>(
      std::move(request),
      [](Coordinator& c, const v1::SubmitJobsRequest& r, Reply<v1::SubmitJobsResponse> reply) {
        SubmitJobs(c.mutations(), kName, r, std::move(reply));
      },
      [this](const v1::SubmitJobsResponse& response) {
        for (const v1::Job& job : response.jobs()) ledger_.acknowledged[job.name()] = job.id();
      });
}

void User::Cancel(int64_t job, bool now) {
  v1::CancelJobRequest request;
  request.set_job(absl::StrCat(job));
  request.set_now(now);
  ledger_.cancel_asked.insert(job);
  world_.Note(absl::StrCat("user cancels job/", job, now ? " now" : ""));
  Ask<v1::CancelJobRequest, v1::CancelJobResponse>(
      std::move(request),
      [](Coordinator& c, const v1::CancelJobRequest& r, Reply<v1::CancelJobResponse> reply) {
        CancelJob(c.mutations(), kCaller, r, std::move(reply));
      },
      [this, job](const v1::CancelJobResponse&) { ledger_.cancelled.insert(job); });
}

void User::Pause(int64_t job) {
  v1::PauseJobRequest request;
  request.set_job(absl::StrCat(job));
  world_.Note(absl::StrCat("user pauses job/", job));
  Ask<v1::PauseJobRequest, v1::PauseJobResponse>(
      std::move(request),
      [](Coordinator& c, const v1::PauseJobRequest& r, Reply<v1::PauseJobResponse> reply) {
        PauseJob(c.mutations(), kCaller, r, std::move(reply));
      },
      [](const v1::PauseJobResponse&) {});
}

void User::Resume(int64_t job) {
  v1::ResumeJobRequest request;
  request.set_job(absl::StrCat(job));
  world_.Note(absl::StrCat("user resumes job/", job));
  Ask<v1::ResumeJobRequest, v1::ResumeJobResponse>(
      std::move(request),
      [](Coordinator& c, const v1::ResumeJobRequest& r, Reply<v1::ResumeJobResponse> reply) {
        ResumeJob(c.mutations(), kCaller, r, std::move(reply));
      },
      [](const v1::ResumeJobResponse&) {});
}

void User::Requeue(int64_t job, const std::string& from) {
  v1::RequeueJobRequest request;
  request.set_job(absl::StrCat(job));
  request.set_from(from);
  ledger_.requeue_asked.insert(job);
  world_.Note(absl::StrCat("user requeues job/", job, " from \"", from, "\""));
  Ask<v1::RequeueJobRequest, v1::RequeueJobResponse>(
      std::move(request),
      [](Coordinator& c, const v1::RequeueJobRequest& r, Reply<v1::RequeueJobResponse> reply) {
        RequeueJob(c.mutations(), kCaller, r, std::move(reply));
      },
      [](const v1::RequeueJobResponse&) {});
}

void User::SetCordon(const std::string& worker, bool cordoned) {
  v1::UpdateWorkerRequest request;
  request.set_name(worker);
  request.set_cordoned(cordoned);
  world_.Note(absl::StrCat("user ", cordoned ? "cordons " : "uncordons ", worker));
  Ask<v1::UpdateWorkerRequest, v1::UpdateWorkerResponse>(
      std::move(request),
      [](Coordinator& c, const v1::UpdateWorkerRequest& r, Reply<v1::UpdateWorkerResponse> reply) {
        UpdateWorker(c.mutations(), kCaller, r, std::move(reply));
      },
      [](const v1::UpdateWorkerResponse&) {});
}

int64_t User::AnyJob(uint64_t choice) const {
  if (ledger_.acknowledged.empty()) return 0;
  return std::next(ledger_.acknowledged.begin(), static_cast<int64_t>(choice % ledger_.acknowledged.size()))
      ->second;
}

}  // namespace ecgtrain::simulation
