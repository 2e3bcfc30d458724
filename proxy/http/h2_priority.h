// The priority of a stream, RFC 9218 4 and 5. Pure, any thread, no allocation.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct H2Priority {
  uint8_t urgency = 3;  // 0 to 7; 0 is sent first
  bool incremental = false;
};

// Of the Priority field, or of a PRIORITY_UPDATE. What is not understood keeps its default.
H2Priority parse_h2_priority(std::string_view value);

}  // namespace weir
