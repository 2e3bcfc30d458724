// HttpSpec: the compiled configuration of an HTTP listener. Immutable; owned by a Snapshot, read by
// every worker. Limits and other plain values are structs of the configuration.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/network.h"
#include "config/model.h"
#include "http/path.h"
#include "routing/route_table.h"

namespace weir {

// The ALPN protocols that an HTTP listener with TLS offers, the preferred first.
std::vector<std::string> offered_protocols(const config::Listener&);

struct HttpSpec {
  enum class Server : uint8_t { pass, remove, replace };

  RouteTable routes;
  PathRules path_rules;  // as choose_path() takes them
  config::ListenerLimits limits;
  TrustedNetworks trusted;
  config::Forwarded forwarded{};
  Server server = Server::pass;
  std::string server_text;                               // for Server::replace
  std::vector<std::pair<unsigned, std::string>> errors;  // bodies, by status
  std::string_view via;                                  // name for Via; empty: no Via is added
  size_t head_room = 0;  // size of a head of max_header_size with the fields that a route adds
  bool allow_connect = false;
  bool cancel_on_close = true;
  bool http2_enabled = false;   // over TLS if ALPN agreed on it, else by prior knowledge
  uint32_t max_streams = 100;   // of HTTP/2, in progress on one connection
  bool allows_upgrade = false;  // a route allows an upgrade: clients of HTTP/2 may use RFC 8441

  HeadLimits head_limits() const {
    return {.head = static_cast<size_t>(limits.max_header_size), .fields = limits.max_headers};
  }
  // The configured body of an error answer; null: none.
  const std::string* error_body(unsigned status) const;

  HttpSpec() = default;
  // `listener`: of a valid configuration, with `protocol: http`.
  HttpSpec(const config::Listener& listener, const ClusterPlaces& clusters);
};

}  // namespace weir
