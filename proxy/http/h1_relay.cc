#include "http/h1_relay.h"

#include "base/check.h"
#include "http/field_filter.h"
#include "http/semantics.h"

namespace weir {
namespace {

void relay_fields(H1HeadWriter& out, const MessageHead& head, const FieldFilter& filter) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (filter.passes(head.field_id(i), head.field_name(i)))
      out.relayed_field(head.field_name(i), head.field_value(i));
  }
}

bool is_overridden(std::string_view own, const FieldChanges& changes) {
  for (const FieldText& field : changes.set)
    if (iequals(field.name, own)) return true;
  for (std::string_view removed : changes.remove)
    if (iequals(removed, own)) return true;
  return false;
}

void write_changes(H1HeadWriter& out, const FieldChanges& changes) {
  auto write = [&out](const FieldText& field) {
    if (has_flag(field.id, kWritten)) return out.fail();
    out.field(field.name, field.value);
  };
  for (const FieldText& field : changes.own) {
    if (!is_overridden(field.name, changes)) out.relayed_field(field.name, field.value);
  }
  for (const FieldText& field : changes.set) write(field);
  for (const FieldText& field : changes.add) write(field);
}

std::string_view via_version(HttpVersion version) {
  switch (version) {
    case HttpVersion::http_1_0: return "1.0 ";
    case HttpVersion::http_1_1: return "1.1 ";
    case HttpVersion::http_2: return "2.0 ";
  }
  CHECK_UNREACHABLE();
}

// A further line of the list that the received Via lines are: RFC 9110 7.6.3, 5.3.
void write_via(H1HeadWriter& out, HttpVersion received, std::string_view name) {
  if (name.empty()) return;
  if (!all(kToken, name)) return out.fail();
  out.list("Via");
  out.member(via_version(received), name);
  out.end_list();
}

void write_body_fields(H1HeadWriter& out, const BodyPlan& body) {
  if (body.length) out.field("Content-Length", *body.length);
  if (body.framing == BodyFraming::delimited) out.relayed_field("Transfer-Encoding", "chunked");
}

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

bool accepts_trailers(const RequestHead& head) {
  for (size_t i = 0; head.has(FieldId::te) && i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::te) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view member; next_member(list, member);) {
      if (iequals(member, "trailers")) return true;
    }
  }
  return false;
}

// Whether the status, the client and the request allow this framing: RFC 9110 6.4.1, 8.6, RFC 9112
// 6.1.
bool is_valid_response(const ResponseHead& head, const ResponsePlan& plan) {
  const BodyPlan& body = plan.body;
  const unsigned status = head.status();
  if (status == 101 && !(plan.upgrade && head.switches_protocols())) return false;
  if (head.interim() && plan.client == HttpVersion::http_1_0) return false;
  if (head.bodiless()) {
    const bool may_announce = status >= 200 && status != 204 && !head.opens_tunnel();
    return body.framing == BodyFraming::none && (may_announce || !body.length);
  }
  switch (body.framing) {
    case BodyFraming::none: return body.length == 0u;
    case BodyFraming::length: return body.length.has_value();
    case BodyFraming::delimited: return !body.length && plan.client != HttpVersion::http_1_0;
    case BodyFraming::until_close:
      return !body.length && plan.connection == ConnectionOption::close;
  }
  CHECK_UNREACHABLE();
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

}  // namespace

BodyPlan relayed_body(const RequestHead& request) {
  return {request.framing(), request.announced_length()};
}

BodyPlan relayed_body(const ResponseHead& response, HttpVersion client) {
  if (response.bodiless()) {
    const bool describes =
        response.status() >= 200 && response.status() != 204 && !response.opens_tunnel();
    return {BodyFraming::none, describes ? response.announced_length() : std::nullopt};
  }
  switch (response.framing()) {
    case BodyFraming::none:
    case BodyFraming::length: return {response.framing(), response.content_length()};
    case BodyFraming::delimited:
    case BodyFraming::until_close: break;
  }
  return {client == HttpVersion::http_1_0 ? BodyFraming::until_close : BodyFraming::delimited, {}};
}

void write_request(H1HeadWriter& out, const RequestHead& head, const RequestPlan& plan) {
  const BodyPlan& body = plan.body;
  const bool framed = body.framing == BodyFraming::delimited ? !body.length
                      : body.framing == BodyFraming::length  ? body.length.has_value()
                                                             : body.length.value_or(0) == 0;
  if (!framed || body.framing == BodyFraming::until_close) return out.fail();
  const bool as_received = plan.authority.data() == head.authority().data();
  if (!as_received && !plan.authority.empty() && !valid_authority(plan.authority))
    return out.fail();
  out.request_line(head.method(), plan.target);
  out.relayed_field("Host", plan.authority);
  FieldFilter filter(head, plan.fields);
  if (!plan.trusted) filter.drop_untrusted();
  relay_fields(out, head, filter);
  write_changes(out, plan.fields);
  write_via(out, head.version(), plan.via);
  write_body_fields(out, body);
  if (plan.expect && head.expects_continue()) out.relayed_field("Expect", "100-continue");

  const bool upgrades = !plan.upgrades.empty() && offers_upgrade(head, plan.upgrades);
  const bool trailers = plan.te && accepts_trailers(head);
  if (upgrades) write_upgrade(out, head, &plan.upgrades);
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
  if (!is_valid_response(head, plan)) return out.fail();
  const bool interim = head.interim();
  FieldFilter filter(head, plan.fields);
  const bool adds_date = !head.has(FieldId::date) && !filter.drops(FieldId::date);
  const bool replaces_server = !plan.server.empty() && !filter.drops(FieldId::server);
  if (replaces_server) filter.drop(FieldId::server);
  out.status_line(head.status(), head.reason());
  relay_fields(out, head, filter);
  if (!interim) {
    write_changes(out, plan.fields);
    if (adds_date && !plan.date.empty()) out.relayed_field("Date", plan.date);
    if (replaces_server) out.field("Server", plan.server);
    write_via(out, head.version(), plan.via);
    write_body_fields(out, plan.body);
    const bool speaks_of_upgrade = head.switches_protocols() || head.status() == 426;
    const bool upgrades = plan.upgrade && speaks_of_upgrade && has_protocol(head);
    if (upgrades) write_upgrade(out, head, nullptr);
    if (head.status() == 101 && !upgrades) return out.fail();
    write_response_connection(out, plan, upgrades);
  }
  out.end();
}

}  // namespace weir
