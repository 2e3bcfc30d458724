// What a request head means: its target, and the fields that decide where it ends and who it is
// for. Strict on purpose: two readings of one request are how requests are smuggled. Pure
// functions.
#pragma once

#include <string_view>

#include "http/message.h"

namespace weir {

// Splits the request-target into authority, path and query; needs method and target.
Fault parse_target(RequestHead& head);

// Host, Content-Length, Transfer-Encoding, Connection and Expect; needs all fields.
Fault check_semantics(RequestHead& head);

// host [":" port] with a registered name, an IPv4 address or an IP literal; no user information.
bool valid_authority(std::string_view text);

}  // namespace weir
