// Opens one connection to one backend: socket, PROXY header, TLS handshake; classifies, counts and
// logs failures. TCP sessions (connect.h), HTTP exchanges and health checks share these steps. The
// caller chooses the backend and keeps the deadline.
//
// These functions have no state: the caller owns the transport, which has the state of the
// connection. Thread: that of the transport's loop.
//
//   begin_connecting() → pending → writer is called → continue_connecting() ┐
//                      → done    ───────────────────→ continue_connecting() ┤
//       pending: again when the transport is readable or writable ◄─────────┘ → done | failed
#pragma once

#include <memory>
#include <string_view>

#include "base/outcomes.h"
#include "net/transport.h"
#include "upstream/cluster.h"

namespace weir {

// The seed of the hash that chooses a backend by the client's address: the same on every worker and
// after a restart, for TCP and HTTP.
constexpr uint64_t kSourceSeed = 0;

// Opens the socket, with the options of the cluster. Done: the socket is connected already.
[[nodiscard]] Transport::Connecting begin_connecting(EventLoop& loop, Transport& transport,
                                                     const ClusterSpec& cluster,
                                                     const HostSpec& host);
// Once the socket is connected: sends `proxy_header`, if it is not empty, and then does the TLS
// handshake, if the cluster has TLS. The header is sent once; calls during the handshake ignore it.
[[nodiscard]] Transport::Connecting continue_connecting(Transport& transport,
                                                        const ClusterSpec& cluster,
                                                        const HostSpec& host,
                                                        std::string_view proxy_header = {});
// The same for a request of HTTP/1 to a cluster that also has HTTP/2: the backend is offered
// HTTP/1.1 only (ALPN).
[[nodiscard]] Transport::Connecting continue_connecting_http1(Transport& transport,
                                                              const ClusterSpec& cluster,
                                                              const HostSpec& host);
// The same with a stream that the caller has made; it is taken when the socket is connected. Null:
// no TLS.
[[nodiscard]] Transport::Connecting continue_connecting(Transport& transport,
                                                        std::unique_ptr<TlsStream>& tls,
                                                        std::string_view proxy_header = {});

// Why a connection failed. Only the caller knows a timeout of weir's own.
ConnectError connect_error(const Transport& transport);
// The cause is on this host: no descriptors, no memory, no free local port. Such a failure does not
// hold the backend off.
bool is_local(int error);

struct ConnectTarget {
  Backend& backend;
  BackendCells& cells;
  const config::Backoff& backoff;
};

// Counts and logs an attempt that failed, and holds the backend off, unless the cause is local.
void record_connect_failure(const Transport& transport, const ConnectTarget& target,
                            ConnectError error, TimePoint now);
void record_connect_failure(const Transport& transport, Cluster& cluster, BackendIndex index,
                            ConnectError error, TimePoint now);
// Ends the backend's hold-off.
void record_connect_success(Cluster& cluster, BackendIndex index);

}  // namespace weir
