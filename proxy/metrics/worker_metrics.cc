#include "metrics/worker_metrics.h"

#include "base/check.h"

namespace weir {

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
std::vector<ReportEntry<Cells>> CellTable<Cells>::copy() const {
  std::vector<ReportEntry<Cells>> entries;
  entries.reserve(cells_.size());
  for (uint32_t id = 0; id < cells_.size(); ++id) {
    if (cells_[id]) entries.push_back({id, *cells_[id]});
  }
  return entries;
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
    DCHECK(backends_.at(id).active.value == 0);
    backends_.forget(id);
  }
  for (uint32_t id : ids.routes) {
    DCHECK(routes_.at(id).in_flight.value == 0);
    routes_.forget(id);
  }
}

WorkerReport WorkerMetrics::report() {
  WorkerReport report{worker_,          self_,         listeners_.copy(), clusters_.copy(),
                      backends_.copy(), routes_.copy()};
  self_.loop_lag = {};
  return report;
}

}  // namespace weir
