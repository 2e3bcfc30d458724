// Cluster: one worker's view of one configured cluster: its balancer over the backends that may get
// sessions.
//
// Owner: the worker's view of a snapshot; thread: the worker's. What is eligible is worked out when
// a health changes, not for each session:
//   the active backends whose checks do not fail; if there are none, the backups whose checks do
//   not fail; if the share of usable ones is below the panic threshold, all active ones, whatever
//   their checks say.
// A backend that is held off or ejected is passed over while another one is left; backups come in
// when all the others are, or have been tried for this client.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "metrics/worker_metrics.h"
#include "upstream/balancer.h"
#include "upstream/cluster_spec.h"
#include "upstream/pool.h"

namespace weir {

class Cluster {
 public:
  // `spec` outlives it.
  // Without `pools`: for TCP only.
  Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed, Pools* pools = nullptr);

  // The place in spec().hosts of the backend for a client, kNoHost when there is none to try.
  // `tried`: places that have failed for this client already.
  HostIndex pick(TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried);
  // The same among those alone whose pool has room: for a cluster so large that pick() would have
  // to be asked too often. Passes over those that are left alone. O(backends).
  HostIndex find_room(TimePoint now, std::span<const HostIndex> tried);
  // Held off or ejected, at this moment.
  bool left_alone(HostIndex place, TimePoint now) const;
  // Another address of the backend at `place`, which could not be connected to, for the same
  // client; kNoHost when there is none. `left_alone_too`: also one that is held off or ejected.
  HostIndex other_address(HostIndex place, TimePoint now, std::span<const HostIndex> tried,
                          bool left_alone_too = false) const;
  // After a health has changed.
  void rebuild();

  const ClusterSpec& spec() const { return spec_; }
  ClusterCells& cells() { return cells_; }
  BackendCells& cells_of(HostIndex host) { return *backend_cells_[host]; }
  // Of a backend of its own, most likely `hint`; kNoHost: it has none of that name and address.
  HostIndex index_of(const Backend& backend, HostIndex hint) const;
  // Sessions of TCP on that host, those being connected included, and requests under way.
  int64_t& load(HostIndex host) { return *loads_[host]; }
  // For requests: the kept connections of a backend, and who waits for one of any.
  Pool& pool(HostIndex host) { return *pools_.at(host); }
  ClusterQueue& queue() { return *queue_; }
  // A request for this cluster begins and ends, with all its tries.
  void begin_request() { ++requests_; }
  void end_request() { --requests_; }
  // False: `budget`, a share of the requests under way, is used up by those that are being sent
  // again. Three always may be.
  [[nodiscard]] bool begin_retrying(double budget);
  void end_retrying() { --retrying_; }
  // A request that waited in the cluster's last configuration goes on in this one.
  void take_over(Cluster& last, bool retrying);
  // A request is under way to that backend.
  void begin_use(HostIndex host);
  void end_use(HostIndex host);
  // For outlier detection, once for each request that was sent to a backend: the status it answered
  // with, or that it gave no answer that could be used.
  void note_response(HostIndex host, unsigned status, TimePoint now);
  void note_no_response(HostIndex host, TimePoint now);
  bool panicking() const { return cells_.panic.value; }

 private:
  struct Tier {
    std::unique_ptr<Balancer> balancer;
    std::vector<HostIndex> places;  // in spec_.hosts, by the balancer's index
  };
  struct Choice {
    HostIndex place = kNoHost;
    bool ready = false;  // neither held off nor ejected
  };
  bool usable(const HostSpec& host) const;
  void note_error(HostIndex place, TimePoint now);
  bool may_eject(TimePoint now) const;
  void select(Tier& tier, bool backup, bool any_health);
  Choice choose(Tier& tier, TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried);

  const ClusterSpec& spec_;
  ClusterCells& cells_;
  std::vector<BackendCells*> backend_cells_;  // by place in spec_.hosts
  std::shared_ptr<ClusterQueue> queue_;
  std::vector<std::shared_ptr<Pool>> pools_;  // the same
  std::vector<int64_t> own_loads_;            // the same; without pools
  std::vector<int64_t*> loads_;               // the same
  Tier serving_;
  Tier backups_;  // in reserve; empty while they serve
  uint32_t requests_ = 0;
  uint32_t retrying_ = 0;
  size_t scanned_ = 0;               // where the last find_room() ended
  std::vector<HostIndex> excluded_;  // scratch of choose(): indices of the balancer
};

}  // namespace weir
