// offers_tunnel(), opens_tunnel(): when a request may turn its connection or stream into a tunnel,
// and which response does that: CONNECT (RFC 9110 9.3.6), an upgrade that the route allows (RFC
// 9110 7.8), an extended CONNECT (RFC 8441 4) with a protocol that it allows. Pure.
#pragma once

#include "http/message.h"
#include "routing/route.h"

namespace weir {

// What the client sends after the head may be the tunnel's, and is no body of the request. An
// upgrade of a request with a body is no such offer where a side is a stream: the request is
// relayed as any other.
bool offers_tunnel(const RequestHead& request, const Route& route);

// What a request that offers a tunnel asks for in HTTP/2, by an extended CONNECT; empty: nothing,
// it is a CONNECT. Another request: empty.
std::string_view tunnel_protocol(const RequestHead& request, const Route& route);

// The response accepts what was offered.
bool opens_tunnel(const RequestHead& request, const ResponseHead& response, const Route& route);

}  // namespace weir
