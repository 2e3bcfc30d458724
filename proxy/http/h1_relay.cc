#include "http/h1_relay.h"

#include "http/relay_fields.h"
#include "http/semantics.h"

namespace weir {
namespace {

constexpr std::string_view kWebSocketVersion = "13";  // RFC 6455 4.1

// The writer of relay_fields.h.
class H1FieldWriter {
 public:
  explicit H1FieldWriter(H1HeadWriter& out) : out_(out) {}

  void relayed(std::string_view name, std::string_view value, bool) { parsed(name, value); }
  void parsed(std::string_view name, std::string_view value) { out_.relayed_field(name, value); }
  void field(std::string_view name, std::string_view value) { out_.field(name, value); }
  void list_field(std::string_view name, std::string_view text, std::string_view more) {
    out_.list(name);
    out_.member(text, more);
    out_.end_list();
  }
  void framing(const BodyPlan& body) {
    if (body.length) out_.field("Content-Length", *body.length);
    if (body.framing == BodyFraming::delimited) out_.relayed_field("Transfer-Encoding", "chunked");
  }
  void fail() { out_.fail(); }

 private:
  H1HeadWriter& out_;
};

bool has_protocol(const MessageHead& head) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    std::string_view list = head.field_value(i), protocol;
    if (head.field_id(i) == FieldId::upgrade && next_protocol(list, protocol)) return true;
  }
  return false;
}

void write_upgrade(H1HeadWriter& out, const MessageHead& head,
                   const std::span<const std::string>* allowed) {
  out.list("Upgrade");
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::upgrade) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view protocol; next_protocol(list, protocol);) {
      if (allowed == nullptr || allows_protocol(*allowed, protocol)) out.member(protocol);
    }
  }
  out.end_list();
}

// RFC 8441 5, RFC 6455 4.1. Some clients of HTTP/2 leave the version out.
void write_extended_upgrade(H1HeadWriter& out, const RequestHead& head, const RequestPlan& plan) {
  if (iequals(plan.protocol, "websocket") != !plan.websocket_key.empty()) return out.fail();
  out.field("Upgrade", plan.protocol);
  if (plan.websocket_key.empty()) return;
  out.field("Sec-WebSocket-Key", plan.websocket_key);
  if (!head.has(FieldId::sec_websocket_version))
    out.relayed_field("Sec-WebSocket-Version", kWebSocketVersion);
}

void write_response_connection(H1HeadWriter& out, const ResponsePlan& plan, bool upgrades) {
  if (!upgrades && plan.connection == ConnectionOption::none) return;
  out.list("Connection");
  if (upgrades) out.member("upgrade");
  switch (plan.connection) {
    case ConnectionOption::none: break;
    case ConnectionOption::keep_alive: out.member("keep-alive"); break;
    case ConnectionOption::close: out.member("close"); break;
  }
  out.end_list();
}

// A 2xx to an extended CONNECT, for a client that has sent an Upgrade.
void write_switch(H1HeadWriter& out, const ResponseHead& head, const ResponsePlan& plan) {
  if (!head.opens_tunnel() || plan.client != HttpVersion::http_1_1 || plan.upgrade)
    return out.fail();
  out.status_line(101);
  H1FieldWriter fields(out);
  write_response_fields(fields, head, plan);
  out.field("Upgrade", plan.protocol);
  if (!plan.websocket_accept.empty()) out.field("Sec-WebSocket-Accept", plan.websocket_accept);
  write_response_connection(out, plan, true);
  out.end();
}

}  // namespace

void write_request(H1HeadWriter& out, const RequestHead& head, const RequestPlan& plan) {
  const bool extended = !plan.protocol.empty();
  if (!is_sound(plan.body) || extended != !head.protocol().empty()) return out.fail();
  const bool as_received = plan.authority.data() == head.authority().data();
  if (!as_received && !plan.authority.empty() && !valid_authority(plan.authority))
    return out.fail();
  out.request_line(extended ? "GET" : head.method(), plan.target);
  out.relayed_field("Host", plan.authority);
  H1FieldWriter fields(out);
  write_request_fields(fields, head, plan);

  const bool upgrades = extended || (!plan.upgrades.empty() && offers_upgrade(head, plan.upgrades));
  const bool trailers = plan.te && accepts_trailers(head);
  if (extended)
    write_extended_upgrade(out, head, plan);
  else if (upgrades)
    write_upgrade(out, head, &plan.upgrades);
  if (trailers) out.relayed_field("TE", "trailers");
  if (upgrades || trailers) {  // RFC 9110 10.1.4: TE is hop-by-hop and must be listed in Connection
    out.list("Connection");
    if (upgrades) out.member("upgrade");
    if (trailers) out.member("TE");
    out.end_list();
  }
  out.end();
}

void write_response(H1HeadWriter& out, const ResponseHead& head, const ResponsePlan& plan) {
  const unsigned status = head.status();
  if (!is_sound(head, plan, plan.client)) return out.fail();
  if (!plan.protocol.empty()) return write_switch(out, head, plan);
  if (status == 101 && !(plan.upgrade && head.switches_protocols())) return out.fail();
  // RFC 9113 8.3.2: HTTP/2 has no reason.
  if (head.version() == HttpVersion::http_2)
    out.status_line(status);
  else
    out.status_line(status, head.reason());
  H1FieldWriter fields(out);
  write_response_fields(fields, head, plan);
  if (!head.interim()) {
    const bool speaks_of_upgrade = head.switches_protocols() || status == 426;
    const bool upgrades = plan.upgrade && speaks_of_upgrade && has_protocol(head);
    if (upgrades) write_upgrade(out, head, nullptr);
    if (status == 101 && !upgrades) return out.fail();
    write_response_connection(out, plan, upgrades);
  }
  out.end();
}

}  // namespace weir
