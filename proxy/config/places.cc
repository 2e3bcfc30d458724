#include "config/places.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::config {

Place Places::of(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = provenance_.find(path); found != provenance_.end())
      return found->second.place;
    path = path.substr(0, std::min(path.find_last_of(".["), path.size()));
    if (path.find_last_of(".[") == std::string_view::npos && !provenance_.contains(path)) break;
  }
  return {};
}

std::string Places::defined_at(std::string_view path) const {
  return fmt::format("defined at {}", sources_.where(of(path).location));
}

}  // namespace weir::config
