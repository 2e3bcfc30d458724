#include "routing/http_spec.h"

#include <algorithm>

#include "base/check.h"

namespace weir {

std::vector<std::string> offered_protocols(const config::Listener& listener) {
  std::vector<std::string> offered = listener.tls->alpn;
  if (offered.empty()) offered = {"h2", "http/1.1", "http/1.0"};
  if (!listener.http2.enabled) std::erase(offered, "h2");
  return offered;
}

HttpSpec::HttpSpec(const config::Listener& listener, const ClusterPlaces& clusters)
    : routes(listener, clusters),
      path_rules(listener.paths),
      limits(listener.limits),
      forwarded(listener.forwarded),
      via(listener.via ? "weir" : ""),
      allow_connect(listener.allow_connect),
      cancel_on_close(listener.cancel_on_close),
      http2_enabled(listener.http2.enabled),
      max_streams(listener.http2.max_streams) {
  for (const Route& route : routes.routes()) {
    head_room = std::max({head_room, route.request_fields.size(), route.response_fields.size()});
    allows_upgrade |= route.action == Route::Action::forward && !route.upgrades.empty();
  }
  head_room += limits.max_header_size;
  for (const config::NamedValue& error : listener.errors)
    errors.emplace_back(std::stoul(error.name), error.value);
  Result<TrustedNetworks> networks = TrustedNetworks::parse(listener.trusted_proxies);
  CHECK(networks);  // validated
  trusted = std::move(*networks);
  if (listener.server_header == "remove") {
    server = Server::remove;
  } else if (listener.server_header != "pass") {
    server = Server::replace;
    server_text = listener.server_header;
  }
}

const std::string* HttpSpec::error_body(unsigned status) const {
  for (const auto& [of, body] : errors)
    if (of == status) return &body;
  return nullptr;
}

}  // namespace weir
