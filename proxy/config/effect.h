// What a change of a value takes when the configuration is reloaded, from the mildest to the
// hardest.
#pragma once

#include <cstdint>

namespace weir::config {

enum class Effect : uint8_t {
  live,          // at once, for everything that is open too
  new_requests,  // HTTP connections take it with their next request
  new_sessions,  // open sessions keep the value they started with
  rebind,        // a listening socket is opened or closed; open sessions go on
  restart,       // not before the next start; a reload keeps the old value and says so
};

const char* text(Effect);  // "live", "new_sessions", …

}  // namespace weir::config
