// Ejections: outlier detection of one cluster as one worker sees it: which backends are ejected for
// their failures, and which of their requests end the ejection.
//
// Owner: a Cluster; thread: the worker's. The rows of errors and the ejections are those of all
// workers (Outlier); the shares of failures are this worker's (Tally), and are compared with those
// of the other backends (judge()). Timeouts eject no backend while at least half of the other
// backends in use have many, too: the cluster has more work than it can do, and with a backend less
// the others would have even more.
#pragma once

#include <memory>
#include <vector>

#include "metrics/worker_metrics.h"
#include "upstream/cluster_spec.h"
#include "upstream/tally.h"
#include "upstream/verdict.h"

namespace weir {

class Ejections {
 public:
  Ejections(const ClusterSpec& spec, WorkerMetrics& metrics);

  // Once for each request that was sent to a backend: its response was relayed whole; it has a
  // status that is the backend's failure; there was no usable response, or it was cut; or none came
  // in time.
  void note_success(BackendIndex host, TimePoint now);
  void note_failure(BackendIndex host, TimePoint now);
  void note_timeout(BackendIndex host, TimePoint now);
  bool is_failure(BackendIndex host, unsigned status, TimePoint now) const;

  // True: the request that is about to be sent is the trial of an ejected backend. It ends the
  // trial, instead of the three above, with the status of its response or otherwise.
  bool begin_trial(BackendIndex host, TimePoint now);
  bool end_trial(BackendIndex host, unsigned status, TimePoint now);  // true: it has passed
  void end_trial(BackendIndex host, Outlier::Trial how, TimePoint now);

 private:
  using Outcome = Tally::Outcome;

  void note_error(BackendIndex host, Outlier::Error error, TimePoint now);
  bool fails_more_than_others(BackendIndex host, uint32_t row, bool overload, TimePoint now) const;
  bool others_time_out(BackendIndex host, TimePoint now) const;
  Tally::Counts recent(BackendIndex host, Duration span, TimePoint now) const;
  bool has_comparison(BackendIndex host, TimePoint now) const;
  Outcomes others(BackendIndex host, bool overload, TimePoint now) const;
  bool may_judge(TimePoint now);
  bool may_eject() const;
  Tally& tally(BackendIndex host) {
    std::unique_ptr<Tally>& tally = tallies_[host];
    if (!tally) tally = std::make_unique<Tally>();
    return *tally;
  }

  const ClusterSpec& spec_;
  WorkerMetrics& metrics_;
  // By index in spec_.hosts; null: not used yet. Empty without outlier detection.
  std::vector<std::unique_ptr<Tally>> tallies_;
  TimePoint judge_after_{};
};

}  // namespace weir
