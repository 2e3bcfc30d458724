#include "metrics/series_budget.h"

#include <algorithm>

namespace weir {
namespace {

// The number of series of one listener, route, cluster or backend. HTTP rows are added for HTTP.
struct SeriesOfScopes {
  size_t process = 0, worker = 0, route = 0;
  size_t listener = 0, http_listener = 0, listener_state = 0;
  size_t cluster = 0, http_cluster = 0, cluster_state = 0;
  size_t backend = 0, http_backend = 0, backend_state = 0;
};

constexpr SeriesOfScopes count_series() {
  SeriesOfScopes per;
#define PROCESS(type, member, name, labels, help) per.process += kSeriesOf<type>;
#define WORKER(type, member, name, labels, help) per.worker += kSeriesOf<type>;
#define ROUTE(type, member, name, labels, help) per.route += kSeriesOf<type>;
#define LISTENER(type, member, name, labels, help) per.listener += kSeriesOf<type>;
#define HTTP_LISTENER(type, member, name, labels, help) per.http_listener += kSeriesOf<type>;
#define LISTENER_STATE(type, member, name, labels, help) per.listener_state += kSeriesOf<type>;
#define CLUSTER(type, member, name, labels, help) per.cluster += kSeriesOf<type>;
#define HTTP_CLUSTER(type, member, name, labels, help) per.http_cluster += kSeriesOf<type>;
#define CLUSTER_STATE(type, member, name, labels, help) per.cluster_state += kSeriesOf<type>;
#define BACKEND(type, member, name, labels, help) per.backend += kSeriesOf<type>;
#define HTTP_BACKEND(type, member, name, labels, help) per.http_backend += kSeriesOf<type>;
#define BACKEND_STATE(type, member, name, labels, help) per.backend_state += kSeriesOf<type>;
#include "metrics/metrics.def"
  return per;
}

constexpr SeriesOfScopes kPer = count_series();

}  // namespace

size_t routes_with_series(const SeriesDemand& demand, size_t max_series) {
  // An HTTP listener has the routes `none` and, if some routes have no series of their own,
  // `other`.
  const size_t others = kPer.process + demand.workers * kPer.worker +
                        demand.listeners * (kPer.listener + kPer.listener_state) +
                        demand.http_listeners * (kPer.http_listener + 2 * kPer.route) +
                        demand.clusters * (kPer.cluster + kPer.cluster_state) +
                        demand.http_clusters * kPer.http_cluster +
                        demand.backends * (kPer.backend + kPer.backend_state) +
                        demand.http_backends * kPer.http_backend;
  return others >= max_series ? 0 : std::min(demand.routes, (max_series - others) / kPer.route);
}

size_t series_of_backend_state() {
  return kPer.backend_state - 1;
}

size_t series_of_backend(bool http) {
  return kPer.backend + (http ? kPer.http_backend : 0);
}

size_t series_of_listener(bool http) {
  return kPer.listener + (http ? kPer.http_listener : 0);
}

size_t series_of_cluster(bool http) {
  return kPer.cluster + (http ? kPer.http_cluster : 0);
}

}  // namespace weir
