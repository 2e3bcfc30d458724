#include "routing/http_spec.h"

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

// The file's words for what http/, which knows no configuration, has its own.
PathRules rules_of(const config::Paths& paths) {
  PathRules rules;
  switch (paths.encoded_slashes) {
    case config::EncodedSlashes::automatic:
      rules.encoded_slashes = EncodedSlashes::automatic;
      break;
    case config::EncodedSlashes::reject: rules.encoded_slashes = EncodedSlashes::reject; break;
    case config::EncodedSlashes::keep: rules.encoded_slashes = EncodedSlashes::keep; break;
    case config::EncodedSlashes::decode: rules.encoded_slashes = EncodedSlashes::decode; break;
  }
  switch (paths.dot_segments) {
    case config::DotSegments::automatic: rules.dot_segments = DotSegments::automatic; break;
    case config::DotSegments::normalize: rules.dot_segments = DotSegments::normalize; break;
    case config::DotSegments::reject: rules.dot_segments = DotSegments::reject; break;
    case config::DotSegments::keep: rules.dot_segments = DotSegments::keep; break;
  }
  switch (paths.double_slashes) {
    case config::DoubleSlashes::automatic: rules.double_slashes = DoubleSlashes::automatic; break;
    case config::DoubleSlashes::merge: rules.double_slashes = DoubleSlashes::merge; break;
    case config::DoubleSlashes::keep: rules.double_slashes = DoubleSlashes::keep; break;
  }
  return rules;
}

}  // namespace

HttpSpec::HttpSpec(const config::Listener& listener, const ClusterPlaces& clusters)
    : routes(listener, clusters),
      path_rules(rules_of(listener.paths)),
      limits(listener.limits),
      forwarded(listener.forwarded),
      via(listener.via ? "weir" : ""),
      allow_connect(listener.allow_connect),
      cancel_on_close(listener.cancel_on_close) {
  for (const Route& route : routes.routes())
    head_room = std::max({head_room, route.request_fields.size(), route.response_fields.size()});
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
