#include "exchange/backend_search.h"

#include <algorithm>
#include <utility>

namespace weir {

void BackendSearch::begin(Cluster& cluster) {
  cluster_ = &cluster;
  cluster.begin_request();
}

void BackendSearch::end() {
  if (cluster_ == nullptr) return;
  leave_queue();
  if (std::exchange(retrying_, false)) cluster_->end_retrying();
  cluster_->end_request();
  cluster_ = nullptr;
  renewed_ = {};
  failed_count_ = tries_ = retries_ = 0;
  next_ = kNoBackend;
  queued_since_ = {};
  fresh_ = needs_http1_ = false;
}

void BackendSearch::renew(const SnapshotRef& current, const SnapshotRef& held) {
  if ((renewed_ ? renewed_ : held) == current || !current) return;
  Cluster* const next = current->same_cluster(cluster_->spec());
  if (next == nullptr || next == cluster_ || &next->queue() != &cluster_->queue())
    return;  // the cluster was removed
  next->take_over(*cluster_, retrying_);
  cluster_ = next;
  failed_count_ = 0;  // the indices are those of the former cluster
  next_ = kNoBackend;
  renewed_ = current;
}

// A private connection is used without the balancer, and without waiting: the client has
// logged in on it.
BackendSearch::Result BackendSearch::find(const Query& query, Choice& choice) {
  if (!fresh_ && !query.own.empty()) {
    choice.claim.lease = query.own.take(*cluster_, query.trust, choice.backend);
    if (choice.claim.lease != nullptr) return Result::found;
  }
  // Requests that have waited for longer come first.
  if (!called_ && cluster_->queue().awaited()) return Result::full;
  Result result = choose(query, choice, /*reclaim=*/false);
  if (result == Result::full && cluster_->queue().has_private())
    result = choose(query, choice, /*reclaim=*/true);
  // A backend that has failed this request is better than more waiting.
  if (result == Result::full && called_ && forget_failed())
    result = choose(query, choice, /*reclaim=*/false);
  return result;
}

// Another address of an unreachable backend comes before all.
BackendIndex BackendSearch::first_choice(const Query& query) const {
  const std::span<const BackendIndex> failed = failed_backends();
  const bool has_failed = std::ranges::find(failed, query.preferred) != failed.end();
  return next_ != kNoBackend || has_failed ? next_ : query.preferred;
}

// `reclaim`: private connections to full backends may be closed to make room. Backends that are
// held off or ejected are not tried as long as others are full: there is room to wait for.
BackendSearch::Result BackendSearch::choose(const Query& query, Choice& choice, bool reclaim) {
  std::array<BackendIndex, 2 * kMaxTries> passed;
  size_t count = failed_count_;
  std::copy_n(failed_.begin(), count, passed.begin());
  bool full = false, awaits = false;
  for (BackendIndex backend = first_choice(query); count <= passed.size(); backend = kNoBackend) {
    if (backend == kNoBackend)
      backend = count < passed.size()
                    ? cluster_->pick(query.now, query.client_hash, std::span(passed).first(count),
                                     query.repeatable)
                    : cluster_->find_room(query.now, failed_backends());
    if (backend == kNoBackend) break;
    const auto avoided = [&] { return cluster_->is_avoided(backend, query.now, query.repeatable); };
    if (awaits && avoided()) break;
    Pool& pool = cluster_->pool(backend);
    if (fresh_) {
      pool.make_room(needs_http1_);
    } else {
      choice.claim.lease = pool.take(query.trust);
    }
    if (choice.claim.lease == nullptr && reclaim) pool.reclaim_private();
    const bool shares = cluster_->spec().may_share() && !needs_http1_;
    if (shares && choice.claim.lease == nullptr)
      choice.claim.shared = pool.shared().claim(*cluster_, backend);
    const bool may_open = !shares && !pool.full();
    if (may_open || choice.claim.lease != nullptr || choice.claim.shared != nullptr) {
      choice.backend = backend;
      choice.claim.trial = cluster_->ejections().begin_trial(backend, query.now);
      choice.claim.repeatable = query.trust == Pool::Trust::events;
      return Result::found;
    }
    full = true;
    awaits |= !avoided();
    if (count == passed.size()) break;
    passed[count++] = backend;
  }
  return full ? Result::full : Result::none;
}

BackendSearch::Wait BackendSearch::wait(TimePoint now) {
  ClusterQueue& queue = cluster_->queue();
  const config::Pool& pool = cluster_->spec().pool;
  if (called_) {
    // The deadline may have come after the queue called.
    if (pool.queue_timeout.enabled() && now >= queued_since_ + pool.queue_timeout.value)
      return Wait::timed_out;
    called_ = false;
    queue.call_taken();
    queue.enter_again(waiter_);
    return Wait::entered;
  }
  // The queue is in order: a request that cannot use the places on shared connections would keep
  // them from all that come after it.
  if (needs_http1_) return Wait::queue_full;
  if (!queue.enter(waiter_, static_cast<uint32_t>(pool.max_pending))) return Wait::queue_full;
  if (queued_since_ == TimePoint{}) queued_since_ = now;
  return Wait::entered;
}

// If the queue has called this request, it calls the next one.
void BackendSearch::leave_queue() {
  if (cluster_ == nullptr) return;
  ClusterQueue& queue = cluster_->queue();
  queue.leave(waiter_);
  if (!std::exchange(called_, false)) return;
  queue.call_taken();
  queue.wake();
}

BackendIndex BackendSearch::other_address(const Attempt& failed, TimePoint now,
                                          bool avoided_too) const {
  return cluster_->other_address(failed.backend(), now, failed_backends(), avoided_too);
}

// The other addresses of an unreachable backend come first. Nothing has been sent, so that needs no
// permission of the route's `retry`, and is none of its attempts.
bool BackendSearch::try_again(const Attempt& failed, RetryCause cause, const RetryFacts& facts,
                              TimePoint now) {
  const bool addresses = cause == RetryCause::connect_failure && tries_ < kMaxTries;
  next_ = addresses ? other_address(failed, now, /*avoided_too=*/false) : kNoBackend;
  if (next_ == kNoBackend && !begin_retry(cause, facts)) {
    if (addresses) next_ = other_address(failed, now, /*avoided_too=*/true);
    if (next_ == kNoBackend) return false;
  }
  // The backend has closed a kept connection: other connections that were kept as long may be
  // closed, too, but the backend is not at fault.
  fresh_ = true;
  needs_http1_ |= facts.needs_http1;
  const bool kept = cause == RetryCause::not_sent || cause == RetryCause::reused_connection ||
                    facts.new_connection;
  if (!kept && failed_count_ < failed_.size()) failed_[failed_count_++] = failed.backend();
  return true;
}

bool BackendSearch::begin_retry(RetryCause cause, const RetryFacts& facts) {
  if (!retry(cause, facts)) return false;
  ClusterCells& cells = cluster_->cells();
  if (facts.new_connection || facts.failed_trial) return cells.retry_causes[cause].add(), true;
  if (!retrying_ && !cluster_->begin_retrying(facts.policy.budget())) {
    cells.retries[RetryResult::budget_exhausted].add();
    return false;
  }
  if (retrying_) cells.retries[RetryResult::failed].add();
  retrying_ = true;
  ++retries_;
  cells.retry_causes[cause].add();
  return true;
}

void BackendSearch::end_retrying(RetryResult result) {
  if (!std::exchange(retrying_, false)) return;
  cluster_->cells().retries[result].add();
  cluster_->end_retrying();
}

}  // namespace weir
