// Interprets a head: its target, and the fields that determine the end of the message and its host.
// Strict: a message with two readings allows request smuggling. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/message.h"

namespace weir {

// Splits the request-target into authority, path and query; needs method and target.
[[nodiscard]] Fault parse_target(RequestHead& head);

// Host, Content-Length, Transfer-Encoding, Connection and Expect; needs all fields.
[[nodiscard]] Fault check_semantics(RequestHead& head);
// Parts of it that HTTP/2 has as well: a Content-Length; whether Expect is 100-continue.
[[nodiscard]] Fault check_length(MessageHead& head);
[[nodiscard]] Fault check_expectation(RequestHead& head);
// Content-Length, Transfer-Encoding and Connection, by the request that is answered.
[[nodiscard]] Fault check_semantics(ResponseHead& head);

// host [":" port] with a registered name, an IPv4 address or an IP literal; no user information.
bool valid_authority(std::string_view text);

struct Authority {
  std::string_view host;  // without the dot of the root; an IP literal in its brackets
  uint16_t port = 0;      // 0: none is given
};
Authority split_authority(std::string_view authority);  // a valid one

AnswerTo answer_to(std::string_view method);

// RFC 9110 9.2.1: a request that changes nothing.
bool is_safe_method(std::string_view method);

// Takes the next protocol off an Upgrade value: name ["/" version], both tokens; other members are
// skipped, and so is h2c: HTTP/2 by upgrade would bypass every rule here. False at the end.
bool next_protocol(std::string_view& rest, std::string_view& protocol);

// Whether one of `allowed` is `protocol`, name ["/" version]. Names have no case; a name without a
// version allows every version (RFC 9110 7.8).
bool allows_protocol(std::span<const std::string> allowed, std::string_view protocol);
// The request offers a protocol that may be forwarded, in Upgrade or by an extended CONNECT.
bool offers_upgrade(const RequestHead& request, std::span<const std::string> allowed);
// The first of these; empty: none.
std::string_view offered_protocol(const RequestHead& request, std::span<const std::string> allowed);
// The response is a valid 101 (RFC 9110 7.8): the request has offered every protocol that it
// switches to, and `allowed` has them. Any other 101 is a 502.
bool answers_upgrade(const RequestHead& request, const ResponseHead& response,
                     std::span<const std::string> allowed);

}  // namespace weir
