// The conditions of a route, and whether a request meets them. match() of the route table and
// `weir explain` use the same function. Immutable; matching does not allocate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/http_model.h"

namespace weir {

// Looks up header fields of a request, for any type of message.
struct FieldLookup {
  const void* message = nullptr;
  // The value of the first field with that name (in lower case); a null data(): there is none.
  std::string_view (*find)(const void* message, std::string_view name) = nullptr;

  std::string_view value(std::string_view name) const {
    return find ? find(message, name) : std::string_view();
  }
};

struct RouteQuery {
  std::string_view host;  // in lower case, without port; "[::1]" with brackets; may be empty
  std::string_view path;  // one reading of it; "*" of OPTIONS, "" of CONNECT
  std::string_view method;
  std::string_view query;  // as received, without '?'
  FieldLookup fields;
  // Of the URL of the request, to find redirects that lead back to it.
  std::string_view scheme = "http";
  uint16_t port = 0;  // 0: not given
};

// A required field or query parameter, and its value unless `any`.
struct NamedPredicate {
  std::string name;  // of a field: in lower case
  std::string value;
  bool any = false;
};

struct RouteMatch {
  enum class Path : uint8_t { any, exact, prefix };

  std::vector<std::string> hosts;  // empty: any
  Path path_kind = Path::any;
  std::string path;  // of a prefix: without trailing slashes
  std::vector<std::string> methods;
  std::vector<NamedPredicate> headers;
  std::vector<NamedPredicate> query;

  RouteMatch() = default;
  explicit RouteMatch(const config::Match& match);
};

// The first condition that is not met; for headers and parameters: which.
struct Mismatch {
  enum class What : uint8_t { nothing, host, path, method, header, query };
  What what = What::nothing;
  size_t index = 0;
};

Mismatch mismatch(const RouteMatch& match, const RouteQuery& query);
inline bool matches(const RouteMatch& match, const RouteQuery& query) {
  return mismatch(match, query).what == Mismatch::What::nothing;
}

bool matches_host(const RouteMatch& match, std::string_view host);

// Whether the query has the parameter. Names and values are compared decoded; only the first
// parameter of a name counts.
bool has_parameter(std::string_view query, const NamedPredicate& wanted);

}  // namespace weir
