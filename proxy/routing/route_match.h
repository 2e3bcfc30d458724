// What a route asks of a request, and whether a request has it. match() of the route table and
// `weir explain` use the same function. Immutable; nothing here allocates at run time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/http_model.h"

namespace weir {

// The header fields of a request, whatever holds them.
struct FieldLookup {
  const void* message = nullptr;
  // The first field of that name, which is in lower case; a view with a null data() when there is
  // none.
  std::string_view (*find)(const void* message, std::string_view name) = nullptr;

  std::string_view value(std::string_view name) const {
    return find ? find(message, name) : std::string_view();
  }
};

struct RouteQuery {
  std::string_view host;  // in lower case, without port; "[::1]" with its brackets; may be empty
  std::string_view path;  // one reading of it; "*" and "" begin with no slash
  std::string_view method;
  std::string_view query;  // as it was sent, without '?'
  FieldLookup fields;
  // Of the address that the client asked for: what a redirect may lead back to.
  std::string_view scheme = "http";
  uint16_t port = 0;  // 0: not given
};

// A field or a parameter that must be there, and its value unless any will do.
struct NamedPredicate {
  std::string name;  // of a field: in lower case
  std::string value;
  bool any = false;
};

struct RouteMatch {
  enum class Path : uint8_t { any, exact, prefix };

  std::vector<std::string> hosts;  // empty: any
  Path path_kind = Path::any;
  std::string path;  // of a prefix: without its last slashes
  std::vector<std::string> methods;
  std::vector<NamedPredicate> headers;
  std::vector<NamedPredicate> query;

  RouteMatch() = default;
  explicit RouteMatch(const config::Match& match);
};

// The first thing that does not fit: what, and which of the headers or parameters.
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

// Whether the query has the parameter; names and values are compared decoded, the first of a name
// counts.
bool has_parameter(std::string_view query, const NamedPredicate& wanted);

}  // namespace weir
