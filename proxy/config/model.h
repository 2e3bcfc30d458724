// The configuration as plain structs, each member at its default: parse fills it, validate checks
// it, plan compares it, and a Snapshot is compiled from it. No behaviour; values only. Names are
// the file's key names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log_kinds.h"
#include "base/tcp_keepalive.h"
#include "base/time.h"
#include "config/balance_model.h"
#include "config/check_model.h"
#include "config/http_model.h"
#include "config/plain_values.h"
#include "config/tls_model.h"

namespace weir::config {

#define WEIR_PROTOCOLS(X) X(tcp) X(http)
WEIR_CLOSED_LIST(Protocol, WEIR_PROTOCOLS);
#define WEIR_BACKEND_STATES(X) X(active) X(drain) X(maintenance)
WEIR_CLOSED_LIST(BackendState, WEIR_BACKEND_STATES);

struct Global {
  uint32_t workers = 0;          // 0: auto, one per core this process may run on
  uint64_t max_connections = 0;  // 0: auto, what the descriptor limit allows
  bool watch = false;            // reload when the file, or an included one, changes
  Duration resolve_interval = std::chrono::seconds(10);  // of host names
  TlsTickets tls_tickets;
};

struct ListenerLimits {
  uint64_t max_connections = 0;  // 0: only the global limit
  uint64_t max_header_size = uint64_t{32} << 10;
  uint32_t max_headers = 100;
  uint64_t max_body_size = 0;                // 0: without limit
  uint64_t max_requests_per_connection = 0;  // 0: without limit
  uint64_t min_body_rate = 0;                // bytes per second; 0: off
  uint32_t max_handshakes = 0;               // of TLS, under way at once in a worker; 0: no limit
};

struct ListenerTimeouts {
  Timeout idle{std::chrono::hours(1), {}};               // no byte in either direction
  Timeout half_close{std::chrono::seconds(60), {}};      // the same, once one direction has ended
  Timeout max_age{};                                     // whole session; 0: off
  Timeout request_header{std::chrono::seconds(10), {}};  // from its first byte to its last
  Timeout request_body{std::chrono::seconds(30), {}};    // silence within the body
  Timeout client_idle{std::chrono::seconds(60), {}};     // a client accepts no byte of a response
  Timeout keep_alive{std::chrono::seconds(75), {}};      // silence between two requests
  Timeout tunnel_idle{std::chrono::hours(1), {}};        // after an upgrade or CONNECT
  Timeout proxy_header{std::chrono::seconds(5), {}};     // from accepting to its end
  Timeout tls_handshake{std::chrono::seconds(10), {}};   // from its beginning to its end
};

// Proxies that send the client's address in a PROXY header.
struct ProxyProtocol {
  std::vector<std::string> accept;  // networks
  Location location;
};

// The cluster for connections with this server name and protocol in the ClientHello.
struct PassthroughRule {
  std::vector<std::string> hosts;
  std::vector<std::string> alpn;
  std::string cluster;
  Location location;
};

// The version of the PROXY header to backends.
#define WEIR_PROXY_VERSIONS(X) X(none) X(v1) X(v2)
WEIR_CLOSED_LIST(ProxyVersion, WEIR_PROXY_VERSIONS);

struct Listener {
  std::string name;                        // default: the first bind
  std::vector<std::string> bind;           // "127.0.0.1:80", "[::1]:80", ":80", "unix:/path"
  uint32_t socket_mode = 0666;             // of the UNIX sockets
  std::string socket_owner, socket_group;  // names or numbers; empty: the process's
  Protocol protocol = Protocol::tcp;
  std::optional<ListenerTls> tls;
  std::optional<ProxyProtocol> proxy_protocol;
  std::string cluster;                       // HTTP: for requests that match no route; empty: 404
  std::vector<PassthroughRule> passthrough;  // TCP
  std::vector<Route> routes;
  bool redirect_https = false;  // requests that match no route
  Retry retry;                  // of requests to `cluster`
  PathRules paths;
  std::vector<std::string> trusted_proxies;
  Forwarded forwarded{};
  std::string server_header = "pass";
  bool via = false;
  bool allow_connect = false;
  bool cancel_on_close = true;
  NamedValues errors;  // bodies of weir's own error answers, by status
  ListenerHttp2 http2;
  ListenerLimits limits;
  ListenerTimeouts timeouts;
  uint32_t backlog = 4096;         // cut to net.core.somaxconn by the kernel
  std::string congestion_control;  // empty: the system's
  TcpKeepalive tcp_keepalive;
  Location location;
};

struct Backend {
  std::string name;     // default: the address
  std::string address;  // "host:port", "[::1]:80", "unix:/path"; the host may be a name
  uint32_t weight = 1;  // 1 to 1000
  bool backup = false;
  BackendState state = BackendState::active;
  std::optional<uint32_t> concurrency;  // none: that of the cluster; 0: without limit
  Location location;
};

struct ClusterTimeouts {
  Timeout connect{std::chrono::seconds(5), {}};
  Timeout response_header{std::chrono::seconds(60), {}};  // from the request's end to its last byte
  Timeout response_idle{std::chrono::seconds(60), {}};    // silence within a response
  Timeout idle{std::chrono::seconds(60), {}};             // of a kept connection
};

// How long a backend that refuses connections is not used: base, doubling with each refusal, up
// to max.
struct Backoff {
  Duration base = std::chrono::seconds(1);
  Duration max = std::chrono::seconds(30);
  friend bool operator==(const Backoff&, const Backoff&) = default;
};

struct Cluster {
  std::string name;
  std::optional<Balance> balance;                        // none: default_balance
  Balance default_balance = Balance::least_connections;  // round_robin where a TCP listener leads
  Hashing hash;
  std::optional<Sticky> sticky;
  std::vector<Backend> backends;
  BackendProtocol protocol{};
  std::optional<ClusterTls> tls;
  ProxyVersion proxy_protocol{};
  ClusterTimeouts timeouts;
  std::optional<HealthCheck> health_check;
  Backoff backoff;
  Pool pool;
  uint32_t concurrency = 0;  // requests and TCP sessions at one backend; 0: without limit
  ClusterLimits limits;
  ClusterQueue queue;
  std::optional<OutlierDetection> outlier_detection;
  uint32_t connect_attempts = 3;   // backends tried for one session before it is refused
  double panic_threshold = 0;      // with fewer usable ones all are used; 0: never
  std::string congestion_control;  // empty: the system's
  TcpKeepalive tcp_keepalive;
  Location location;

