// The number of series of a configuration, and how many of its routes can have their own. Computed
// from the table of metrics; pure functions.
//
// If there are more than `metrics.max_series`, series are left out in this order: first those of
// routes, whose requests are counted as requests of the route `other` of their listener; then,
// while a page is rendered, the details of backends, their states, the rows of clusters, those of
// listeners, weir_backend_up, and last the numbers of usable backends. The series of the process
// and of its workers are always there.
#pragma once

#include <cstddef>

#include "metrics/cell_types.h"
#include "metrics/request_counts.h"

namespace weir {

// Of one cell.
template <typename Cell>
inline constexpr size_t kSeriesOf = 1;
template <typename Cell, typename Label>
inline constexpr size_t kSeriesOf<By<Cell, Label>> = kListSize<Label>;
template <typename Label>
inline constexpr size_t kSeriesOf<OneHot<Label>> = kListSize<Label>;
// For routes without gRPC; others use room that is left.
template <typename Label>
inline constexpr size_t kSeriesOf<SparseBy<Label>> = 1;
template <const auto& kBounds>
inline constexpr size_t kSeriesOf<Histogram<kBounds>> = kBounds.size() + 3;
template <const auto& kBounds>
inline constexpr size_t kSeriesOf<NumberHistogram<kBounds>> = kBounds.size() + 3;
// Pairs of method and status that are reserved for a route; a route with more pairs uses room that
// is left.
template <>
inline constexpr size_t kSeriesOf<RequestCounts> = 12;

struct SeriesDemand {
  size_t workers = 0, listeners = 0, clusters = 0, backends = 0, routes = 0;
  // The ones among them that carry HTTP and have its rows, too.
  size_t http_listeners = 0, http_clusters = 0, http_backends = 0;
};

// The number of routes that can have series of their own.
size_t routes_with_series(const SeriesDemand& demand, size_t max_series);

// Series of one backend: of its state without weir_backend_up, and of the rest. `http`: with the
// rows of HTTP.
size_t series_of_backend_state();
size_t series_of_backend(bool http);
size_t series_of_listener(bool http);
size_t series_of_cluster(bool http);

}  // namespace weir
