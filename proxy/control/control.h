// Control: what the coordinators of the control thread work on together. Owned, piece by piece, by
// the Server; all of it belongs to the control loop's thread.
#pragma once

#include "base/log.h"
#include "control/background.h"
#include "control/snapshot_store.h"
#include "health/health_check.h"
#include "metrics/process_state.h"
#include "worker/workers.h"

namespace weir {

struct Control {
  EventLoop& loop;
  Log& log;
  ProcessState& state;
  SnapshotStore& store;
  Workers& workers;
  HealthChecks& checks;
  Background& background;
};

// The log as the configuration wants it.
LogOptions log_options(const config::Logging& logging);
// Seconds since 1970.
double unix_now();

}  // namespace weir
