// How the host and the path of a request are compared with the patterns of routes and rules. Pure
// functions, no allocation, any thread.
#pragma once

#include <string_view>

namespace weir {

constexpr bool is_wildcard(std::string_view pattern) {
  return pattern.starts_with("*.");
}

// "example.com" or "*.example.com", in lower case, against a host in lower case. A wildcard stands
// for one or more labels.
bool host_matches(std::string_view pattern, std::string_view host);

// The slashes at the end of a prefix are not compared: "/v1/" and "/v1" match the same paths.
std::string_view without_last_slashes(std::string_view prefix);

// Whether `path` begins with the segments of `prefix`, which is in the one spelling of
// base/percent.h and does not end with a slash. Hexadecimal digits compare in either case.
bool begins_with(std::string_view path, std::string_view prefix);

}  // namespace weir
