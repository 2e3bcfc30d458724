#include "cli/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/ascii.h"
#include "base/text_buffer.h"
#include "config/value_types.h"
#include "http/forwarding.h"
#include "http/h1_parser.h"
#include "http/path.h"
#include "http/semantics.h"
#include "routing/http_spec.h"

namespace weir::cli {
namespace {

// For what a route adds to a request's host and path in a Location or a request-target.
constexpr size_t kMaxAdded = 8192;

// The request as a client sends it. HTTP/1.1 requires a Host field: without one it is HTTP/1.0.
std::string request_text(const AskedRequest& request) {
  bool has_host = !request.host.empty();
  std::string fields = has_host ? "Host: " + request.host + "\r\n" : "";
  for (const config::NamedValue& field : request.headers) {
    has_host |= iequals(field.name, "host");
    fields += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  return fmt::format("{} {} HTTP/1.{}\r\n{}\r\n", request.method,
                     request.method == "CONNECT" ? request.host : request.path, has_host ? 1 : 0,
                     fields);
}

// If the listener has trusted proxies, assumes that one of them sent the request.
std::string_view scheme_of(const config::Listener& listener, const HttpSpec& http,
                           const RequestHead& head) {
  Hop hop;
  hop.scheme = listener.tls ? "https" : "http";
  hop.trusted = !http.trusted.empty();
  return client_scheme(head, hop, http.trusted);
}

bool requests_client_certificates(const config::Listener& listener) {
  if (!listener.tls) return false;
  const std::vector<config::Certificate>& certificates = listener.tls->certificates;
  return std::any_of(certificates.begin(), certificates.end(), [&](const config::Certificate& one) {
    return one.client_auth.value_or(listener.tls->client_auth).mode != config::ClientAuth::none;
  });
}

std::string route_text(const Route* route) {
  return route == nullptr ? "no route" : "route " + route->name;
}

// How the path was read, if servers can read it in several ways.
std::string note_of(const RequestHead& head, const PathChoice& choice) {
  switch (choice.by) {
    case PathChoice::By::normal:
      return fmt::format(
          "the path is matched and forwarded in its normal form {}: as received, or normalized in "
          "part, it would match {}",
          choice.path, route_text(choice.other));
    case PathChoice::By::refused:
      if (choice.other_path.empty()) return "";
      return fmt::format("some servers read the path as {}, which would match {}",
                         choice.other_path, route_text(choice.other));
    case PathChoice::By::as_sent: break;
  }
  if (!choice.path.starts_with('/')) return "";  // refused unread, or it is not a path
  if (choice.path != head.path())
    return fmt::format("the path rules of the listener change the path to {}", choice.path);
  if (is_plain(head.path())) return "";
  return "the path is matched and forwarded as received: all its readings match the same route";
}

constexpr const char* kLeadsBack = "its redirect leads back to the URL of the request";

std::string unmatched_reason(const NamedPredicate& wanted, const char* what, bool there) {
  if (!there) return fmt::format("{} '{}' is missing", what, wanted.name);
  return fmt::format("{} '{}' is not '{}'", what, wanted.name, wanted.value);
}

std::string why(const RouteMatch& match, const RouteQuery& query) {
  const Mismatch found = mismatch(match, query);
  switch (found.what) {
    case Mismatch::What::nothing: return "";
    case Mismatch::What::host:
      return fmt::format("the host is not {}", fmt::join(match.hosts, ", "));
    case Mismatch::What::path:
      if (match.path_kind == RouteMatch::Path::exact)
        return fmt::format("the path is not {}", match.path);
      return fmt::format("the path is not under {}", match.path.empty() ? "/" : match.path);
    case Mismatch::What::method:
      return fmt::format("the method is not {}", fmt::join(match.methods, ", "));
    case Mismatch::What::header: {
      const NamedPredicate& wanted = match.headers[found.index];
      return unmatched_reason(wanted, "header", query.fields.value(wanted.name).data() != nullptr);
    }
    case Mismatch::What::query: {
      const NamedPredicate& wanted = match.query[found.index];
      return unmatched_reason(wanted, "parameter",
                              has_parameter(query.query, {wanted.name, "", true}));
    }
  }
  CHECK_UNREACHABLE();
}

class Explaining {
 public:
  Explaining(const config::Loaded& loaded, const AskedRequest& request)
      : loaded_(loaded), text_(request_text(request)) {}

  Explanation of(const config::Listener& listener) const {
    Explanation result;
    result.listener = &listener;
    if (listener.protocol == config::Protocol::tcp) {
      result.kind = Decision::Kind::forward;
      result.clusters = {cluster_named(listener.cluster)};
      return result;
    }
    const HttpSpec http(listener, loaded_.model.clusters);
    H1RequestReader parser(http.head_limits());
    if (parser.feed(text_) == H1RequestParser::State::complete) {
      explain_head(http, parser.head(text_), result);
    } else {
      result.status = parser.fault().status;
      result.refusal = parser.fault().reason;
    }
    return result;
  }

 private:
  void explain_head(const HttpSpec& http, const RequestHead& head, Explanation& result) const {
    const config::Listener& listener = *result.listener;
    TextBuffer host;
    RequestFacts facts = facts_of(head, host, scheme_of(listener, http, head));
    // Assumes a connection that the client opened for this host.
    facts.misdirected =
        requests_client_certificates(listener) && is_ambiguous_host(host.view(), head.authority());
    std::vector<char> path(2 * text_.size()), location(kMaxAdded + text_.size());
    const Decision decision = decide(http, facts, {path, location});
    result.kind = decision.kind;
    result.status = decision.status;
    result.refusal = decision.reason;
    result.location = decision.location;
    result.path = decision.choice.path;
    result.reading = decision.choice.by;
    result.note = note_of(head, decision.choice);
    facts.query.path = decision.choice.path;
    const Route* const route = decision.choice.route;
    if (route != nullptr || decision.status == 404)
      result.passed = routes_before(route, http.routes, facts.query);
    if (route == nullptr) return;
    result.taken = true;
    result.route = *route;
    result.place = place(route->location);
    if (decision.kind == Decision::Kind::forward) explain_forwarding(head, result);
  }
  std::vector<Explanation::Passed> routes_before(const Route* taken, const RouteTable& routes,
                                                 const RouteQuery& query) const {
    std::vector<Explanation::Passed> passed;
    for (const Route& route : routes.routes()) {
      if (&route == taken) break;
      const std::string reason = why(route.match, query);
      passed.push_back({route.name, reason.empty() ? kLeadsBack : reason, place(route.location)});
    }
    return passed;
  }
  void explain_forwarding(const RequestHead& head, Explanation& result) const {
    const Route& route = result.route;
    std::vector<char> target(kMaxAdded + text_.size());
    result.target = backend_target(route, head, result.path, target);
    result.host = route.rewrite.host.empty() ? head.authority() : route.rewrite.host;
    for (const ClusterShare& share : route.clusters)
      result.clusters.push_back(&loaded_.model.clusters[share.cluster]);
    if (!head.upgrades() || offers_upgrade(head, route.upgrades)) return;
    result.note += result.note.empty() ? "" : "; ";
    result.note +=
        "the Upgrade field is removed: 'upgrade' of the route allows none of its protocols";
  }
  const config::Cluster* cluster_named(const std::string& name) const {
    for (const config::Cluster& cluster : loaded_.model.clusters)
      if (cluster.name == name) return &cluster;
    CHECK_UNREACHABLE();  // validated
  }
  std::string place(const config::Location& at) const {
    return fmt::format("{}:{}", loaded_.model.files.at(at.file), at.line);
  }

  const config::Loaded& loaded_;
  const std::string text_;
};

}  // namespace

std::vector<const config::Backend*> serving(const config::Cluster& cluster) {
  std::vector<const config::Backend*> first, backups;
  for (const config::Backend& backend : cluster.backends)
    if (backend.state == config::BackendState::active)
      (backend.backup ? backups : first).push_back(&backend);
  return first.empty() ? backups : first;
}

Result<std::vector<Explanation>> explain(const config::Loaded& loaded,
                                         const AskedRequest& request) {
  const Explaining explaining(loaded, request);
  std::vector<Explanation> result;
  std::vector<std::string> names;
  for (const config::Listener& listener : loaded.model.listeners) {
    names.push_back(listener.name);
    const bool asked = request.listener.empty() ? listener.protocol == config::Protocol::http
                                                : listener.name == request.listener;
    if (asked) result.push_back(explaining.of(listener));
  }
  if (!result.empty()) return result;
  if (request.listener.empty())
    return Error{"no listener has protocol http; name one with --listener", ""};
  return Error{fmt::format("there is no listener '{}'; there are: {}", request.listener,
                           fmt::join(names, ", ")),
               ""};
}

Result<config::NamedValue> parse_header(std::string_view text) {
  const size_t colon = text.find(':');
  config::NamedValue field;
  const std::string_view name = text.substr(0, std::min(colon, text.size()));
  if (colon == std::string_view::npos || config::types::field_name::type.read(name, &field.name))
    return Error{fmt::format("'{}' is not a header field; write 'name: value'", text), ""};
  std::string_view value = text.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  field.value = value;
  return field;
}

}  // namespace weir::cli
