// Which fields a relayed head has, and in which order: the same for every version of HTTP.
// Templates over the writer of one version, so that HTTP/1 pays for no other; used by h1_relay.cc
// and h2_relay.cc only. No allocation, one thread.
//
// A Writer refers to the writer of a version, and is passed by value: it stays in a register. It
// has: relayed(name, value, never_indexed), a field as received; parsed(name, value), a field that
// is known to be valid; field(name, value), which it checks; list_field(name, text, more), whose
// value is both texts; framing(body); fail().
#pragma once

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "http/field_filter.h"
#include "http/relay.h"

namespace weir {

namespace detail {

inline bool is_overridden(std::string_view own, const FieldChanges& changes) {
  for (const FieldText& field : changes.set)
    if (iequals(field.name, own)) return true;
  for (std::string_view removed : changes.remove)
    if (iequals(removed, own)) return true;
  return false;
}

template <class Writer>
void write_received(Writer out, const MessageHead& head, const FieldFilter& filter) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    const std::string_view name = head.field_name(i);
    if (filter.passes(head.field_id(i), name))
      out.relayed(name, head.field_value(i), head.never_indexed(i));
  }
}

template <class Writer>
void write_changes(Writer out, const FieldChanges& changes) {
  auto write = [&out](const FieldText& field) {
    if (has_flag(field.id, kWritten)) return out.fail();
    out.field(field.name, field.value);
  };
  for (const FieldText& field : changes.own) {
    if (!is_overridden(field.name, changes)) out.parsed(field.name, field.value);
  }
  for (const FieldText& field : changes.set) write(field);
  for (const FieldText& field : changes.add) write(field);
}

inline std::string_view via_version(HttpVersion version) {
  switch (version) {
    case HttpVersion::http_1_0: return "1.0 ";
    case HttpVersion::http_1_1: return "1.1 ";
    case HttpVersion::http_2: return "2.0 ";
  }
  CHECK_UNREACHABLE();
}

// A further line of the list that the received Via lines are: RFC 9110 7.6.3, 5.3.
template <class Writer>
void write_via(Writer out, HttpVersion received, std::string_view name) {
  if (name.empty()) return;
  if (!all(kToken, name)) return out.fail();
  out.list_field("Via", via_version(received), name);
}

// A shared cache would give the cookie to other clients.
template <class Writer>
void write_cookie(Writer out, const ResponseHead& head, const ResponsePlan& plan) {
  if (plan.cookie.empty()) return;
  out.relayed("Set-Cookie", plan.cookie, /*never_indexed=*/true);
  const auto is_cache_control = [](const FieldText& field) {
    return field.id == FieldId::cache_control;
  };
  const FieldChanges& changes = plan.fields;
  if (!head.has(FieldId::cache_control) && std::ranges::none_of(changes.set, is_cache_control) &&
      std::ranges::none_of(changes.add, is_cache_control))
    out.parsed("Cache-Control", "private");
}

}  // namespace detail

// All but Host, Connection, Upgrade, TE, the fields of WebSocket, and pseudo-fields.
template <class Writer>
void write_request_fields(Writer out, const RequestHead& head, const RequestPlan& plan) {
  FieldFilter filter(head, plan.fields);
  if (!plan.trusted) filter.drop_untrusted();
  // RFC 8441 5: not between HTTP/2 peers. To HTTP/1 weir sends a key of its own.
  if (!plan.protocol.empty()) filter.drop(FieldId::sec_websocket_key);
  const bool replaces_cookies = plan.cookies && !filter.drops(FieldId::cookie);
  if (replaces_cookies) filter.drop(FieldId::cookie);
  detail::write_received(out, head, filter);
  if (replaces_cookies && !plan.cookies->empty())
    out.relayed("Cookie", *plan.cookies, /*never_indexed=*/true);
  detail::write_changes(out, plan.fields);
  detail::write_via(out, head.version(), plan.via);
  out.framing(plan.body);
  if (plan.expect && head.expects_continue()) out.parsed("Expect", "100-continue");
}

// All but Connection, Upgrade, the fields of WebSocket, and pseudo-fields. From an interim response
// the same fields are left out, and nothing is added to it.
template <class Writer>
void write_response_fields(Writer out, const ResponseHead& head, const ResponsePlan& plan) {
  FieldFilter filter(head, plan.fields);
  const bool adds_date = !head.has(FieldId::date) && !filter.drops(FieldId::date);
  const bool replaces_server = !plan.server.empty() && !filter.drops(FieldId::server);
  if (replaces_server) filter.drop(FieldId::server);
  if (!plan.protocol.empty()) filter.drop(FieldId::sec_websocket_accept);
  detail::write_received(out, head, filter);
  if (head.interim()) return;
  detail::write_changes(out, plan.fields);
  detail::write_cookie(out, head, plan);
  if (adds_date && !plan.date.empty()) out.parsed("Date", plan.date);
  if (replaces_server) out.field("Server", plan.server);
  detail::write_via(out, head.version(), plan.via);
  out.framing(plan.body);
}

}  // namespace weir
