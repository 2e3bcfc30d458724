// Cluster: one worker's part of one configured cluster: its balancer over the backends that may get
// sessions, its pools and its queue.
//
// Owner: the worker's views of snapshots, which share it as long as the cluster's settings stay the
// same; thread: the worker's. Only the first pick after a change of health determines which
// backends are eligible:
//   the active backends whose checks do not fail; if there are none, the backups whose checks do
//   not fail; if the share of usable backends is below the panic threshold, all active backends,
//   whatever the results of their checks.
// pick() avoids a backend that is held off or ejected while there is another one. It chooses
// backups when all other backends are held off, ejected or tried.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "metrics/worker_metrics.h"
#include "upstream/balancer.h"
#include "upstream/cluster_spec.h"
#include "upstream/ejections.h"
#include "upstream/pools.h"

namespace weir {

class Cluster {
 public:
  // `spec` outlives it. Without `pools`: for TCP only.
  // `before`: the cluster in the previous configuration, whose pools this one takes over. Cells and
  // pools of a backend are made when it is first used.
  Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed, Pools* pools = nullptr,
          const Cluster* before = nullptr);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  // What a backend must have room for: nothing; a TCP session; a request, with a connection of this
  // worker or room for one.
  enum class Room : uint8_t { any, session, request };
  struct Wanted {
    TimePoint now;
    uint64_t client_hash;
    std::span<const BackendIndex> tried;  // backends that have failed for this client
    bool repeatable = false;  // it may be the trial of an ejected backend: it can be sent again
    Room room = Room::any;
    bool whole = false;  // a connection of its own: a place on a shared one will not do
  };
  struct Choice {
    BackendIndex index = kNoBackend;  // in spec().hosts; kNoBackend: there is none to try
    bool ready = false;               // neither held off nor ejected
    bool full = false;                // there is none now, but some that have no room
  };
  // A backend for a client. One that is avoided is chosen only if none is full: there is room to
  // wait for.
  Choice choose(const Wanted& wanted);
  BackendIndex pick(TimePoint now, uint64_t client_hash, std::span<const BackendIndex> tried,
                    bool repeatable = false) {
    return choose({now, client_hash, tried, repeatable}).index;
  }
  bool has_room(BackendIndex index, const Wanted& wanted) const;
  // A place among the requests of all workers at the backend; empty: it is full.
  Reservation reserve(BackendIndex index);
  // After something there has become free: waiters are served.
  void serve_waiters(BackendIndex index);
  // For a request or session that has begun to wait: if there is room now, the oldest waiter looks.
  void look_once_more(const Wanted& wanted);
  // Whether a place there that was taken for a waiter may be used still.
  bool may_be_handed(BackendIndex index, const Wanted& wanted) const;
  // Closes a private connection that has been idle for long, to a backend that is full.
  void reclaim_private();
  // The backend is held off, or is ejected and takes no trial now.
  bool is_avoided(BackendIndex index, TimePoint now, bool repeatable = false) const;
  // Another address of the backend at `index`, to which connecting has failed, for the same client;
  // kNoBackend: there is none. `avoided_too`: also an address that is held off or ejected.
  BackendIndex other_address(BackendIndex index, TimePoint now, std::span<const BackendIndex> tried,
                             bool avoided_too = false) const;
  // The next pick reads the health of every backend; in a large cluster no more often than its size
  // allows (kRebuildEvery), and until then picks skip backends that have gone down.
  void health_changed() { rebuild_.due = true; }
  void rebuild();

  const ClusterSpec& spec() const { return spec_; }
  ClusterCells& cells() { return cells_; }
  BackendCells& cells_of(BackendIndex host) {
    BackendCells*& cells = backend_cells_[host];
    if (cells == nullptr) cells = &metrics_.backend(spec_.hosts[host].series);
    return *cells;
  }
  // The index of a backend, most likely `hint`; kNoBackend: it is not a backend of this cluster.
  BackendIndex index_of(const Backend& backend, BackendIndex hint) const;
  // TCP sessions of that host, including those that are connecting, and requests under way.
  int64_t& load(BackendIndex host) { return *loads_[host]; }
  // For requests: the connections to one backend, and the requests that wait for a connection.
  Pool& pool(BackendIndex host) { return pools_[host] ? *pools_[host] : make_pool(host); }
  // Null: it has not been used.
  const Pool* pool_if_used(BackendIndex host) const { return pools_[host].get(); }
  ClusterQueue& queue() { return *queue_; }
  const ClusterQueue& queue() const { return *queue_; }
  // False: the requests that are being retried, of all workers, have used up `budget`, a share of
  // the requests under way, or the cluster's limit. The budget always allows three.
  [[nodiscard]] bool begin_retrying(double budget);
  // A request is under way to that backend, with this reservation.
  void begin_use(BackendIndex host);
  void end_use(BackendIndex host, Reservation& reservation);
  // Outlier detection.
  Ejections& ejections() { return ejections_; }
  bool panicking() const { return panic_; }

 private:
  struct Tier {
    std::unique_ptr<Balancer> balancer;
    std::vector<BackendIndex> backends;  // in spec_.hosts, in the order of the balancer
  };
  struct Rebuild {
    bool due = false;
    TimePoint not_before{};
  };
  // A rebuild reads every backend, which takes about a microsecond when it is in no cache.
  static constexpr size_t kSmall = 4096;  // hosts: always rebuilt at once
  static constexpr Duration kRebuildEvery = std::chrono::microseconds(1);  // per host

  Pool& make_pool(BackendIndex host);
  void adopt_pools(const Cluster& before);
  void refresh(TimePoint now);
  void select(Tier& tier, bool backup, bool any_health);
  Choice choose(Tier& tier, const Wanted& wanted);
  bool exclude_unready(const std::vector<BackendIndex>& backends, const Wanted& wanted);

  const ClusterSpec& spec_;
  WorkerMetrics& metrics_;
  ClusterCells& cells_;
  std::vector<int64_t*> loads_;               // by index in spec_.hosts
  std::vector<BackendCells*> backend_cells_;  // by index in spec_.hosts; null: not used yet
  Pools* const all_pools_;
  Ejections ejections_;
  std::shared_ptr<ClusterQueue> queue_;
  std::shared_ptr<const PoolLimits> limits_;
  std::vector<std::shared_ptr<Pool>> pools_;  // by index; null: not used yet
  Tier serving_;
  Tier backups_;  // not in use; empty while the backups serve
  std::vector<BackendIndex>
      slot_;  // by index in spec_.hosts: its index in its tier, if it is in one
  bool panic_ = false;
  Rebuild rebuild_;
  std::vector<BackendIndex> excluded_;  // scratch of choose(): indices of the balancer
};

// Whether the panic threshold makes all workers use every active backend of the cluster.
bool is_panicking(const ClusterSpec& spec);

}  // namespace weir
