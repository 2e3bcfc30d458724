// MetricsPage: the text of /metrics. Asks the workers for fresh reports, adds what the control
// thread knows, and has the background thread render it. Scrapes at the same time share one
// rendering. Releases the series that have expired, whether anybody scrapes or not.
//
// Owner: the server; thread: the control loop's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "event/timer.h"
#include "metrics/collector.h"
#include "server/control.h"
#include "server/drain.h"

namespace weir {

class MetricsPage {
 public:
  // Without a scraper nobody will see the last value of a removed series.
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

// What a backend is doing, in one word: for metrics and for the status. Of one address, and of all
// of a backend: what the best of them does.
BackendStatus status_of(const ClusterSpec& cluster, const HostSpec& host, TimePoint now);
BackendStatus status_of(const ClusterSpec& cluster, std::span<const HostSpec> addresses,
                        TimePoint now);

}  // namespace weir
