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
#define HTTP_LISTENER(type, member, name, labels, help)
#include "metrics/metrics.def"
    ;
constexpr size_t kHttpListener = 0
#define HTTP_LISTENER(type, member, name, labels, help) +kSeriesOf<type>
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
#define HTTP_CLUSTER(type, member, name, labels, help)
#include "metrics/metrics.def"
    ;
constexpr size_t kHttpCluster = 0
#define HTTP_CLUSTER(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kClusterState = 0
#define CLUSTER_STATE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kBackend = 0
#define BACKEND(type, member, name, labels, help) +kSeriesOf<type>
#define HTTP_BACKEND(type, member, name, labels, help)
#include "metrics/metrics.def"
    ;
constexpr size_t kHttpBackend = 0
#define HTTP_BACKEND(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;
constexpr size_t kBackendState = 0
#define BACKEND_STATE(type, member, name, labels, help) +kSeriesOf<type>
#include "metrics/metrics.def"
    ;

}  // namespace

size_t routes_with_series(const SeriesDemand& demand, size_t max_series) {
  // A listener of HTTP has the routes `none` and, when some are left out, `other`.
  const size_t others =
      kProcess + demand.workers * kWorker + demand.listeners * (kListener + kListenerState) +
      demand.http_listeners * (kHttpListener + 2 * kRoute) +
      demand.clusters * (kCluster + kClusterState) + demand.http_clusters * kHttpCluster +
      demand.backends * (kBackend + kBackendState) + demand.http_backends * kHttpBackend;
  return others >= max_series ? 0 : std::min(demand.routes, (max_series - others) / kRoute);
}

size_t series_of_backend_state() {
  return kBackendState - 1;
}

size_t series_of_backend(bool http) {
  return kBackend + (http ? kHttpBackend : 0);
}

size_t series_of_listener(bool http) {
  return kListener + (http ? kHttpListener : 0);
}

size_t series_of_cluster(bool http) {
  return kCluster + (http ? kHttpCluster : 0);
}

}  // namespace weir
