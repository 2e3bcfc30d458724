// ProcessState: every metric that does not belong to a worker: phases of the process, reloads,
// drain, health of backends. Owner and thread: the control thread. It lives as long as the process,
// since it has counters. The members are the rows of metrics.def.
#pragma once

#include <cstdint>
#include <map>

#include "metrics/cell_types.h"
#include "metrics/worker_metrics.h"

namespace weir {

struct ListenerState {
#define LISTENER_STATE(type, member, name, labels, help) type member;
#include "metrics/metrics.def"
};

// The numbers of backends are filled in by the collector, from the backends.
struct ClusterState {
#define CLUSTER_STATE(type, member, name, labels, help) type member;
#include "metrics/metrics.def"
};

struct BackendStateCells {
#define BACKEND_STATE(type, member, name, labels, help) type member;
#include "metrics/metrics.def"

  void set(BackendStatus now_is, uint32_t weight_in_force, size_t known_addresses = 1) {
    status.set(now_is);
    up.set(now_is == BackendStatus::up || now_is == BackendStatus::unknown);
    weight.set(weight_in_force);
    addresses.set(static_cast<int64_t>(known_addresses));
  }
};

// The collector reads the process_* members from /proc and sets the members about the scrape; other
// code of the control thread sets the rest. The start sets `last_reload_ok`, before the first
// reload.
struct ProcessState {
#define PROCESS(type, member, name, labels, help) type member;
#include "metrics/metrics.def"

  // By series id. The entries of clusters are made for each scrape and belong to it.
  std::map<uint32_t, ListenerState> listeners;
  std::map<uint32_t, ClusterState> clusters;
  std::map<uint32_t, BackendStateCells> backends;

  // A start or reload that put a config into force. `unix_now`: seconds since 1970.
  void applied(uint64_t generation, std::string hash, double unix_now);
  void forget(const SeriesIds& ids);
};

}  // namespace weir
