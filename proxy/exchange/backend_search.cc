#include "exchange/backend_search.h"

#include <algorithm>
#include <utility>

namespace weir {
namespace {

bool is_for(const Reservation& handed, const Cluster& cluster, BackendIndex backend) {
  return handed && cluster.spec().hosts[backend].backend.get() == handed.backend();
}

}  // namespace

bool BackendSearch::begin(Cluster& cluster) {
  if (!cluster.spec().shared->requests.try_take()) return false;
  cluster_ = &cluster;
  return true;
}

void BackendSearch::end() {
  if (cluster_ == nullptr) return;
  leave_queue();
  ClusterShared& shared = *cluster_->spec().shared;
  if (std::exchange(retrying_, false)) shared.retries.give();
  shared.requests.give();
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
  cluster_ = next;
  failed_count_ = 0;  // the indices are those of the former cluster
  next_ = kNoBackend;
  renewed_ = current;
}

BackendSearch::Result BackendSearch::find(const Query& query, Choice& choice) {
  if (!fresh_ && !query.own.empty() && choose_own(query, choice)) return Result::found;
  // Requests that have waited for longer come first.
  if (!called_ && cluster_->queue().awaited()) return Result::full;
  Result result = choose(query, choice);
  if (result == Result::full && cluster_->queue().has_private()) {
    cluster_->reclaim_private();
    result = choose(query, choice);
  }
  // A backend that has failed this request is better than more waiting.
  if (result == Result::full && called_ && forget_failed()) result = choose(query, choice);
  handed_ = {};
  if (result == Result::found) cluster_->serve_waiters(choice.backend);
  return result;
}

// A private connection is used without the balancer, and without waiting: the client has logged in
// on it. If its backend is full, the request goes elsewhere, where the user has to log in again.
bool BackendSearch::choose_own(const Query& query, Choice& choice) {
  const BackendIndex backend = query.own.backend_index(*cluster_);
  if (backend == kNoBackend) return false;
  choice.claim.reservation = cluster_->reserve(backend);
  if (!choice.claim.reservation) return false;
  choice.claim.lease = query.own.take(*cluster_, query.trust, choice.backend);
  if (choice.claim.lease != nullptr) return true;
  choice = {};
  return false;
}

// What was taken for this request while it waited comes before all, then another address of an
// unreachable backend.
BackendIndex BackendSearch::first_choice(const Query& query) const {
  if (handed_) return cluster_->index_of(*handed_.backend(), kNoBackend);
  const std::span<const BackendIndex> failed = failed_backends();
  const bool has_failed = std::ranges::find(failed, query.preferred) != failed.end();
  return next_ != kNoBackend || has_failed ? next_ : query.preferred;
}

Cluster::Wanted BackendSearch::wanted(const Query& query) const {
  return {query.now,        query.client_hash,      failed_backends(),
          query.repeatable, Cluster::Room::request, needs_http1_};
}

BackendSearch::Result BackendSearch::choose(const Query& query, Choice& choice) {
  const Cluster::Wanted wanted = this->wanted(query);
  BackendIndex first = first_choice(query);
  next_ = kNoBackend;
  // Each turn of the loop but the last: another worker was faster.
  for (uint32_t races = 0; races < kMaxTries; ++races) {
    Cluster::Choice chosen{std::exchange(first, kNoBackend)};
    if (chosen.index == kNoBackend || !may_take(chosen.index, wanted))
      chosen = cluster_->choose(wanted);
    if (chosen.index == kNoBackend) return chosen.full ? Result::full : Result::none;
    if (take(query, chosen.index, choice)) return Result::found;
  }
  return Result::full;
}

// Of a place that was handed over, the backend may have become unusable on the way.
bool BackendSearch::may_take(BackendIndex backend, const Cluster::Wanted& wanted) const {
  return is_for(handed_, *cluster_, backend) ? cluster_->may_be_handed(backend, wanted)
                                             : cluster_->has_room(backend, wanted);
}

bool BackendSearch::take(const Query& query, BackendIndex backend, Choice& choice) {
  Claim claim;
  claim.reservation =
      is_for(handed_, *cluster_, backend) ? std::move(handed_) : cluster_->reserve(backend);
  if (!claim.reservation) return false;
  Pool& pool = cluster_->pool(backend);
  if (fresh_)
    pool.make_room(needs_http1_);
  else
    claim.lease = pool.take(query.trust);
  if (claim.lease == nullptr) {
    if (cluster_->spec().may_share() && !needs_http1_)
      claim.shared = pool.shared().claim(*cluster_, backend, claim.reservation);
    else
      claim.lease = pool.open(&claim.reservation);
  }
  if (claim.lease == nullptr && claim.shared == nullptr) return false;
  // A kept connection, or a place on a shared one, has turned up meanwhile.
  if (claim.reservation.take_connection())
    cluster_->spec().shared->give_connection(*cluster_->spec().hosts[backend].backend);
  claim.trial = cluster_->ejections().begin_trial(backend, query.now);
  claim.repeatable = query.trust == Pool::Trust::events;
  choice.backend = backend;
  choice.claim = std::move(claim);
  return true;
}

void BackendSearch::on_room() {
  called_ = true;
  handed_ = waiter_.take_handed();
}

BackendSearch::Wait BackendSearch::wait(const Query& query, const config::Timeout& timeout) {
  const TimePoint now = query.now;
  ClusterQueue& queue = cluster_->queue();
  const Wish wish{&cluster_->spec(), failed_backends(), true, cluster_->panicking()};
  if (called_) {
    // The deadline may have come after the queue called.
    if (timeout.enabled() && now >= queued_since_ + timeout.value) return Wait::timed_out;
    called_ = false;
    queue.enter_again(waiter_, wish);
    return Wait::entered;
  }
  // The queue is in order: a request that cannot use the places on shared connections would keep
  // them from all that come after it.
  if (needs_http1_) return Wait::queue_full;
  const TimePoint since = queued_since_ == TimePoint{} ? now : queued_since_;
  const auto most = static_cast<uint32_t>(cluster_->spec().queue.max);
  if (!queue.enter(waiter_, wish, since, most)) return Wait::queue_full;
  queued_since_ = since;
  return Wait::entered;
}

// If the queue has called this request, it calls the next one.
void BackendSearch::leave_queue() {
  if (cluster_ == nullptr) return;
  called_ = false;
  handed_ = {};
  cluster_->queue().leave(waiter_);
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
  cluster_->spec().shared->retries.give();
}

}  // namespace weir
