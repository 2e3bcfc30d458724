// Writes the HTTP/1 heads that a proxy relays, from the parsed head of any version and a plan. weir
// writes Host, framing and connection fields itself, and leaves out hop-by-hop fields and fields
// that look like others. Sans-I/O, no allocation, one thread.
//
// A head that does not fit, or a plan that would make a contradictory head, makes the writer
// fail (H1HeadWriter::ok): nothing is ever truncated.
#pragma once

#include "http/h1_writer.h"
#include "http/relay.h"

namespace weir {

// An extended CONNECT becomes a GET that upgrades (RFC 8441 5).
void write_request(H1HeadWriter& out, const RequestHead& head, const RequestPlan& plan);
// The version is always HTTP/1.1. From interim responses, which HTTP/1.0 does not have, the same
// fields are left out as from final ones; nothing is added to them.
// Fails for a 101 without plan.upgrade, a delimited body to HTTP/1.0, a body until close on a
// connection that stays, a length or a coding where the status has none, a body without an end.
void write_response(H1HeadWriter& out, const ResponseHead& head, const ResponsePlan& plan);

}  // namespace weir