  Balance balance_in_force() const { return balance.value_or(default_balance); }
  bool checks_use_tls() const {
    return health_check && health_check->tls.value_or(tls.has_value());
  }
};

struct Drain {
  Duration delay{};                             // LAME_DUCK: not ready, still accepting
  Duration ready_fail_after{};                  // from the signal to the failing of /ready
  Duration timeout = std::chrono::seconds(30);  // DRAINING: what is still open then is cut
  Duration linger = std::chrono::seconds(1);    // TERMINATING: for the last bytes
  std::optional<Duration> spread;               // default: half the timeout
};

struct Admin {
  std::string bind;                // "127.0.0.1:9901"; empty: none
  std::vector<std::string> hosts;  // names in requests to it, besides localhost
  bool read_only = false;          // of bind
  std::string socket;              // path of the UNIX socket; empty: none
  uint32_t socket_mode = 0600;
  std::string socket_group;  // a name or a number; empty: the process's
};

struct Metrics {
  std::string path = "/metrics";
  uint64_t max_series = 60'000;  // in one scrape
};

struct AccessLog {
  std::string output;  // "none", "stderr", "stdout" or a path; empty: like logging.output
  std::optional<LogFormat> format;  // none: like logging.format
};

struct Logging {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::logfmt;  // logfmt or json
  std::string output = "stderr";
  AccessLog access;
};

struct Model {
  Global global;
  std::vector<Listener> listeners;
  std::vector<Cluster> clusters;
  Drain drain;
  Admin admin;
  Metrics metrics;
  Logging logging;
  std::vector<std::string> files;  // what was read: [0] the main file, then the included ones
  // Of the files, of include patterns, and of every file that a value names.
  std::vector<std::string> watched_directories;

  // "weir.yaml:12:7"; empty for a value that was not read from a file.
  std::string where(const Location& at) const;
};

}  // namespace weir::config
