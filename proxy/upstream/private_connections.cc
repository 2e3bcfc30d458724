#include "upstream/private_connections.h"

namespace weir {

// One whose backend the cluster has no more is closed, and so is one that has ended meanwhile.
Lease PrivateConnections::take(Cluster& cluster, Pool::Trust trust, HostIndex& host) {
  Lease found;
  connections_.for_each_safe([&](UpstreamConnection& connection) {
    const Backend& backend = connection.pool().backend();
    if (found != nullptr || backend.cluster() != cluster.spec().name) return;
    host = cluster.index_of(backend, connection.host());
    Lease lease = connection.pool().take_private(connection, trust);
    if (host != kNoHost) found = std::move(lease);
  });
  return found;
}

void PrivateConnections::keep(Lease lease, Cluster& cluster, HostIndex host, Duration keeps_for) {
  connections_.for_each_safe([&](UpstreamConnection& other) {
    if (other.pool().backend().cluster() == cluster.spec().name) Lease(&other).reset();
  });
  Pool& pool = lease->pool();
  if (UpstreamConnection* kept = pool.keep_private(std::move(lease), host, keeps_for))
    connections_.push_back(*kept);
}

void PrivateConnections::close() {
  while (UpstreamConnection* connection = connections_.pop_front()) Lease(connection).reset();
}

}  // namespace weir
