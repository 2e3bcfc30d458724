#include "http/query.h"

#include <algorithm>

#include "base/percent.h"

namespace weir {

bool equals_decoded(std::string_view encoded, std::string_view text) {
  for (char c : text)
    if (encoded.empty() || take_decoded(encoded) != c) return false;
  return encoded.empty();
}

std::string_view find_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const size_t equals = std::min(part.find('='), part.size());
    if (!part.empty() && equals_decoded(part.substr(0, equals), name))
      return part.substr(std::min(equals + 1, part.size()));
  }
  return {};
}

}  // namespace weir
