// Writes the heads that a proxy relays, from the parsed head and a plan. weir writes Host, framing
// and connection fields itself, and leaves out hop-by-hop fields and fields that look like others.
// Sans-I/O, no allocation, one thread.
//
// A head that does not fit, or a plan that would make a contradictory head, makes the writer
// fail (H1HeadWriter::ok): nothing is ever truncated.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/field_changes.h"
#include "http/h1_writer.h"
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
  std::string_view via = {};  // weir's name in Via; empty: none is added
  bool trusted = false;       // the peer: relay its fields about its client (X-Forwarded-*, ...)
  // Relay Connection: upgrade, and the protocols of Upgrade that these allow; see
  // allows_protocol().
  std::span<const std::string> upgrades = {};
  bool expect = false;  // relay Expect: 100-continue
  bool te = true;       // relay TE: trailers; if the backend's trailers are relayed
};

enum class ConnectionOption : uint8_t { none, keep_alive, close };

struct ResponsePlan {
  BodyPlan body = {};
  ConnectionOption connection = ConnectionOption::none;
  HttpVersion client = HttpVersion::http_1_1;
  FieldChanges fields = {};
  std::string_view via = {};
  std::string_view date = {};    // for a response without Date; empty: none is added
  std::string_view server = {};  // replaces the backend's; empty: the backend's is relayed
  bool upgrade = false;          // relay the fields of a 101 or a 426
};

// The body as received: with its length if that is known, delimited otherwise.
BodyPlan relayed_body(const RequestHead& request);
// The same for a client of that version: a body that ends with the backend's connection is
// delimited; for HTTP/1.0 a body of unknown length ends with the client's connection.
BodyPlan relayed_body(const ResponseHead& response, HttpVersion client);

void write_request(H1HeadWriter& out, const RequestHead& head, const RequestPlan& plan);
// The version is always HTTP/1.1. From interim responses, which HTTP/1.0 does not have, the same
// fields are left out as from final ones; nothing is added to them.
// Fails for a 101 without plan.upgrade, a delimited body to HTTP/1.0, a body until close on a
// connection that stays, a length or a coding where the status has none, a body without an end.
void write_response(H1HeadWriter& out, const ResponseHead& head, const ResponsePlan& plan);

}  // namespace weir
