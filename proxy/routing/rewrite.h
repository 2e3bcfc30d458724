// What a route makes of a request's target, and where it redirects to: pure functions that write
// into memory of the caller. A view with a null data() says that the result did not fit, or cannot
// be made.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/http_model.h"
#include "routing/route_match.h"

namespace weir {

struct RouteRewrite {
  std::string prefix;       // taken off, by whole segments; without last slashes
  std::string replacement;  // put in its place; without last slashes
  std::string host;         // for the Host field; empty: the client's
  bool changes_path = false;

  RouteRewrite() = default;
  RouteRewrite(const config::Rewrite& rewrite, const RouteMatch& match);
};

// The request-target for the backend: the rewritten path with the query. A path that does not begin
// with the prefix stays; what is behind the prefix stays, too, but begins with exactly one '/' if
// nothing takes the place of the prefix.
std::string_view rewritten_target(const RouteRewrite& rewrite, std::string_view path,
                                  std::string_view query, std::span<char> memory);

struct RouteRedirect {
  enum class Path : uint8_t { keep, replace, prefix };

  std::string_view scheme;  // "http", "https"; empty: that of the request
  std::string host;
  uint16_t port = 0;
  Path path_kind = Path::keep;
  std::string path;    // the whole, or what takes the place of `prefix`
  std::string prefix;  // that the route matched
  uint16_t status = 307;

  RouteRedirect() = default;
  RouteRedirect(const config::Redirect& redirect, const RouteMatch& match);
};

// What the client asked for.
struct RequestAddress {
  std::string_view scheme = "http";
  std::string_view host;  // without port; an IPv6 address in brackets
  uint16_t port = 0;      // 0: not given
  std::string_view path;
  std::string_view query;  // without '?'
};

// The Location, always with scheme and host: a path that begins with two slashes cannot become a
// host. Null where neither the route nor the request names a host (HTTP/1.0): 400.
std::string_view redirect_location(const RouteRedirect& redirect, const RequestAddress& request,
                                   std::span<char> memory);

// The client asked for the very address that it would be sent to.
bool leads_to_itself(const RouteRedirect& redirect, const RouteQuery& request);

}  // namespace weir
