// One spelling of a path before routes look at it: what is matched is what is forwarded. Pure
// functions, no allocation, any thread.
//
// Percent-encodings that no option speaks of stay as they are, byte for byte, even those that need
// not be encoded: a signature over the path still fits, and %41 is not matched by a route for A.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/message.h"

namespace weir {

// %2F; with `reject`, backslashes and %5C too, which some backends read as slashes. `decode` makes
// a %2F the slash it stands for before anything else is looked at; `keep` leaves it within its
// segment, where it may not hide a dot segment ("..%2f..") unless those are kept as well.
enum class EncodedSlashes : uint8_t { reject, keep, decode };
// "." and "..", also spelt with %2e. `normalize` follows RFC 3986 5.2.4 but refuses to go above the
// root. Unless they are kept, one with parameters ("..;x") is refused: servlets walk up by it.
enum class DotSegments : uint8_t { normalize, reject, keep };
enum class DoubleSlashes : uint8_t { merge, keep };

struct PathRules {
  EncodedSlashes encoded_slashes = EncodedSlashes::reject;
  DotSegments dot_segments = DotSegments::normalize;
  DoubleSlashes double_slashes = DoubleSlashes::merge;
};

struct NormalPath {
  std::string_view path;  // `raw` itself when nothing had to change, else in `memory`
  Fault fault;            // 400; 414 when `memory` is too small, which raw.size() bytes never are
};

// `raw` begins with '/' and has no query: RequestHead::path(). Whatever the rules, %00 and a '%'
// that two hexadecimal digits do not follow are refused.
[[nodiscard]] NormalPath normalize_path(std::string_view raw, const PathRules& rules,
                                        std::span<char> memory);

}  // namespace weir
