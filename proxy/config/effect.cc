#include "config/effect.h"

#include "base/check.h"

namespace weir::config {

const char* text(Effect effect) {
  switch (effect) {
    case Effect::live: return "live";
    case Effect::new_requests: return "new_requests";
    case Effect::new_sessions: return "new_sessions";
    case Effect::rebind: return "rebind";
    case Effect::restart: return "restart";
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir::config
