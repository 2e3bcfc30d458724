// The route of a request and the path it is forwarded with, where servers may read the path in
// several ways (http/path.h). `weir explain` and the data path use the same function.
//
// All readings take the same route: the path is forwarded byte by byte as it was received, because
// clients sign it. Dot segments, double slashes or needless encodings change the route: the normal
// form is matched and forwarded. Encoded slashes or parameters change it: 400. Explicit rules of
// the listener come first and hold for every reading. A path that is plain, as nearly all are, and
// every path where no route looks at paths, is looked up once; any other once for each reading that
// differs, of which there are at most thirty-three.
#pragma once

#include <span>
#include <string_view>

#include "http/path.h"
#include "routing/route_table.h"

namespace weir {

struct PathChoice {
  // The reading that decided.
  enum class By : uint8_t { as_sent, normal, refused };

  Fault fault{};
  const Route* route = nullptr;  // null: no route takes it, 404
  std::string_view path{};       // that the route matched, and that it forwards
  By by = By::as_sent;
  // The reading that would have taken another route, and that route; empty: there is none.
  std::string_view other_path{};
  const Route* other = nullptr;
};

// `query` without its path; `raw` as in RequestHead::path(). `memory` is at least twice the size of
// `raw`, or the answer may be 414. The views are of `raw` and `memory`.
PathChoice choose_path(const RouteTable& routes, const PathRules& rules, const RouteQuery& query,
                       std::string_view raw, std::span<char> memory);

}  // namespace weir
