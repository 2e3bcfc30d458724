// MetricsPage: the text of /metrics. Asks the workers for fresh reports, adds what the control
// thread knows. Owner: the server; thread: the control loop's. Scrapes at the same time share one
// rendering.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "metrics/collector.h"
#include "server/control.h"
#include "server/drain.h"

namespace weir {

class MetricsPage {
 public:
  using Done = std::function<void(std::string)>;

  MetricsPage(Control control, const DrainCoordinator& drain);
  void render(Done done);

 private:
  void refresh_backends();
  void refresh_drain(const SessionSurvey& survey);
  void refresh_process();
  void refresh_certificates();
  void forget_expired();
  void finish(Workers::Reports reports);

  Control control_;
  const DrainCoordinator& drain_;
  Collector collector_;
  std::vector<Done> waiting_;
};

// What a backend is doing, in one word: for metrics and for the status. Of one address, and of all
// of a backend: what the best of them does.
BackendStatus status_of(const ClusterSpec& cluster, const HostSpec& host, TimePoint now);
BackendStatus status_of(const ClusterSpec& cluster, std::span<const HostSpec> addresses,
                        TimePoint now);

}  // namespace weir
