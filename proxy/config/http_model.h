// The part of the model (model.h) that only HTTP listeners and their clusters use. Plain structs,
// each member at its default; names are the file's key names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/plain_values.h"
#include "http/path_rules.h"

namespace weir::config {

// ---- of a listener

#define WEIR_FORWARDED(X) X(x_forwarded) X(forwarded) X(both) X(none)
WEIR_CLOSED_LIST(Forwarded, WEIR_FORWARDED);

struct ListenerHttp2 {
  bool enabled = true;
  uint32_t max_streams = 100;  // of one connection at once
};

// ---- of a route

struct Match {                       // a request must meet all conditions that are set
  std::vector<std::string> hosts;    // lower case; "example.com", "*.example.com", "[::1]"
  std::string path;                  // exactly, spelled as spelled() does it; empty: any
  std::string path_prefix;           // on segment boundaries; empty: any
  std::vector<std::string> methods;  // empty: any
  NamedValues headers;               // value "*": the field is present
  NamedValues query;
};

struct WeightedCluster {
  std::string name;
  uint32_t weight = 1;  // 0 to 1000
};

struct Respond {
  uint32_t status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

struct Redirect {
  enum class Scheme : uint8_t { http, https };
  std::optional<Scheme> scheme;  // parts that are not set stay as in the request
  std::string host;
  uint32_t port = 0;
  std::string path;
  std::string prefix;  // in place of the prefix that the route matched
  uint32_t status = 307;
};
constexpr auto list_names(Redirect::Scheme) {
  return std::to_array<const char*>({"http", "https"});
}

struct Rewrite {
  std::string strip_prefix;
  std::string replace_prefix;  // takes the place of strip_prefix, or of the matched prefix
  std::string host;
};

struct HeaderEdits {  // in this order
  std::vector<std::string> remove;
  NamedValues set;
  NamedValues add;
};

struct RouteHeaders {
  HeaderEdits request;
  HeaderEdits response;
};

struct RouteTimeouts {
  Timeout request;                         // whole request with its retries; 0: off
  std::optional<Timeout> response_header;  // none: that of the cluster
  std::optional<Timeout> response_idle;
};

// Reasons to send a request again. A provably unprocessed request is always sent again.
enum class RetryReason : uint8_t {
#define RETRY_REASON(name, help) name,
#include "config/retry_reasons.def"
#undef RETRY_REASON
};
constexpr auto list_names(RetryReason) {
  return std::to_array<const char*>({
#define RETRY_REASON(name, help) #name,
#include "config/retry_reasons.def"
#undef RETRY_REASON
  });
}

struct RetryBackoff {
  Duration base = std::chrono::milliseconds(25);
  Duration max = std::chrono::milliseconds(250);
};

struct Retry {
  uint32_t attempts = 2;                // after the first try; 0: none
  std::vector<std::string> on{"safe"};  // names of RetryReason, or statuses
  Timeout per_try_timeout;              // 0: off
  double budget = 0.2;                  // share of the requests under way
  RetryBackoff backoff;
};

struct Route {
  std::string name;  // default: from its match
  Match match;
  std::string cluster;  // exactly one of these four
  std::vector<WeightedCluster> clusters;
  std::optional<Respond> respond;
  std::optional<Redirect> redirect;
  Rewrite rewrite;
  RouteHeaders headers;
  RouteTimeouts timeouts;
  Retry retry;
  std::vector<std::string> upgrade{"websocket"};
  Location location;
};

// ---- of a cluster

// The version of HTTP to backends.
enum class BackendProtocol : uint8_t { http1, http2, automatic };
constexpr auto list_names(BackendProtocol) {
  return std::to_array<const char*>({"http1", "http2", "auto"});
}

// Connections to the backends.
struct Pool {
  uint64_t max_connections = 0;          // to one backend, of all workers; 0: without limit
  uint64_t max_idle = 64;                // kept open without a request, to one backend
  Timeout max_age;                       // 0: off
  uint64_t max_requests = 0;             // on one connection; 0: without limit
  uint32_t max_streams = 100;            // of HTTP/2, on one connection at once
  std::optional<uint64_t> max_pending;   // the older name of ClusterQueue::max,
  std::optional<Timeout> queue_timeout;  // and of ClusterQueue::timeout
  friend bool operator==(const Pool&, const Pool&) = default;
};

// Of all workers together; 0: without limit.
struct ClusterLimits {
  uint64_t requests = 0;
  uint64_t connections = 0;
  uint64_t retries = 0;
  friend bool operator==(const ClusterLimits&, const ClusterLimits&) = default;
};

// Requests and TCP sessions that wait for a backend.
struct ClusterQueue {
  uint64_t max = 16384;
  std::optional<Timeout> timeout;  // none: auto
  friend bool operator==(const ClusterQueue&, const ClusterQueue&) = default;
};

// Ejects a backend after errors in a row until a check and a trial have passed.
struct OutlierDetection {
  uint32_t consecutive_errors = 5;
  Duration base_ejection = std::chrono::seconds(1);
  Duration max_ejection = std::chrono::minutes(5);
  double max_ejection_percent = 0.5;  // share of the backends that may be ejected
  friend bool operator==(const OutlierDetection&, const OutlierDetection&) = default;
};

}  // namespace weir::config
