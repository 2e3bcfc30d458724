// The readings of a request's path by servers. The same path has several readings: as it was sent;
// with encodings in one spelling and dot segments resolved; with slashes merged; with %2F, '\' and
// %5C taken for slashes; without the parameters of segments. routing/path_choice.h compares the
// routes of the readings. Pure functions, no allocation, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/message.h"
#include "http/path_rules.h"

namespace weir {

// How a server reads a path. Encodings are always in the one spelling of base/percent.h.
struct PathReading {
  bool dots = false;         // dot segments are resolved
  bool merge = false;        // empty segments are left out
  bool slashes = false;      // %2F separates segments
  bool backslashes = false;  // so do '\' and %5C
  bool parameters = false;   // the text from a ';' to the end of the segment is left out
  friend bool operator==(const PathReading&, const PathReading&) = default;
};

// The reading that explicit rules demand; automatic rules demand none.
PathReading demanded(const PathRules& rules);
// The same, and with dot segments and double slashes normalized, as RFC 3986 6.2.2 and common
// servers do, unless the rules keep them.
PathReading normal(const PathRules& rules);

// No byte in which readings can differ: every server reads this path in the same way.
bool is_plain(std::string_view raw);

// `raw` begins with '/' and has no query: RequestHead::path(). 400 for paths that the rules refuse
// and, under all rules, for %00 and a '%' without two hexadecimal digits.
[[nodiscard]] Fault check_path(std::string_view raw, const PathRules& rules);

struct PathText {
  std::string_view path;  // in `memory`
  Fault fault;            // 400: the path goes above the root; 414: `memory` is smaller than `raw`
  uint32_t dots = 0;      // dot segments that were resolved
  bool merged = false;    // an empty segment was left out
  bool changed = false;   // more than the spelling of encodings
};
// Only for a path that check_path() accepts.
[[nodiscard]] PathText read_path(std::string_view raw, const PathReading& how,
                                 std::span<char> memory);

// Whether dot segments lead above the root. The reading with merged slashes is stricter than the
// reading without.
bool goes_above_root(std::string_view raw, const PathReading& how);

}  // namespace weir
