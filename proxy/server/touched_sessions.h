// How many open sessions a change of the configuration is about: those of the backend, the cluster
// or the listener that it names. None for what concerns no session. Control thread.
#pragma once

#include "config/plan.h"
#include "routing/snapshot.h"
#include "server/workers.h"

namespace weir {

uint64_t touched_sessions(const config::Change& change, const Snapshot& current,
                          Workers::Reports reports);

}  // namespace weir
