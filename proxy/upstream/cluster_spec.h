// ClusterSpec: one configured cluster, compiled: names resolved, backends looked up, series
// numbered. Immutable; snapshots with the same settings share it; every worker reads it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "config/model.h"
#include "net/transport.h"
#include "tls/tls_client.h"
#include "upstream/backend.h"
#include "upstream/balancer.h"
#include "upstream/hash_table.h"
#include "upstream/sticky_tags.h"

namespace weir {

// A configured backend, or one of the addresses of its host name: these are adjacent in
// ClusterSpec::hosts and have the same series.
struct HostSpec {
  std::shared_ptr<Backend> backend;
  uint32_t weight = 1;
  bool backup = false;
  config::BackendState state{};
  uint32_t series = 0;        // of this backend's metrics
  std::string tls_host = {};  // the host in its address, for TLS
  uint64_t salt = 0;          // of its address, where that comes from a host name; else 0
  std::string failure = {};   // why it has no address
  uint32_t concurrency = 0;   // most requests and TCP sessions under way, of all workers; 0: any

  // Neither the configuration nor the backend itself has taken it out of use.
  bool active() const {
    return state == config::BackendState::active && backend->health() != Health::draining;
  }
  // The backend may get sessions, unless it is held off or ejected.
  bool usable() const {
    return active() && backend->has_address() && backend->health() != Health::down;
  }
  friend bool operator==(const HostSpec&, const HostSpec&) = default;
};

// The ALPN protocols that a cluster with TLS offers, the preferred first.
inline std::vector<std::string> offered_protocols(const config::Cluster& cluster) {
  if (!cluster.tls->alpn.empty()) return cluster.tls->alpn;
  switch (cluster.protocol) {
    case config::BackendProtocol::http1: return {};
    case config::BackendProtocol::http2: return {"h2"};
    case config::BackendProtocol::automatic: return {"h2", "http/1.1"};
  }
  CHECK_UNREACHABLE();
}

struct StickySpec : config::Sticky {
  std::vector<StickyKey> keys;             // the first signs
  std::shared_ptr<const StickyTags> tags;  // ClusterSpec::index() makes it
  friend bool operator==(const StickySpec&, const StickySpec&) = default;
};
struct ClusterShared;
std::shared_ptr<ClusterShared> make_cluster_shared();

struct ClusterSpec {
  std::string name;
  std::shared_ptr<ClusterShared> shared = make_cluster_shared();  // of all with this name
  config::Balance balance{};
  config::HashBy hash_by;
  std::optional<StickySpec> sticky;
  std::vector<HostSpec> hosts;
  config::BackendProtocol protocol{};  // of HTTP; pool.max_streams: its streams
  config::Timeout connect_timeout;
  config::Timeout response_header_timeout;  // HTTP, as are the next four
  config::Timeout response_idle_timeout;
  config::Timeout pool_idle_timeout;
  std::string pool_idle_place;  // "weir.yaml:12:7" of the one above; empty for the default
  config::Pool pool;
  config::ClusterLimits limits;
  config::ClusterQueue queue;
  std::optional<config::OutlierDetection> outlier_detection;
  config::Backoff backoff;
  uint32_t connect_attempts = 3;
  double panic_threshold = 0;
  std::string congestion_control;
  TcpKeepalive tcp_keepalive;
  uint32_t series = 0;
  std::shared_ptr<TlsClient> tls;        // null: none
  std::shared_ptr<TlsClient> check_tls;  // of health checks; null: none
  config::ProxyVersion proxy_protocol{};
  std::unordered_map<const Backend*, BackendIndex> indexes;  // in hosts; index() fills it
  std::shared_ptr<const HashTable> table;  // null: `balance` uses none; index() makes it

  // Its backends may get several requests at once on one connection. Without TLS a backend has no
  // way to choose the protocol.
  bool may_share() const {
    return protocol == config::BackendProtocol::http2 ||
           (protocol == config::BackendProtocol::automatic && tls != nullptr);
  }
  ConnectOptions connect_options() const { return {congestion_control.c_str(), tcp_keepalive, {}}; }
  // All addresses of a backend, of which hosts[first] is the first.
  std::span<const HostSpec> addresses(size_t first) const {
    size_t end = first + 1;
    while (end < hosts.size() && hosts[end].series == hosts[first].series) ++end;
    return std::span(hosts).subspan(first, end - first);
  }
  friend bool operator==(const ClusterSpec&, const ClusterSpec&) = default;
  // When `hosts` is complete. `before`: the same cluster in the previous configuration.
  void index(const ClusterSpec* before = nullptr);
  // In hosts; kNoBackend: it is not a backend of this cluster.
  BackendIndex index_of(const Backend& backend) const {
    const auto found = indexes.find(&backend);
    return found == indexes.end() ? kNoBackend : found->second;
  }
  // The backend is ejected. Without outlier detection in the configuration no backend is.
  bool ejected(const HostSpec& host) const {
    return outlier_detection && host.backend->outlier().ejected();
  }
};

}  // namespace weir
