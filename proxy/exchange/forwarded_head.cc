#include "exchange/forwarded_head.h"

#include <array>

#include "exchange/tunnel_offer.h"
#include "http/cookies.h"
#include "http/h1_body.h"
#include "http/h2_relay.h"
#include "routing/decide.h"

namespace weir {
namespace {

constexpr std::string_view kUnixHost = "localhost";  // a path is no host

bool wants(config::Forwarded configured, config::Forwarded one) {
  return configured == one || configured == config::Forwarded::both;
}

// Of the certificate that the client has shown. Returns their number.
size_t identity_fields(const TlsServer* server, const TlsStream* tls, std::string_view host,
                       std::span<FieldText> fields) {
  if (server == nullptr || tls == nullptr || !server->requests_client_certificates()) return 0;
  const config::ClientFields how = server->rules_for(host).forward;
  if (how == config::ClientFields::none) return 0;
  const ClientIdentity* identity = tls->client_identity();
  if (identity == nullptr) return 0;
  size_t n = 0;
  if (how != config::ClientFields::client_cert)
    fields[n++] = {FieldId::x_forwarded_client_cert, "X-Forwarded-Client-Cert", identity->xfcc};
  if (how != config::ClientFields::xfcc)
    fields[n++] = {FieldId::client_cert, "Client-Cert", identity->client_cert};
  return n;
}

// Adds what backends are told about the client. Returns the number of fields; 0: a value is too
// large.
using OwnFields = std::array<FieldText, 8>;
size_t forwarding_fields(const ForwardedHead& forwarded, const Hop& hop, TextMemory& memory,
                         OwnFields& fields) {
  const RequestHead& head = forwarded.head;
  const config::Forwarded how = forwarded.listener.http->forwarded;
  size_t n = 0;
  if (wants(how, config::Forwarded::x_forwarded)) {
    fields[n++] = {FieldId::x_forwarded_for, "X-Forwarded-For", x_forwarded_for(head, hop, memory)};
    fields[n++] = {FieldId::x_forwarded_proto, "X-Forwarded-Proto",
                   head.has(FieldId::x_forwarded_proto) ? x_forwarded_proto(head, hop)
                                                        : forwarded.client.scheme};
    if (const std::string_view host = x_forwarded_host(head, hop); !host.empty())
      fields[n++] = {FieldId::x_forwarded_host, "X-Forwarded-Host", host};
  }
  if (wants(how, config::Forwarded::forwarded))
    fields[n++] = {FieldId::forwarded, "Forwarded", weir::forwarded(head, hop, memory)};
  fields[n++] = {FieldId::x_request_id, "X-Request-Id", forwarded.request_id};
  n += identity_fields(forwarded.listener.tls.get(), forwarded.client_tls, forwarded.host,
                       std::span(fields).subspan(n));
  for (size_t i = 0; i < n; ++i)
    if (fields[i].value.data() == nullptr) return 0;
  return n;
}

std::string_view forwarded_authority(const ForwardedHead& forwarded) {
  const std::string_view rewritten = forwarded.route.rewrite.host;
  const std::string_view authority = rewritten.empty() ? forwarded.head.authority() : rewritten;
  if (!authority.empty()) return authority;
  // Only of an HTTP/1.0 client that names no host.
  return forwarded.backend.address().is_unix() ? kUnixHost
                                               : std::string_view(forwarded.backend.text());
}

// The plan of the head, with what it refers to.
struct ForwardedPlan {
  ForwardedPlan(const ForwardedHead& forwarded, HttpResources& http);

  RequestClient::HopMemory memory;
  OwnFields own;
  RequestPlan plan;
  bool ok = false;  // false: a value is too large
};

ForwardedPlan::ForwardedPlan(const ForwardedHead& forwarded, HttpResources& http) {
  const Hop hop = forwarded.client.hop(memory);
  TextMemory texts(http.text_scratch());
  const size_t own_count = forwarding_fields(forwarded, hop, texts, own);
  const std::string_view cookie = forwarded.sticky_cookie;
  if (!cookie.empty() && find_cookie(forwarded.head, cookie).data() != nullptr)
    plan.cookies = without_cookie(forwarded.head, cookie, texts);
  const FieldEdits& edits = forwarded.route.request_fields;
  plan.fields = {edits.set, edits.add, edits.remove, std::span(own).first(own_count)};
  plan.target =
      backend_target(forwarded.route, forwarded.head, forwarded.path, http.target_scratch());
  ok = own_count > 0 && plan.target.data() != nullptr &&
       (!plan.cookies || plan.cookies->data() != nullptr);
  plan.authority = forwarded_authority(forwarded);
  plan.body = forwarded.body;
  plan.via = forwarded.listener.http->via;
  plan.trusted = hop.trusted;
  plan.upgrades = forwarded.route.upgrades;
  plan.protocol = forwarded.head.protocol();
  plan.websocket_key = forwarded.websocket_key;
  plan.expect = true;
}

}  // namespace

HeadText write_forwarded_head(const ForwardedHead& forwarded, HttpResources& http) {
  const ForwardedPlan planned(forwarded, http);
  if (!planned.ok) return {.ok = false};
  H1HeadWriter out(http.head_scratch(), kChunkHeadSize);
  write_request(out, forwarded.head, planned.plan);
  return {out.ok(), out.bytes()};
}

void write_forwarded_head(HpackWriter& out, const ForwardedHead& forwarded, HttpResources& http,
                          std::string_view scheme) {
  ForwardedPlan planned(forwarded, http);
  if (!planned.ok) return out.fail();
  planned.plan.protocol = tunnel_protocol(forwarded.head, forwarded.route);
  write_h2_request(out, forwarded.head, planned.plan, scheme);
}

}  // namespace weir
