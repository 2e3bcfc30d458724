// write_forwarded_head(): the head of a request as a backend gets it: with the target that the
// route makes of it, and the fields that tell about the client.
#pragma once

#include "exchange/head_read.h"
#include "exchange/http_resources.h"
#include "exchange/request_client.h"
#include "http/h1_relay.h"
#include "http/hpack_writer.h"
#include "routing/snapshot.h"

namespace weir {

struct ForwardedHead {
  const RequestHead& head;
  const RequestClient& client;
  const ListenerSpec& listener;
  const Route& route;
  const TlsStream* client_tls;  // null: none
  const Backend& backend;
  std::string_view host;  // as matched: in lower case, without port
  std::string_view path;  // as matched
  std::string_view request_id;
  BodyPlan body;
  std::string_view sticky_cookie = {};  // the name of weir's own, which is removed; empty: none
  std::string_view websocket_key = {};  // for an extended CONNECT that becomes an upgrade
};

// In the scratch memory of `http`, with room for the head of a first chunk.
HeadText write_forwarded_head(const ForwardedHead& forwarded, HttpResources& http);
// The same in HTTP/2. `scheme`: of the connection to the backend.
void write_forwarded_head(HpackWriter& out, const ForwardedHead& forwarded, HttpResources& http,
                          std::string_view scheme);

}  // namespace weir
