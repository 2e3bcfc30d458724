// WorkerMetrics: every cell of one worker. Owner: the worker; its thread only.
//
// Series are addressed by the ids that the control thread's SeriesRegistry gives. References stay
// valid until forget(), which the control thread asks for when nothing can be using them any more.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/cells.h"

namespace weir {

// Ids of series, by kind.
struct SeriesIds {
  std::vector<uint32_t> listeners;
  std::vector<uint32_t> clusters;
  std::vector<uint32_t> backends;
  std::vector<uint32_t> routes = {};
  bool empty() const {
    return listeners.empty() && clusters.empty() && backends.empty() && routes.empty();
  }
};

template <typename Cells>
struct ReportEntry {
  uint32_t id;
  Cells cells;
};

// A copy of all cells of a worker at one moment, between two turns of its loop.
struct WorkerReport {
  uint32_t worker = 0;
  WorkerCells self;
  std::vector<ReportEntry<ListenerCells>> listeners;
  std::vector<ReportEntry<ClusterCells>> clusters;
  std::vector<ReportEntry<BackendCells>> backends;
  std::vector<ReportEntry<RouteCells>> routes = {};
};

// Cells by id, at stable addresses.
template <typename Cells>
class CellTable {
 public:
  Cells& at(uint32_t id);
  void forget(uint32_t id);
  std::vector<ReportEntry<Cells>> copy() const;
  template <typename Visit>
  void each(Visit visit) {
    for (auto& cells : cells_) {
      if (cells) visit(*cells);
    }
  }

 private:
  std::vector<std::unique_ptr<Cells>> cells_;
};

class WorkerMetrics {
 public:
  explicit WorkerMetrics(uint32_t worker) : worker_(worker) {}

  // Made, all zero, when first asked for.
  ListenerCells& listener(uint32_t id) { return listeners_.at(id); }
  RouteCells& route(uint32_t id) { return routes_.at(id); }
  ClusterCells& cluster(uint32_t id) { return clusters_.at(id); }
  BackendCells& backend(uint32_t id) { return backends_.at(id); }
  WorkerCells& self() { return self_; }

  // A new config is in force on this worker: open sessions count as old from now on.
  void begin_generation();
  void forget(const SeriesIds& ids);
  // Copies every cell; peaks start anew.
  WorkerReport report();

 private:
  const uint32_t worker_;
  WorkerCells self_;
  CellTable<ListenerCells> listeners_;
  CellTable<ClusterCells> clusters_;
  CellTable<BackendCells> backends_;
  CellTable<RouteCells> routes_;
};

}  // namespace weir
