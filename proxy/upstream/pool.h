// Pool: the idle connections of this worker to one backend, and the number of all that are open.
// UpstreamConnection: a connection that is idle or that an exchange holds.
//
// Owner: the clusters of the worker's snapshot views share a pool, so that it survives a reload and
// ends with the last configuration that names its backend. A connection belongs to the holder of
// its Lease: dropping the Lease closes the connection, Pool::give_back() keeps it. Thread: the
// worker's.
//
// An idle connection that becomes readable has been closed by the backend, or the backend has sent
// bytes without a request: either way the pool closes it (trap T15). The pool learns the idle
// timeout of the backend from the time for which such connections were idle, and closes later ones
// before that timeout.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "metrics/worker_metrics.h"
#include "net/transport.h"
#include "upstream/cluster_queue.h"
#include "upstream/cluster_spec.h"
#include "upstream/shared_connections.h"

namespace weir {

struct PipeResources;
class Pool;
class UpstreamConnection;
using Lease = Owned<UpstreamConnection>;

struct IdleLink : ListNode {};     // in a list of its pool
struct PrivateLink : ListNode {};  // in the PrivateConnections of its client

class UpstreamConnection final : public Retirable,
                                 public IdleLink,
                                 public PrivateLink,
                                 private TransportReader,
                                 private Deadline {
 public:
  UpstreamConnection(EventLoop& loop, Pool& pool);

  Transport transport;
  // It has carried a request before: the backend may be closing it at this moment.
  bool reused() const { return served_ > 0; }
  // A user logs in on it: from now on it carries only requests of the client it serves now.
  void make_private() { private_ = true; }
  bool used_up() const;  // by its number of requests
  bool is_private() const { return private_; }
  Pool& pool() const { return pool_; }
  // Of a private connection: its backend in the cluster by which it was last used.
  BackendIndex backend_index() const { return backend_index_; }

 private:
  friend class Pool;
  ~UpstreamConnection() override;
  void close() override;
  void on_readable() override;
  void on_deadline() override;

  Pool& pool_;  // outlives it: the holder of a lease holds the view that holds the pool
  TimePoint opened_;
  TimePoint idle_since_{};
  Duration keeps_for_ = Duration::max();  // the timeout in the backend's Keep-Alive
  uint32_t served_ = 0;
  BackendIndex backend_index_ = 0;
  bool counted_ = true;
  bool private_ = false;
};

// What a request goes over: a connection, kept or not connected yet, or a place on a shared one.
struct Claim {
  Lease lease;
  SharedConnection* shared = nullptr;
  bool repeatable = false;  // the request can be sent again
  bool extended = false;    // it is an extended CONNECT if the connection is shared
  bool trial = false;       // it decides whether the backend stays ejected
  Reservation reservation;
};

struct PoolLimits {
  uint64_t number = 0;  // later ones have greater numbers
  uint32_t max_idle = 64;
  uint32_t max_requests = 0;
  Duration max_age{};
  config::Timeout idle;
  std::string idle_place;      // where that is configured; empty: nowhere
  uint32_t max_streams = 100;  // on a shared connection
  bool shares = false;         // the protocol of the cluster has shared connections
};

class Pool final : public PoolNode {
 public:
  // The evidence that the backend has not closed a kept connection. `events`: the poller has
  // reported no event, which is enough for a request that can be sent again. `ask_kernel`: a read
  // finds neither a FIN nor bytes.
  enum class Trust : uint8_t { events, ask_kernel };

  Pool(EventLoop& loop, std::shared_ptr<Backend> backend, BackendCells& cells,
       std::shared_ptr<ClusterQueue> queue, std::shared_ptr<TlsClient> tls,
       std::shared_ptr<const PoolLimits> limits, PipeResources* pipes = nullptr)
      : loop_(loop),
        pipes_(pipes),
        backend_(std::move(backend)),
        cells_(cells),
        queue_(std::move(queue)),
        tls_(std::move(tls)),
        limits_(std::move(limits)) {
    queue_->pools().push_back(*this);
  }
  ~Pool();

