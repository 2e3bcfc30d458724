#include "upstream/cluster_shared.h"

namespace weir {

std::shared_ptr<ClusterShared> make_cluster_shared() {
  return std::make_shared<ClusterShared>();
}

// The place at the backend that is given back was full for others for a moment: who then waits
// looks once more after it is counted.
bool ClusterShared::take_connection(Backend& backend) {
  if (!backend.connections().try_take()) return false;
  if (connections.try_take()) return true;
  backend.connections().give();
  return false;
}

void ClusterShared::give_connection(Backend& backend) {
  connections.give();
  backend.connections().give();
}

bool ClusterShared::connections_full(const Backend& backend) const {
  return backend.connections().full() || connections.full();
}

bool ClusterShared::connections_limited(const Backend& backend) const {
  return backend.connections().limited() || connections.limited();
}

void apply_limits(const ClusterSpec& cluster) {
  ClusterShared& shared = *cluster.shared;
  shared.requests.set_most(cluster.limits.requests);
  shared.retries.set_most(cluster.limits.retries);
  shared.connections.set_most(cluster.limits.connections);
  for (const HostSpec& host : cluster.hosts) {
    host.backend->requests().set_most(host.concurrency);
    host.backend->connections().set_most(cluster.pool.max_connections);
  }
}

}  // namespace weir
