#include "upstream/private_connections.h"

namespace weir {

BackendIndex PrivateConnections::backend_index(const Cluster& cluster) {
  BackendIndex index = kNoBackend;
  connections_.for_each_safe([&](UpstreamConnection& connection) {
    const Backend& backend = connection.pool().backend();
    if (index == kNoBackend && backend.cluster() == cluster.spec().name)
      index = cluster.index_of(backend, connection.backend_index());
  });
  return index;
}

// Closes a connection whose backend has left the cluster, or that has other TLS settings. A
// connection that has ended is closed, too.
Lease PrivateConnections::take(Cluster& cluster, Pool::Trust trust, BackendIndex& index) {
  Lease found;
  connections_.for_each_safe([&](UpstreamConnection& connection) {
    const Backend& backend = connection.pool().backend();
    if (found != nullptr || backend.cluster() != cluster.spec().name) return;
    const bool same_tls = connection.pool().tls() == cluster.spec().tls.get();
    index = same_tls ? cluster.index_of(backend, connection.backend_index()) : kNoBackend;
    if (index == kNoBackend) return Lease(&connection).reset();
    found = connection.pool().take_private(connection, trust);
  });
  return found;
}

void PrivateConnections::keep(Lease lease, Cluster& cluster, BackendIndex index,
                              Duration keeps_for) {
  connections_.for_each_safe([&](UpstreamConnection& other) {
    if (other.pool().backend().cluster() == cluster.spec().name) Lease(&other).reset();
  });
  Pool& pool = lease->pool();
  if (UpstreamConnection* kept = pool.keep_private(std::move(lease), index, keeps_for))
    connections_.push_back(*kept);
}

void PrivateConnections::close() {
  while (UpstreamConnection* connection = connections_.pop_front()) Lease(connection).reset();
}

}  // namespace weir
