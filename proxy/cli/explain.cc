#include "cli/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/percent.h"
#include "config/value_types.h"
#include "http/forwarding.h"
#include "http/h1_parser.h"
#include "http/path.h"
#include "http/semantics.h"
#include "routing/http_spec.h"
#include "routing/path_choice.h"

namespace weir::cli {
namespace {

// A request taken apart as the data path does it.
struct Parts {
  std::string host, path, query;
  std::string_view scheme = "http";  // that the client speaks
  uint16_t port = 0;
};

Parts parts_of(const AskedRequest& request) {
  Parts parts;
  const Authority authority = split_authority(request.host);
  parts.host = lower_case(spelled(authority.host));
  parts.port = authority.port;
  const size_t mark = std::min(request.path.find('?'), request.path.size());
  parts.path = request.path.substr(0, mark);
  parts.query = request.path.substr(std::min(mark + 1, request.path.size()));
  return parts;
}

std::string_view find_header(const void* message, std::string_view name) {
  for (const config::NamedValue& field : static_cast<const AskedRequest*>(message)->headers)
    if (iequals(field.name, name)) return field.value;
  return {};
}

// As a trusted proxy says it, where the listener has any: whose request it is nobody can tell here.
std::string_view scheme_of(const HttpSpec& http, bool tls, const AskedRequest& request) {
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (const config::NamedValue& field : request.headers)
    if (iequals(field.name, "x-forwarded-proto") || iequals(field.name, "x-forwarded-for") ||
        iequals(field.name, "forwarded"))
      text += fmt::format("{}: {}\r\n", field.name, field.value);
  text += "\r\n";
  Hop hop;
  hop.scheme = tls ? "https" : "http";
  hop.trusted = !http.trusted.empty();
  H1RequestParser parser;
  if (parser.feed(text) != H1RequestParser::State::complete) return hop.scheme;
  const std::string_view scheme = client_scheme(parser.head(text), hop, http.trusted);
  return scheme == "https" ? "https" : "http";
}

RouteQuery query_of(const AskedRequest& request, const Parts& parts, std::string_view path) {
  return {parts.host,   path,      request.method, parts.query, {&request, find_header},
          parts.scheme, parts.port};
}

constexpr const char* kLeadsBack = "its redirect leads to the address that the client asked for";

std::string unmatched_reason(const NamedPredicate& wanted, const char* what, bool there) {
  if (!there) return fmt::format("{} '{}' is not there", what, wanted.name);
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
      : loaded_(loaded), request_(request), parts_(parts_of(request)) {}

  Explanation of(const config::Listener& listener) {
    Explanation result;
    result.listener = &listener;
    if (listener.protocol == config::Protocol::tcp) {
      result.clusters = {cluster_named(listener.cluster)};
      return result;
    }
    const HttpSpec http(listener, loaded_.model.clusters);
    parts_.scheme = scheme_of(http, listener.tls.has_value(), request_);
    answer(http, result);
    return result;
  }

 private:
  // As a session does with a request that it has read.
  void answer(const HttpSpec& http, Explanation& result) const {
    if (request_.method != "CONNECT") return choose(http, result);
    if (!http.allow_connect) return refuse(405, "CONNECT is not allowed here", result);
    const RouteQuery query = query_of(request_, parts_, "");
    decide(http, query, http.routes.match(query), result);
  }
  void choose(const HttpSpec& http, Explanation& result) const {
    std::string memory(2 * parts_.path.size(), '\0');
    const PathChoice choice = choose_path(http.routes, http.path_rules,
                                          query_of(request_, parts_, ""), parts_.path, memory);
    result.reading = choice.by;
    if (choice.by != PathChoice::By::as_sent) result.note = note_of(choice);
    if (choice.fault) return refuse(choice.fault.status, choice.fault.reason, result);
    result.path = choice.path;
    if (result.note.empty() && result.path != parts_.path)
      result.note = "the listener's path rules make it " + result.path;
    else if (result.note.empty() && !is_plain(parts_.path))
      result.note = "decided by the path as it was sent: no reading of it takes another route";
    decide(http, query_of(request_, parts_, result.path), choice.route, result);
  }
  static std::string note_of(const PathChoice& choice) {
    const auto route = [](const Route* other) {
      return other == nullptr ? "no route" : "route " + other->name;
    };
    if (choice.by == PathChoice::By::normal)
      return fmt::format(
          "decided by the normal form of the path, {}, which is forwarded: read as it was sent, or "
          "normalized in part, {} would take it",
          choice.path, route(choice.other));
    if (choice.other_path.empty()) return "";
    return fmt::format("decided by how some servers read the path: as {}, which {} would take",
                       choice.other_path, route(choice.other));
  }
  void decide(const HttpSpec& http, const RouteQuery& query, const Route* taking,
              Explanation& result) const {
    for (const Route& route : http.routes.routes()) {
      if (&route == taking) break;
      const std::string reason = why(route.match, query);
      result.passed.push_back(
          {route.name, reason.empty() ? kLeadsBack : reason, place(route.location)});
    }
    if (!taking) return refuse(404, "no route takes it", result);
    take(*taking, result);
  }
  static void refuse(uint32_t status, const char* why, Explanation& result) {
    result.status = status;
    result.refusal = why;
  }
  void take(const Route& route, Explanation& result) const {
    std::array<char, 8192> memory;
    result.taken = true;
    result.route = route;
    result.place = place(route.location);
    switch (route.action) {
      case Route::Action::respond: result.status = route.respond.status; return;
      case Route::Action::redirect:
        result.location = redirect_location(
            route.redirect, {parts_.scheme, parts_.host, parts_.port, result.path, parts_.query},
            memory);
        if (result.location.empty()) return refuse(400, "a redirect needs a host", result);
        result.status = route.redirect.status;
        return;
      case Route::Action::forward: break;
    }
    result.target = rewritten_target(route.rewrite, result.path, parts_.query, memory);
    result.host = route.rewrite.host.empty() ? lower_case(request_.host) : route.rewrite.host;
    for (const ClusterShare& share : route.clusters)
      result.clusters.push_back(&loaded_.model.clusters[share.cluster]);
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
  const AskedRequest& request_;
  Parts parts_;
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
  Explaining explaining(loaded, request);
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
    return Error{"no listener speaks HTTP; name one with --listener", ""};
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
