// write_own_head(): the head of a response that weir writes itself: an error, a redirect, a fixed
// response of the configuration.
#pragma once

#include "http/h1_relay.h"
#include "http/hpack_writer.h"
#include "routing/http_spec.h"

namespace weir {

struct OwnHead {
  const HttpSpec& http;
  const FieldEdits* edits;  // what the route changes in responses; null: there is no route
  unsigned status;
  std::string_view date;
  std::string_view location;           // empty: none
  std::string_view type;               // of the body
  size_t body_size;                    // 0: none
  std::string_view request_id;         // empty: none
  std::string_view grpc_status = {};   // the number; empty: it is no answer to gRPC
  std::string_view grpc_message = {};  // percent-encoded
};

// Names that the route sets or removes replace weir's own fields. If out.ok() is false afterwards,
// the head does not fit.
void write_own_head(H1HeadWriter& out, const OwnHead& head, ConnectionOption connection);
void write_own_head(HpackWriter& out, const OwnHead& head);

// A response with this status ends with its head.
constexpr bool has_no_body(unsigned status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace weir
