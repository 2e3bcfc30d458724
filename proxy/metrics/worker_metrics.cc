#include "metrics/worker_metrics.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace weir {

void SeriesIds::add(const SeriesIds& more) {
  listeners.insert(listeners.end(), more.listeners.begin(), more.listeners.end());
  clusters.insert(clusters.end(), more.clusters.begin(), more.clusters.end());
  backends.insert(backends.end(), more.backends.begin(), more.backends.end());
  routes.insert(routes.end(), more.routes.begin(), more.routes.end());
}

size_t SeriesIds::most() const {
  return std::max({listeners.size(), clusters.size(), backends.size(), routes.size()});
}

SeriesIds SeriesIds::part(size_t from, size_t count) const {
  const auto cut = [&](const std::vector<uint32_t>& ids) {
    const size_t begin = std::min(from, ids.size()), end = std::min(from + count, ids.size());
    return std::vector<uint32_t>(ids.begin() + static_cast<ptrdiff_t>(begin),
                                 ids.begin() + static_cast<ptrdiff_t>(end));
  };
  return {cut(listeners), cut(clusters), cut(backends), cut(routes)};
}

template <typename Cells>
Cells& CellTable<Cells>::at(uint32_t id) {
  if (id >= cells_.size()) cells_.resize(id + 1);
  if (!cells_[id]) cells_[id] = std::make_unique<Cells>();
  return *cells_[id];
}

template <typename Cells>
void CellTable<Cells>::forget(uint32_t id) {
  if (id < cells_.size()) cells_[id].reset();
}

template <typename Cells>
bool CellTable<Cells>::copy(std::vector<ReportEntry<Cells>>& entries, uint32_t& next,
                            size_t& most) const {
  for (; next < cells_.size() && most > 0; ++next) {
    if (!cells_[next]) continue;
    entries.push_back({next, *cells_[next]});
    --most;
  }
  return next >= cells_.size();
}

template class CellTable<ListenerCells>;
template class CellTable<ClusterCells>;
template class CellTable<BackendCells>;
template class CellTable<RouteCells>;

void WorkerMetrics::begin_generation() {
  listeners_.each([](ListenerCells& cells) { cells.begin_generation(); });
}

void WorkerMetrics::forget(const SeriesIds& ids) {
  for (uint32_t id : ids.listeners) {
    DCHECK(listeners_.at(id).active.sum() == 0);
    listeners_.forget(id);
  }
  for (uint32_t id : ids.clusters) clusters_.forget(id);
  for (uint32_t id : ids.backends) {
    DCHECK(backends_.at(id).active.value == 0 && load_of_all_addresses(id) == 0);
    backends_.forget(id);
  }
  for (uint32_t id : ids.routes) {
    DCHECK(routes_.at(id).in_flight.value == 0);
    routes_.forget(id);
  }
}

void WorkerMetrics::release_load(uint32_t backend, uint64_t salt) {
  const auto found = loads_of_addresses_.find({backend, salt});
  CHECK(found != loads_of_addresses_.end());
  if (--found->second.holders > 0) return;
  DCHECK(found->second.load == 0);
  loads_of_addresses_.erase(found);
}

int64_t WorkerMetrics::load_of_all_addresses(uint32_t backend) const {
  int64_t sum = backend < loads_.size() ? loads_[backend] : 0;
  for (auto it = loads_of_addresses_.lower_bound({backend, 0});
       it != loads_of_addresses_.end() && it->first.first == backend; ++it)
    sum += it->second.load;
  return sum;
}

WorkerReport WorkerMetrics::report() {
  PartialReport whole;
  report_some(whole, std::numeric_limits<size_t>::max());
  return std::move(whole.report);
}

bool WorkerMetrics::report_some(PartialReport& partial, size_t cells) {
  WorkerReport& report = partial.report;
  const size_t backends = report.backends.size();
  const bool complete = listeners_.copy(report.listeners, partial.listeners, cells) &&
                        clusters_.copy(report.clusters, partial.clusters, cells) &&
                        backends_.copy(report.backends, partial.backends, cells) &&
                        routes_.copy(report.routes, partial.routes, cells);
  for (size_t i = backends; i < report.backends.size(); ++i)
    report.backends[i].cells.load = load_of_all_addresses(report.backends[i].id);
  if (!complete) return false;
  report.worker = worker_;
  report.self = self_;
  self_.loop_lag = {};
  return true;
}

}  // namespace weir
