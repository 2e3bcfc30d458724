// Ejections: outlier detection of one cluster as one worker sees it: which backends are ejected for
// errors in a row, and which of their requests end the ejection.
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

  // True: the request that is about to be sent is the trial of an ejected backend. It ends the
  // trial, instead of the three above, with the status of its response or otherwise.
  bool begin_trial(BackendIndex host, TimePoint now);
  bool end_trial(BackendIndex host, unsigned status, TimePoint now);  // true: it has passed
  void end_trial(BackendIndex host, Outlier::Trial how, TimePoint now);

 private:
  void note_error(BackendIndex host, Outlier::Error error, TimePoint now);
  bool others_time_out(BackendIndex host, TimePoint now) const;
  bool may_eject() const;

  const ClusterSpec& spec_;
  WorkerMetrics& metrics_;
  std::vector<TimeoutShare> timeouts_;  // by index in spec_.hosts; empty without outlier detection
};

}  // namespace weir
