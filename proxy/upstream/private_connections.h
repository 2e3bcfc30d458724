// PrivateConnections: the kept connections to backends that belong to one client, because a user
// has logged in on them (http/connection_auth.h). No other client's request goes over them.
//
// Owner: the client's session; they are closed with it. Thread: the worker's. Each counts as open
// in its pool, which closes it when its idle time is over, when the backend closes it, when a limit
// is lowered below the number of open connections, and after a second when another request needs
// its room.
#pragma once

#include "upstream/cluster.h"

namespace weir {

class PrivateConnections {
 public:
  PrivateConnections() = default;
  ~PrivateConnections() { close(); }

  bool empty() const { return connections_.empty(); }
  // Where the connection to a backend of this cluster goes; kNoBackend: there is none.
  BackendIndex backend_index(const Cluster& cluster);
  // The connection to a backend of this cluster, and that backend's index in it; null: none.
  Lease take(Cluster& cluster, Pool::Trust trust, BackendIndex& index);
  // After a complete exchange. Closes another connection to that cluster.
  void keep(Lease lease, Cluster& cluster, BackendIndex index, Duration keeps_for);
  void close();

 private:
  IntrusiveList<UpstreamConnection, PrivateLink> connections_;
};

}  // namespace weir
