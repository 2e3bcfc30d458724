// Opening one connection to one backend: socket, PROXY header, TLS handshake; what a failure means,
// and where it is counted. TCP sessions (connect.h), HTTP exchanges and health checks share these
// steps. Which backend comes next, and when to stop waiting, is decided by the caller.
//
// Functions without state: the transport is the caller's, and knows how far it is. Thread: that of
// the transport's loop.
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

// Of the hash that chooses a backend by the client's address: the same on every worker and after a
// restart, for TCP and HTTP.
constexpr uint64_t kSourceSeed = 0;

// Opens the socket, with the options of the cluster. Done: the socket is connected already.
[[nodiscard]] Transport::Connecting begin_connecting(EventLoop& loop, Transport& transport,
                                                     const ClusterSpec& cluster,
                                                     const HostSpec& host);
// Once the socket is connected: sends `proxy_header`, if there is one, and then does the TLS
// handshake, if the cluster has TLS. The header is sent once, before the handshake; it is ignored
// in calls after that.
[[nodiscard]] Transport::Connecting continue_connecting(Transport& transport,
                                                        const ClusterSpec& cluster,
                                                        const HostSpec& host,
                                                        std::string_view proxy_header = {});
// The same with a stream that the caller has made; it is taken when the socket is connected. Null:
// no TLS.
[[nodiscard]] Transport::Connecting continue_connecting(Transport& transport,
                                                        std::unique_ptr<TlsStream>& tls,
                                                        std::string_view proxy_header = {});

// Why a connection failed. A timeout of weir's own is known to the caller only.
ConnectError connect_error(const Transport& transport);
// The cause is on this host: no descriptors, no memory, no free local port. Such a failure says
// nothing about the backend.
bool is_local(int error);

// Counts and logs an attempt that failed, and holds the backend off, unless the cause is local.
void record_connect_failure(const Transport& transport, Cluster& cluster, BackendIndex index,
                            ConnectError error, TimePoint now);
// Ends the backend's hold-off.
void record_connect_success(Cluster& cluster, BackendIndex index);

}  // namespace weir
