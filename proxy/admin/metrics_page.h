// MetricsPage: the text of /metrics. Collects fresh reports of the workers, adds the state of the
// control thread, and renders both on the background thread. Concurrent scrapes share one
// rendering. Releases expired series, with or without scrapes.
//
// Owner: the server; thread: the control loop's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/control.h"
#include "control/drain.h"
#include "event/timer.h"
#include "metrics/collector.h"

namespace weir {

class MetricsPage {
 public:
  // Without a scraper weir keeps the last value of a removed series for this time only.
  static constexpr Duration kUnseenRetention = 30s;

  using Done = std::function<void(std::string)>;

  MetricsPage(Control control, const DrainCoordinator& drain);
  void render(Done done);

 private:
  // What one rendering reads and writes.
  struct Scene {
    std::shared_ptr<const Snapshot> snapshot;
    ProcessState state;  // a copy
    WorkerReports reports;
    TimePoint now;
  };
  void refresh_drain(const SessionSurvey& survey);
  void refresh_process();
  void finish();
  void hand_out(const std::string& text, const std::shared_ptr<Scene>& scene);
  std::string text_of(Scene& scene);
  void release_expired();
  void forget(std::shared_ptr<const SeriesIds> expired, size_t from);

  Control control_;
  const DrainCoordinator& drain_;
  Collector collector_;  // the background thread's
  std::vector<Done> waiting_;
  std::shared_ptr<Scene> last_;  // of the last rendering; null while one is under way
  std::optional<TimePoint> scraped_;
  Timer release_;
};

// The status of a backend, for metrics and /v1/status: of one address; of several addresses, the
// best status among them.
BackendStatus status_of(const ClusterSpec& cluster, const HostSpec& host, TimePoint now);
BackendStatus status_of(const ClusterSpec& cluster, std::span<const HostSpec> addresses,
                        TimePoint now);

}  // namespace weir
