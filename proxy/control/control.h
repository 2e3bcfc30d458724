// Control: references to the objects that the coordinators of the control thread share. The Server
// owns the objects. Thread: the control loop's.
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

// The log options of a configuration.
LogOptions log_options(const config::Logging& logging);
// Seconds since 1970.
double unix_now();

}  // namespace weir
