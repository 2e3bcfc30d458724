// TouchedSessions: the number of open sessions that a change of the configuration affects: those of
// the backend, the cluster or the listener that the change names; 0 for other changes. A kept
// connection is no session. Made once for all changes of a configuration; any thread.
#pragma once

#include <map>
#include <string_view>
#include <utility>

#include "config/plan.h"
#include "routing/snapshot.h"
#include "worker/workers.h"

namespace weir {

class TouchedSessions {
 public:
  // `current` outlives it, since the names are those in it.
  TouchedSessions(const Snapshot& current, const WorkerReports& reports);
  uint64_t of(const config::Change& change) const;

 private:
  using Names = std::pair<std::string_view, std::string_view>;

  // Over all workers; entries without sessions are left out.
  std::map<std::string_view, int64_t> listeners_;
  std::map<Names, int64_t> backends_;  // by cluster and name; without a name: of the cluster
};

}  // namespace weir
