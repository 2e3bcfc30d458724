// HttpSpec: what an HTTP listener is configured with, compiled. Immutable; owned by a Snapshot,
// read by every worker. Limits, path rules and the like are the configuration's own structs: plain
// values.
#pragma once

#include <string>

#include "base/network.h"
#include "config/model.h"
#include "http/path.h"
#include "routing/route_table.h"

namespace weir {

struct HttpSpec {
  enum class Server : uint8_t { pass, remove, replace };

  RouteTable routes;
  PathRules path_rules;  // the same, as choose_path() takes it
  config::ListenerLimits limits;
  TrustedNetworks trusted;
  config::Forwarded forwarded{};
  Server server = Server::pass;
  std::string server_text;                               // of replace
  std::vector<std::pair<unsigned, std::string>> errors;  // bodies, by status
  std::string_view via;                                  // weir's name in Via; empty: none is added
  size_t head_room = 0;  // for a head of max_header_size with what routes add to it
  bool allow_connect = false;
  bool cancel_on_close = true;

  // The configured body of an error answer; null: none.
  const std::string* error_body(unsigned status) const;

  HttpSpec() = default;
  // Of an HTTP listener of a valid configuration.
  HttpSpec(const config::Listener& listener, const ClusterPlaces& clusters);
};

}  // namespace weir
