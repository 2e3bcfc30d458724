// RequestClient: the client that has sent a request, as far as its connection and trusted proxies
// say. Routes, redirects, the hash of the client, the fields for backends and the access log use
// it. Owner: an Exchange, by value; made once for each request, when its head is complete.
#pragma once

#include <array>
#include <optional>

#include "http/forwarding.h"
#include "routing/http_spec.h"

namespace weir {

struct RequestClient {
  std::optional<IpAddress> peer;          // of the connection; none: a UNIX socket
  std::optional<IpAddress> address;       // of the client; none: unknown
  bool trusted = false;                   // the peer is in the trusted networks
  std::string_view peer_scheme = "http";  // of the connection: "http" or "https"
  std::string_view scheme = "http";       // that the client itself speaks

  RequestClient() = default;
  // `from`: the address of the connection; `tls`: it uses TLS.
  RequestClient(const RequestHead& head, const Address& from, bool tls, const HttpSpec& http);

  // A trusted proxy names another client than the peer.
  bool is_named() const { return address && address != peer; }

  // The connection that the request came by; the views are of `memory`.
  using HopMemory = std::array<std::array<char, IpAddress::kTextSize>, 2>;
  Hop hop(HopMemory& memory) const;
};

}  // namespace weir
