// BackendSearch: finds a backend for one request, again for each attempt: a kept connection, or a
// backend that has room for a new one; or the request waits in the cluster's queue.
//
// Owner: an Exchange, by value; thread: the worker's. It counts the request among those of its
// cluster, and among the retried ones. The search uses the cluster of the configuration in force:
// room or backends may come with a reload. The route stays.
#pragma once

#include <array>

#include "exchange/attempt.h"
#include "exchange/retry.h"
#include "routing/snapshot.h"
#include "upstream/private_connections.h"

namespace weir {

class BackendSearch {
 public:
  enum class Result : uint8_t {
    found,
    full,  // backends that could be tried have no room
    none,  // no backend can be tried
  };
  enum class Wait : uint8_t { entered, queue_full, timed_out };
  struct Choice {
    BackendIndex backend = kNoBackend;
    Claim claim;
  };
  struct Query {
    TimePoint now;
    uint64_t client_hash;
    Pool::Trust trust;
    PrivateConnections& own;              // of the client
    bool repeatable = false;              // see Cluster::pick()
    BackendIndex preferred = kNoBackend;  // tried first, unless it has failed this request
  };

  // `waiter` is called when the queue has room.
  explicit BackendSearch(QueueWaiter& waiter) : waiter_(waiter) {}
  ~BackendSearch() { end(); }
  BackendSearch(const BackendSearch&) = delete;
  BackendSearch& operator=(const BackendSearch&) = delete;

  // False: the cluster has limits.requests already.
  [[nodiscard]] bool begin(Cluster& cluster);
  void end();
  bool begun() const { return cluster_ != nullptr; }
  Cluster& cluster() const { return *cluster_; }
  // The snapshot that has cluster(); null: that of the request.
  const SnapshotRef& renewed() const { return renewed_; }

  // Changes to the same cluster of `current`. `held`: the snapshot of the request.
  void renew(const SnapshotRef& current, const SnapshotRef& held);
  std::span<const BackendIndex> failed_backends() const {
    return std::span(failed_).first(failed_count_);
  }
  Result find(const Query& query, Choice& choice);
  // After Result::full. `timeout`: how long it may wait, from the first time.
  Wait wait(const Query& query, const config::Timeout& timeout);
  Cluster::Wanted wanted(const Query& query) const;
  void on_room();
  void leave_queue();
  TimePoint queued_since() const { return queued_since_; }

  // A request was sent, or a connection failed.
  void count_try() { ++tries_; }
  uint32_t tries() const { return tries_; }
  uint32_t retries() const { return retries_; }
  // Whether another attempt follows `failed`; find() then looks for other backends first.
  bool try_again(const Attempt& failed, RetryCause cause, const RetryFacts& facts, TimePoint now);
  // True: there are backends that have failed this request; from now on they may be chosen again.
  bool forget_failed() { return std::exchange(failed_count_, 0) > 0; }
  void end_retrying(RetryResult result);

 private:
  Result choose(const Query& query, Choice& choice);
  bool choose_own(const Query& query, Choice& choice);
  bool may_take(BackendIndex backend, const Cluster::Wanted& wanted) const;
  bool take(const Query& query, BackendIndex backend, Choice& choice);
  BackendIndex first_choice(const Query& query) const;
  BackendIndex other_address(const Attempt& failed, TimePoint now, bool avoided_too) const;
  bool begin_retry(RetryCause cause, const RetryFacts& facts);
  QueueWaiter& waiter_;
  Cluster* cluster_ = nullptr;
  SnapshotRef renewed_;
  std::array<BackendIndex, kMaxTries> failed_{};  // chosen only when there are no others
  uint32_t failed_count_ = 0;
  BackendIndex next_ = kNoBackend;  // chosen first: another address of an unreachable backend
  uint32_t tries_ = 0;
  uint32_t retries_ = 0;
  TimePoint queued_since_{};  // for the first time
  bool retrying_ = false;     // counted among the cluster's retried requests
  bool called_ = false;       // by the queue: it is this request's turn
  Reservation handed_;        // by the queue
  bool fresh_ = false;        // after a failure: kept connections are not trusted
  bool needs_http1_ = false;  // a shared connection will not do
};

}  // namespace weir
