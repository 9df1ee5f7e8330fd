#include "server/coordinator/reconcile.h"

#include <algorithm>

namespace ecgtrain {
namespace {

bool Same(const v1::AttemptRef& ref, const v1::Attempt& attempt) {
  return ref.job_id() == attempt.job_id() && ref.attempt() == attempt.number() &&
         ref.token() == attempt.token();
}

const v1::HeldAttempt* FindHeld(const std::vector<v1::HeldAttempt>& held, const v1::Attempt& attempt) {
  const auto found = std::find_if(held.begin(), held.end(), [&](const v1::HeldAttempt& candidate) {
    return Same(candidate.attempt(), attempt);
  });
  return found == held.end() ? nullptr : &*found;
}

// A trainer that is gone needs no order; one that is stopping needs one only to be killed at once.
bool NeedsStop(const LiveAttempt& live, v1::HeldAttempt::State state) {
  if (live.stop == v1::STOP_NONE || state == v1::HeldAttempt::SHIPPING) return false;
  return state != v1::HeldAttempt::STOPPING || live.stop_now;
}

}  // namespace

v1::AttemptRef RefOf(const v1::Attempt& attempt) {
  v1::AttemptRef ref;
  ref.set_job_id(attempt.job_id());
  ref.set_attempt(attempt.number());
  ref.set_token(attempt.token());
  return ref;
}

Reconciliation Reconcile(const std::vector<LiveAttempt>& live, const std::vector<v1::HeldAttempt>& held) {
  Reconciliation result;
  for (const LiveAttempt& candidate : live) {
    const v1::HeldAttempt* have = FindHeld(held, candidate.attempt);
    if (have == nullptr) {
      const bool startable = candidate.attempt.state() == v1::LEASED && candidate.stop == v1::STOP_NONE;
      (startable ? result.start : result.lost).push_back(candidate.attempt);
    } else if (NeedsStop(candidate, have->state())) {
      v1::StopOrder& order = result.stop.emplace_back();
      *order.mutable_attempt() = have->attempt();
      order.set_why(candidate.stop);
      order.set_now(candidate.stop_now);
    }
  }
  for (const v1::HeldAttempt& have : held) {
    const bool known = std::any_of(live.begin(), live.end(), [&](const LiveAttempt& candidate) {
      return Same(have.attempt(), candidate.attempt);
    });
    if (!known) result.forget.push_back(have.attempt());
  }
  return result;
}

std::map<int64_t, int> ToldOrders::Digest(const Reconciliation& orders) {
  constexpr int kStart = 1000, kForget = 1001, kNow = 100;
  std::map<int64_t, int> digest;
  for (const v1::Attempt& attempt : orders.start) digest[attempt.token()] = kStart;
  for (const v1::StopOrder& stop : orders.stop) {
    digest[stop.attempt().token()] = static_cast<int>(stop.why()) + (stop.now() ? kNow : 0);
  }
  for (const v1::AttemptRef& ref : orders.forget) digest[ref.token()] = kForget;
  return digest;
}

bool ToldOrders::HasNews(const Reconciliation& orders) const {
  for (const auto& [token, order] : Digest(orders)) {
    const auto found = told_.find(token);
    if (found == told_.end() || found->second != order) return true;
  }
  return false;
}

void ToldOrders::Remember(const Reconciliation& orders) { told_ = Digest(orders); }

}  // namespace ecgtrain
