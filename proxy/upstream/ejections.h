// Ejections: outlier detection of one cluster as one worker sees it: which backends are ejected for
// errors in a row.
//
// Owner: a Cluster; thread: the worker's. The rows of errors and the ejections are those of all
// workers (Outlier). Timeouts eject no backend while at least half of the other backends in use
// have many, too: the cluster has more work than it can do, and with a backend less the others
// would have even more.
#pragma once

#include <vector>

#include "metrics/worker_metrics.h"
#include "upstream/cluster_spec.h"
#include "upstream/timeout_share.h"

namespace weir {

class Ejections {
 public:
  Ejections(const ClusterSpec& spec, WorkerMetrics& metrics);

  // Once for each request that was sent to a backend: the status of the response, no usable
  // response, or none in time.
  void note_response(BackendIndex host, unsigned status, TimePoint now);
  void note_no_response(BackendIndex host, TimePoint now);
  void note_timeout(BackendIndex host, TimePoint now);

 private:
  void note_error(BackendIndex host, Outlier::Error error, TimePoint now);
  bool others_time_out(BackendIndex host, TimePoint now) const;
  bool may_eject(TimePoint now) const;

  const ClusterSpec& spec_;
  WorkerMetrics& metrics_;
  std::vector<TimeoutShare> timeouts_;  // by index in spec_.hosts; empty without outlier detection
};

}  // namespace weir
