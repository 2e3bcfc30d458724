// ClusterShared: what all workers share of the cluster of one name: the limits of the process on
// it, and its queue. The limits of one backend are on its Backend.
//
// Owner: the ClusterSpecs of that name, over reloads. Any thread. The limits are those of the
// newest configuration that was put in force: apply_limits().
#pragma once

#include "upstream/cluster_spec.h"
#include "upstream/wait_queue.h"

namespace weir {

struct ClusterShared {
  Limit requests;     // of the cluster, waiting ones included
  Limit retries;      // requests that are being retried
  Limit connections;  // to all backends
  WaitQueue queue;

  // A place for one more connection to `backend`, of it and of the cluster.
  [[nodiscard]] bool take_connection(Backend& backend);
  void give_connection(Backend& backend);
  bool connections_full(const Backend& backend) const;
  bool connections_limited(const Backend& backend) const;
};

// Control thread. O(backends).
void apply_limits(const ClusterSpec& cluster);

}  // namespace weir
