#include "metrics/process_state.h"

namespace weir {

void ProcessState::applied(uint64_t generation, std::string hash, double unix_now) {
  config_generation.set(static_cast<int64_t>(generation));
  config.set({std::move(hash)});
  last_reload_ok.set(true);
  last_reload_success.set(unix_now);
}

void ProcessState::forget(const SeriesIds& ids) {
  for (uint32_t id : ids.listeners) listeners.erase(id);
  for (uint32_t id : ids.backends) backends.erase(id);
}

}  // namespace weir
