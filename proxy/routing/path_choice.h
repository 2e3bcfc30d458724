// The route of a request and the path it is forwarded with, where servers may read the path in
// several ways (http/path.h). `weir explain` and the data path use the same function.
//
// If all readings match the same route, the path is forwarded byte by byte as received, because
// clients sign it. If a reading that resolves dot segments, merges slashes or decodes needless
// encodings matches another route, the normal form is matched and forwarded. If a reading of
// encoded slashes, backslashes or parameters matches another route, the request is refused with
// 400. Explicit path rules of the listener are applied first; the readings are of their result.
//
// Nearly all paths are plain: one look-up. So is a path that no explicit rule changes, on a
// listener whose routes do not depend on paths. Any other path needs one look-up for each reading,
// at most 34. Therefore a path with several readings is refused with 414 if it is longer than 8
// KiB.
#pragma once

#include <span>
#include <string_view>

#include "http/path.h"
#include "routing/route_table.h"

namespace weir {

struct PathChoice {
  // The form of the path that is forwarded; `refused`: no path is forwarded.
  enum class By : uint8_t { as_sent, normal, refused };

  Fault fault{};
  const Route* route = nullptr;  // null without a fault: no route matches, 404
  std::string_view path{};       // matched and forwarded
  By by = By::as_sent;
  // refused: the reading that matches another route; empty if the path itself is invalid.
  std::string_view other_path{};
  // normal and refused: the route that another reading matches; null: none.
  const Route* other = nullptr;
};

// `query`: its path is not read. `raw`: RequestHead::path(). If `memory` is smaller than twice the
// size of `raw`, the fault may be 414. The views are of `raw` and `memory`.
PathChoice choose_path(const RouteTable& routes, const PathRules& rules, const RouteQuery& query,
                       std::string_view raw, std::span<char> memory);

}  // namespace weir