  // Of the configuration in force. They apply to idle connections at once, and to connections that
  // carry a request when they are given back.
  void set_limits(std::shared_ptr<const PoolLimits> limits);
  const PoolLimits& limits() const { return *limits_; }

  // The connection that was used last, since the backend is least likely to close that one now;
  // null: none is idle.
  Lease take(Trust trust);
  // The backend, or its cluster, has as many connections as it may have, of all workers.
  bool full() const { return queue_->shared().connections_full(*backend_); }
  // take(), open() or shared().claim() gives a connection; `whole`: one that carries no other
  // requests.
  bool has_room(bool whole);
  // Something here, or at the backend, has become free.
  void serve_waiters() { queue_->serve(*backend_, idle_count_ > 0 || shared_.has_place()); }
  SharedConnections& shared() { return shared_; }
  // Before open() where a kept connection will not do: if the pool is full, closes an idle one.
  // `shared`: also a shared one.
  void make_room(bool shared = false);
  // A new connection, not connected yet. Null: full. `reservation`: it may have a place for it.
  Lease open(Reservation* reservation = nullptr);
  // Closes an idle connection, which a waiter of another worker wants. False: there is none, or the
  // pool is not full.
  bool shed_idle();
  // After a complete exchange; the caller then serves those that wait. `keeps_for`: the timeout in
  // the backend's Keep-Alive, else max().
  void give_back(Lease lease, Duration keeps_for);
  // The same for a private connection, which only its client may take; null: it was not kept.
  UpstreamConnection* keep_private(Lease lease, BackendIndex backend, Duration keeps_for);
  // Makes room for a request that finds all backends full: closes the private connection that has
  // been idle for longest, if it has been for a second. Its user has to log in again.
  void reclaim_private();
  // For the next request of its client; null: the connection has ended.
  Lease take_private(UpstreamConnection& connection, Trust trust);

  // From now on connections are kept only while requests wait in the queue. `at_once`: no request
  // is under way any more, and shared connections end without GOAWAY.
  void begin_drain(bool at_once = false);

  Backend& backend() const { return *backend_; }
  EventLoop& loop() const { return loop_; }
  const TlsClient* tls() const { return tls_.get(); }
  size_t idle() const { return idle_count_; }
  // How long an idle connection is kept: the shortest of the configured time, the timeout in the
  // backend's Keep-Alive and the timeout that the pool has learned; a second while more than
  // `max_idle` are idle, a private one excepted. Zero: not at all.
  Duration keep_time(const UpstreamConnection& connection) const;
  // The same of a shared connection.
  Duration keep_time(TimePoint opened, TimePoint idle_since, bool is_private = false) const;

 private:
  friend class UpstreamConnection;
  friend class SharedConnection;
  friend class SharedConnections;
  friend class SharedOpening;
  void drop(UpstreamConnection& connection);
  void on_closed();
  // Connections above a limit that was lowered.
  int64_t excess() const {
    return std::max(backend_->connections().excess(), queue_->shared().connections.excess());
  }
  bool serve_again(UpstreamConnection& connection, Duration keeps_for);
  void start_idling(UpstreamConnection& connection);
  bool stop_idling(UpstreamConnection& connection, Trust trust);
  void learn(Duration idle_for);

  EventLoop& loop_;
  PipeResources* const pipes_;  // for shared connections
  const std::shared_ptr<Backend> backend_;
  BackendCells& cells_;
  const std::shared_ptr<ClusterQueue> queue_;
  const std::shared_ptr<TlsClient> tls_;      // of all its connections; null: none
  std::shared_ptr<const PoolLimits> limits_;  // of all pools of the cluster
  IntrusiveList<UpstreamConnection, IdleLink> idle_;
  IntrusiveList<UpstreamConnection, IdleLink> private_;  // idle, too; not counted among those
  SharedConnections shared_{*this};
  size_t idle_count_ = 0;
  uint32_t open_ = 0;
  Duration last_seen_{};                // idle time at which the backend closed a connection
  TimePoint last_seen_at_{};            // when that was
  Duration learned_ = Duration::max();  // the same, seen twice
  TimePoint learned_at_{};
  bool warned_ = false;
  bool draining_ = false;
};

}  // namespace weir
