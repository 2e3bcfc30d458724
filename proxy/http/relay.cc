#include "http/relay.h"

#include "base/check.h"

namespace weir {
namespace {

// The status may have a Content-Length that describes the body of another response.
bool may_describe(const ResponseHead& head) {
  return head.status() >= 200 && head.status() != 204 && !head.opens_tunnel();
}

}  // namespace

BodyPlan relayed_body(const RequestHead& request) {
  return {request.framing(), request.announced_length()};
}

BodyPlan relayed_body(const ResponseHead& response, HttpVersion client) {
  if (response.bodiless()) {
    return {BodyFraming::none, may_describe(response) ? response.announced_length() : std::nullopt};
  }
  switch (response.framing()) {
    case BodyFraming::none:
      // END_STREAM says it.
      if (client == HttpVersion::http_2) return {BodyFraming::none, response.announced_length()};
      return {BodyFraming::none, response.content_length()};
    case BodyFraming::length: return {response.framing(), response.content_length()};
    case BodyFraming::delimited:
    case BodyFraming::until_close: break;
  }
  return {client == HttpVersion::http_1_0 ? BodyFraming::until_close : BodyFraming::delimited, {}};
}

bool is_sound(const BodyPlan& request) {
  switch (request.framing) {
    case BodyFraming::none: return request.length.value_or(0) == 0;
    case BodyFraming::length: return request.length.has_value();
    case BodyFraming::delimited: return !request.length;
    case BodyFraming::until_close: return false;
  }
  CHECK_UNREACHABLE();
}

bool is_sound(const ResponseHead& head, const ResponsePlan& plan, HttpVersion recipient) {
  const BodyPlan& body = plan.body;
  if (head.interim() && recipient == HttpVersion::http_1_0) return false;
  if (head.bodiless())
    return body.framing == BodyFraming::none && (may_describe(head) || !body.length);
  switch (body.framing) {
    case BodyFraming::none:
      return body.length == 0u || (!body.length && recipient == HttpVersion::http_2);
    case BodyFraming::length: return body.length.has_value();
    case BodyFraming::delimited: return !body.length && recipient != HttpVersion::http_1_0;
    case BodyFraming::until_close:
      return !body.length && recipient != HttpVersion::http_2 &&
             plan.connection == ConnectionOption::close;
  }
  CHECK_UNREACHABLE();
}

bool lists_trailers(const RequestHead& head) {
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::te) continue;
    std::string_view list = head.field_value(i);
    for (std::string_view member; next_member(list, member);) {
      if (iequals(member, "trailers")) return true;
    }
  }
  return false;
}

}  // namespace weir
