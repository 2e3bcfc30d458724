#include "routing/decide.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"
#include "base/percent.h"
#include "http/semantics.h"

namespace weir {
namespace {

using Kind = Decision::Kind;

void assign_host(TextBuffer& out, std::string_view host) {
  out.assign(host);
  if (host.find('%') != std::string_view::npos)
    out.drop_back(out.size() - write_spelled(host, out.data()));
  std::transform(out.data(), out.data() + out.size(), out.data(), ascii_lower);
}

// Of a request that no route can allow.
Fault refusal_without_route(const HttpSpec& http, const RequestFacts& request) {
  if (request.misdirected)
    return {421, "host requires different client authentication; open a new connection"};
  if (request.form == TargetForm::authority && !http.allow_connect)
    return {405, "CONNECT is not allowed on this listener"};
  const uint64_t limit = http.limits.max_body_size;
  if (limit != 0 && request.content_length > limit)
    return {413, "the body is larger than limits.max_body_size"};
  return {};
}

PathChoice choose(const HttpSpec& http, const RequestFacts& request, std::span<char> memory) {
  if (request.form == TargetForm::origin || request.form == TargetForm::absolute)
    return choose_path(http.routes, http.path_rules, request.query, request.query.path, memory);
  RouteQuery query = request.query;
  query.path = request.form == TargetForm::asterisk ? "*" : "";
  return {.route = http.routes.match(query), .path = query.path};
}

Decision refused(Fault fault, const PathChoice& choice = {}) {
  return {Kind::refuse, fault.status, fault.reason, choice, {}};
}

Decision redirected(const RouteQuery& query, const PathChoice& choice, std::span<char> memory) {
  const RouteRedirect& redirect = choice.route->redirect;
  const std::string_view location = redirect_location(
      redirect, {query.scheme, query.host, query.port, choice.path, query.query}, memory);
  if (location.data() == nullptr) return refused({400, "a redirect needs a Host field"}, choice);
  return {Kind::redirect, redirect.status, "", choice, location};
}

}  // namespace

RequestFacts facts_of(const RequestHead& head, TextBuffer& host, std::string_view scheme) {
  const Authority authority = split_authority(head.authority());
  assign_host(host, authority.host);
  const FieldLookup fields{&head, [](const void* message, std::string_view name) {
                             return static_cast<const RequestHead*>(message)->find(name);
                           }};
  return {{host.view(), head.path(), head.method(), head.query(), fields, scheme, authority.port},
          head.form(),
          head.content_length(),
          false};
}

bool is_ambiguous_host(std::string_view host, std::string_view authority) {
  return host.ends_with('.') || authority.find('%') != std::string_view::npos;
}

Decision decide(const HttpSpec& http, const RequestFacts& request, const DecisionMemory& memory) {
  if (const Fault fault = refusal_without_route(http, request)) return refused(fault);
  const PathChoice choice = choose(http, request, memory.path);
  if (choice.fault) return refused(choice.fault, choice);
  if (choice.route == nullptr) return refused({404, "no route matches the request"}, choice);
  switch (choice.route->action) {
    case Route::Action::forward: return {Kind::forward, 0, "", choice, {}};
    case Route::Action::respond:
      return {Kind::respond, choice.route->respond.status, "", choice, {}};
    case Route::Action::redirect: return redirected(request.query, choice, memory.location);
  }
  CHECK_UNREACHABLE();
}

std::string_view backend_target(const Route& route, const RequestHead& head, std::string_view path,
                                std::span<char> memory) {
  if (head.form() == TargetForm::authority || head.form() == TargetForm::asterisk)
    return head.target();
  return rewritten_target(route.rewrite, path, head.query(), memory);
}

}  // namespace weir
