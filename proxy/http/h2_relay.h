// Writes the HTTP/2 heads that a proxy relays, from the parsed head of any version and a plan: RFC
// 9113 8, RFC 8441. Sans-I/O, no allocation, one thread.
//
// The rules are those of h1_relay.h, without fields of a connection: no Host, Connection,
// Keep-Alive, Transfer-Encoding, Upgrade, and no TE but trailers. A head that does not fit, or a
// plan that would make a contradictory head, makes the writer fail (HpackWriter::ok). The caller
// sets END_STREAM: for a request if plan.body.framing is `none` and it opens no tunnel, for a
// response if its body is `none`, it is final and opens no tunnel.
#pragma once

#include "http/hpack_writer.h"
#include "http/relay.h"

namespace weir {

// `scheme`: https with TLS to the backend, else http.
void write_h2_request(HpackWriter& out, const RequestHead& head, const RequestPlan& plan,
                      std::string_view scheme);
// plan.client, .connection and .upgrade have no meaning here. Fails for a 101 without
// plan.protocol.
void write_h2_response(HpackWriter& out, const ResponseHead& head, const ResponsePlan& plan);

}  // namespace weir
