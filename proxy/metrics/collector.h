// Collector: the text of /metrics, from the state of the control thread and the last report of
// every worker. Owner: the control thread's page; one thread at a time.
//
// It costs about two microseconds a series. The caller bounds how often it runs.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "metrics/process_state.h"
#include "metrics/registry.h"
#include "metrics/worker_metrics.h"

namespace weir {

inline constexpr size_t kMaxSeries = 60'000;
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

class Collector {
 public:
  explicit Collector(size_t max_series = kMaxSeries) : max_series_(max_series) {}

  // One report per worker, in any order. Writes the process_* and weir_metrics_* members of
  // `state`.
  std::string render(ProcessState& state, const WorkerReports& reports,
                     const SeriesRegistry& registry);

  void limit_to(size_t max_series) { max_series_ = max_series; }

 private:
  size_t max_series_;
};

}  // namespace weir
