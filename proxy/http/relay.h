// The plan of a relayed head, and what follows from it for every version of HTTP. Pure functions;
// plans hold views, owned by the caller. Written by h1_relay.h and h2_relay.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/field_changes.h"
#include "http/message.h"

namespace weir {

// How the body is framed towards the next recipient. A length is written as Content-Length: with
// `length` always; with `none` if it is 0, or in an answer to HEAD or a 304, whose body is not
// sent.
struct BodyPlan {
  BodyFraming framing = BodyFraming::none;
  std::optional<uint64_t> length = {};
};

struct RequestPlan {
  std::string_view target = {};     // origin-form, or the form that the method needs
  std::string_view authority = {};  // Host: exactly one, first; may be empty for HTTP/1.0 clients
  BodyPlan body = {};
  FieldChanges fields = {};
  std::optional<std::string_view> cookies = {};  // in place of those received; empty: no field
  std::string_view via = {};                     // weir's name in Via; empty: none is added
  bool trusted = false;  // the peer: relay its fields about its client (X-Forwarded-*, ...)
  // Relay Connection: upgrade, and the protocols of Upgrade that these allow; see
  // allows_protocol().
  std::span<const std::string> upgrades = {};
  // An extended CONNECT (RFC 8441 4) for this protocol: sent as one in HTTP/2, and in HTTP/1 as a
  // GET that upgrades. Set if and only if the request is one, or if an Upgrade becomes one in
  // HTTP/2.
  std::string_view protocol = {};
  std::string_view websocket_key = {};  // of weir's own, for `protocol` websocket to HTTP/1
  bool expect = false;                  // relay Expect: 100-continue
  bool te = true;                       // relay TE: trailers; if the backend's trailers are relayed
};

enum class ConnectionOption : uint8_t { none, keep_alive, close };

struct ResponsePlan {
  BodyPlan body = {};
  ConnectionOption connection = ConnectionOption::none;
  HttpVersion client = HttpVersion::http_1_1;
  FieldChanges fields = {};
  std::string_view via = {};
  std::string_view date = {};    // for a response without Date; empty: none is added
  std::string_view cookie = {};  // a further Set-Cookie, with which only the client may cache
  std::string_view server = {};  // replaces the backend's; empty: the backend's is relayed
  bool upgrade = false;          // relay the fields of a 101 or a 426
  // The response opens the tunnel of this protocol, and the client speaks another version than the
  // backend: a 101 becomes a 200 in HTTP/2, a 2xx becomes a 101 in HTTP/1.
  std::string_view protocol = {};
  std::string_view websocket_accept = {};  // for the key of an HTTP/1 client; empty: none
};

// The body as received: with its length if that is known, delimited otherwise.
BodyPlan relayed_body(const RequestHead& request);
// The same for a client of that version: a body that ends with the backend's connection is
// delimited; for HTTP/1.0 a body of unknown length ends with the client's connection.
BodyPlan relayed_body(const ResponseHead& response, HttpVersion client);

// Whether a request, or a final or interim response, may be framed so for a recipient of that
// version: RFC 9110 6.4.1 and 8.6, RFC 9112 6.1, RFC 9113 8.1.1.
bool is_sound(const BodyPlan& request);
bool is_sound(const ResponseHead& head, const ResponsePlan& plan, HttpVersion recipient);

// The request may be answered with trailers: RFC 9110 10.1.4.
bool lists_trailers(const RequestHead& head);
inline bool accepts_trailers(const RequestHead& head) {
  return head.has(FieldId::te) && lists_trailers(head);
}

}  // namespace weir
