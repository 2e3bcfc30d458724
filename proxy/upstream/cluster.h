// Cluster: one worker's view of one configured cluster: its balancer over the backends that may get
// sessions.
//
// Owner: the worker's view of a snapshot; thread: the worker's. What is eligible is worked out when
// a health changes, not for each session:
//   the active backends whose checks do not fail; if there are none, the backups whose checks do
//   not fail; if the share of usable ones is below the panic threshold, all active ones, whatever
//   their checks say.
// A backend that is held off is passed over while another one is left; backups come in when all the
// others are held off, or have been tried for this client.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "metrics/worker_metrics.h"
#include "upstream/balancer.h"
#include "upstream/cluster_spec.h"

namespace weir {

class Cluster {
 public:
  // `spec` outlives it.
  Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed);

  // The place in spec().hosts of the backend for a client, kNoHost when there is none to try.
  // `tried`: places that have failed for this client already.
  HostIndex pick(TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried);
  // After a health has changed.
  void rebuild();

  const ClusterSpec& spec() const { return spec_; }
  ClusterCells& cells() { return cells_; }
  BackendCells& cells_of(HostIndex host) { return *backend_cells_[host]; }
  bool panicking() const { return cells_.panic.value; }

 private:
  struct Tier {
    std::unique_ptr<Balancer> balancer;
    std::vector<HostIndex> places;  // in spec_.hosts, by the balancer's index
  };
  struct Choice {
    HostIndex place = kNoHost;
    bool ready = false;  // not held off
  };
  bool usable(const HostSpec& host) const;
  bool held_off(HostIndex place, TimePoint now) const;
  void select(Tier& tier, bool backup, bool any_health);
  Choice choose(Tier& tier, TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried);

  const ClusterSpec& spec_;
  ClusterCells& cells_;
  std::vector<BackendCells*> backend_cells_;  // by place in spec_.hosts
  Tier serving_;
  Tier backups_;                     // in reserve; empty while they serve
  std::vector<HostIndex> excluded_;  // scratch of choose(): indices of the balancer
};

}  // namespace weir
