// When a changed value takes effect after a reload, from the least to the most disruptive.
#pragma once

#include <cstdint>

namespace weir::config {

enum class Effect : uint8_t {
  live,          // at once, also for open connections
  new_requests,  // HTTP connections take it with their next request
  new_sessions,  // open sessions keep the value they started with
  rebind,        // a listening socket is opened or closed; open sessions continue
  restart,       // not before the next start; a reload keeps the old value and reports it
};

const char* text(Effect);  // "live", "new_sessions", …

}  // namespace weir::config
