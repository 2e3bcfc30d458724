#include "http/patterns.h"

#include "base/percent.h"

namespace weir {

bool host_matches(std::string_view pattern, std::string_view host) {
  if (!is_wildcard(pattern)) return pattern == host;
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

std::string_view without_last_slashes(std::string_view prefix) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return prefix;
}

bool begins_with(std::string_view path, std::string_view prefix) {
  return is_spelled_as(path.substr(0, prefix.size()), prefix) &&
         (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace weir
