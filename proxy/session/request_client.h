// Who has sent a request, as far as the peer and trusted proxies say: for routes, redirects, what
// backends are told, and the access log. Pure functions.
#pragma once

#include <array>

#include "http/forwarding.h"
#include "routing/http_spec.h"
#include "session/exchange_owner.h"

namespace weir {

// The connection that the request came by. `memory` holds the address.
Hop hop_of(ExchangeOwner& owner, const HttpSpec& http,
           std::span<char, IpAddress::kTextSize> memory);

// "http" or "https": what the client itself speaks.
std::string_view client_scheme(const RequestHead& head, ExchangeOwner& owner, const HttpSpec& http);

// The client as access lines name it, where trusted proxies name another than the peer. The null
// view: the peer is the client.
std::string_view named_client(const RequestHead& head, const Address& peer, const HttpSpec& http,
                              std::span<char, IpAddress::kTextSize> memory);

}  // namespace weir
