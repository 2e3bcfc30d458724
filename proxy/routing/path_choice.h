// The route of a request and the path it is forwarded with, where servers may read the path in
// several ways (http/path.h). `weir explain` and the data path use the same function.
//
// If all readings take the same route, the path is forwarded byte by byte as it was received,
// because clients sign it. If a reading that resolves dot segments, merges slashes or decodes
// needless encodings takes another route, the normal form is matched and forwarded. If a reading of
// encoded slashes, backslashes or parameters takes another route, the request is refused with 400.
// Explicit rules of the listener are applied first, and every reading is of their result.
//
// A plain path, as nearly all are, takes one look-up, and so does a path that no explicit rule
// changes on a listener whose routes do not look at paths. Any other path takes one look-up for
// each reading, at most 34. Therefore a path with several readings may have at most 8 KiB: 414.
#pragma once

#include <span>
#include <string_view>

#include "http/path.h"
#include "routing/route_table.h"

namespace weir {

struct PathChoice {
  // The form of the path that is forwarded, or why nothing is.
  enum class By : uint8_t { as_sent, normal, refused };

  Fault fault{};
  const Route* route = nullptr;  // null without a fault: no route takes the path, 404
  std::string_view path{};       // matched and forwarded
  By by = By::as_sent;
  // refused: the reading that takes another route; empty if the path itself is refused.
  std::string_view other_path{};
  // normal and refused: the route that another reading takes; null: none.
  const Route* other = nullptr;
};

// `query`: its path is not read. `raw`: RequestHead::path(). If `memory` is smaller than twice the
// size of `raw`, the fault may be 414. The views are of `raw` and `memory`.
PathChoice choose_path(const RouteTable& routes, const PathRules& rules, const RouteQuery& query,
                       std::string_view raw, std::span<char> memory);

}  // namespace weir
