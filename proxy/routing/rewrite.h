// The request-target for the backend and the Location of a redirect: pure functions that write into
// memory of the caller. A result with a null data(): it did not fit, or there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/http_model.h"
#include "routing/route_match.h"

namespace weir {

struct RouteRewrite {
  std::string prefix;       // removed, by whole segments; without trailing slashes
  std::string replacement;  // inserted instead of it; without trailing slashes
  std::string host;         // for the Host field; empty: that of the client
  bool changes_path = false;

  RouteRewrite() = default;
  RouteRewrite(const config::Rewrite& rewrite, const RouteMatch& match);
};

// The request-target for the backend: the rewritten path with the query. A path that does not begin
// with the prefix is unchanged. The rest after the prefix is unchanged, too; if both the
// replacement and the rest are empty, the path is "/".
std::string_view rewritten_target(const RouteRewrite& rewrite, std::string_view path,
                                  std::string_view query, std::span<char> memory);

struct RouteRedirect {
  enum class Path : uint8_t { keep, replace, prefix };

  std::string_view scheme;  // "http", "https"; empty: that of the request
  std::string host;
  uint16_t port = 0;
  Path path_kind = Path::keep;
  std::string path;    // the whole path, or the replacement of `prefix`
  std::string prefix;  // of the route's match
  uint16_t status = 307;

  RouteRedirect() = default;
  RouteRedirect(const config::Redirect& redirect, const RouteMatch& match);
};

// The URL of a request.
struct RequestAddress {
  std::string_view scheme = "http";
  std::string_view host;  // without port; an IPv6 address in brackets
  uint16_t port = 0;      // 0: not given
  std::string_view path;
  std::string_view query;  // without '?'
};

// The Location, always with scheme and host, so that a path that begins with two slashes is not
// read as a host. Null if neither the route nor the request (HTTP/1.0) has a host: 400.
std::string_view redirect_location(const RouteRedirect& redirect, const RequestAddress& request,
                                   std::span<char> memory);

// Whether the Location would be the URL of the request.
bool leads_to_itself(const RouteRedirect& redirect, const RouteQuery& request);

}  // namespace weir
