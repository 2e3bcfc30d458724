// The rules of a listener for the parts of a path that servers read in different ways. Values only.
#pragma once

#include "base/closed_list.h"

namespace weir {

// `automatic`: the path is forwarded as received, unless a reading of it matches another route.

// %2F; with `reject`, backslashes and %5C too, which some servers read as slashes. `decode` decodes
// %2F to a slash before any other rule; `keep` leaves it within its segment, and refuses dot
// segments that it hides ("..%2f..") unless the rule for dot segments is `keep`, too.
enum class EncodedSlashes : uint8_t { automatic, reject, keep, decode };
constexpr auto list_names(EncodedSlashes) {
  return std::to_array<const char*>({"auto", "reject", "keep", "decode"});
}

// "." and "..", also spelled with %2e. `normalize` follows RFC 3986 5.2.4 but refuses a path that
// goes above the root. Like `reject` it refuses a dot segment with parameters ("..;x"), which
// servlet containers resolve to the parent.
enum class DotSegments : uint8_t { automatic, normalize, reject, keep };
constexpr auto list_names(DotSegments) {
  return std::to_array<const char*>({"auto", "normalize", "reject", "keep"});
}

enum class DoubleSlashes : uint8_t { automatic, merge, keep };
constexpr auto list_names(DoubleSlashes) {
  return std::to_array<const char*>({"auto", "merge", "keep"});
}

struct PathRules {
  EncodedSlashes encoded_slashes{};
  DotSegments dot_segments{};
  DoubleSlashes double_slashes{};
  friend bool operator==(const PathRules&, const PathRules&) = default;
};

}  // namespace weir
