#include "http/h2_priority.h"

#include "http/semantics.h"

namespace weir {

// A dictionary of RFC 8941 3.2, as far as its two members need it.
H2Priority parse_h2_priority(std::string_view value) {
  H2Priority priority;
  for (std::string_view member; next_member(value, member);) {
    const std::string_view item = member.substr(0, member.find(';'));  // without parameters
    if (item == "i" || item == "i=?1")
      priority.incremental = true;
    else if (item == "i=?0")
      priority.incremental = false;
    else if (item.size() == 3 && item.starts_with("u=") && item[2] >= '0' && item[2] <= '7')
      priority.urgency = static_cast<uint8_t>(item[2] - '0');
  }
  return priority;
}

}  // namespace weir
