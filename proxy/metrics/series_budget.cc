#include "metrics/series_budget.h"

#include <algorithm>

namespace weir {
namespace {

constexpr size_t kProcess = 0
#define PROCESS(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kWorker = 0
#define WORKER(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kListener = 0
#define LISTENER(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kListenerState = 0
#define LISTENER_STATE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kRoute = 0
#define ROUTE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kCluster = 0
#define CLUSTER(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kClusterState = 0
#define CLUSTER_STATE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kBackend = 0
#define BACKEND(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kBackendState = 0
#define BACKEND_STATE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;

}  // namespace

size_t routes_with_series(const SeriesDemand& demand, size_t max_series) {
  // A listener has the routes `none` and, when some are left out, `other`.
  const size_t others = kProcess + demand.workers * kWorker +
                        demand.listeners * (kListener + kListenerState + 2 * kRoute) +
                        demand.clusters * (kCluster + kClusterState) +
                        demand.backends * (kBackend + kBackendState);
  return others >= max_series ? 0 : std::min(demand.routes, (max_series - others) / kRoute);
}

size_t series_of_backend_state() {
  return kBackendState - 1;
}

size_t series_of_backend() {
  return kBackend;
}

size_t series_of_listener() {
  return kListener;
}

size_t series_of_cluster() {
  return kCluster;
}

}  // namespace weir
