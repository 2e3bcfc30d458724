// What a listener does with the parts of a path that servers read in different ways. Values only.
#pragma once

#include "base/closed_list.h"

namespace weir {

// `automatic`: the path is forwarded as it was received unless a reading of it takes another route.

// %2F; with `reject`, backslashes and %5C too, which some servers read as slashes. `decode` makes
// a %2F the slash it stands for before anything else is looked at; `keep` leaves it within its
// segment, where it may not hide a dot segment ("..%2f..") unless those are kept as well.
enum class EncodedSlashes : uint8_t { automatic, reject, keep, decode };
constexpr auto list_names(EncodedSlashes) {
  return std::to_array<const char*>({"auto", "reject", "keep", "decode"});
}

// "." and "..", also spelled with %2e. `normalize` follows RFC 3986 5.2.4 but refuses to go above
// the root; it refuses one with parameters ("..;x"), as `reject` does: servlet containers resolve
// it to the parent.
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
