// WorkerMetrics: every cell of one worker. Owner: the worker; its thread only.
//
// Series are addressed by the ids that the control thread's SeriesRegistry gives. References stay
// valid until forget(), which the control thread requests when they can no longer be used.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
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
  void add(const SeriesIds& more);
  // The length of the longest list; of each list the entries from `from` on, so many at most.
  size_t most() const;
  SeriesIds part(size_t from, size_t count) const;
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

// Of all workers. Immutable, so that it can be read on another thread.
using WorkerReports = std::vector<std::shared_ptr<const WorkerReport>>;

// Cells by id, at stable addresses.
template <typename Cells>
class CellTable {
 public:
  Cells& at(uint32_t id);
  void forget(uint32_t id);
  // Adds up to `most` entries from the id `next` on, and advances `next`. True: there are no more
  // entries.
  bool copy(std::vector<ReportEntry<Cells>>& entries, uint32_t& next, size_t& most) const;
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

  // Each is made, all zero, at its first use.
  ListenerCells& listener(uint32_t id) { return listeners_.at(id); }
  RouteCells& route(uint32_t id) { return routes_.at(id); }
  ClusterCells& cluster(uint32_t id) { return clusters_.at(id); }
  BackendCells& backend(uint32_t id) { return backends_.at(id); }
  WorkerCells& self() { return self_; }
  // The load of a backend, which balancers compare: TCP sessions, those being connected included,
  // and requests under way. It is not a cell, since only backends that were used have cells.
  // `salt`: of one address of a host name, which must be held; 0: of a backend without a host name.
  int64_t& load(uint32_t backend, uint64_t salt = 0) {
    if (salt != 0) return loads_of_addresses_[{backend, salt}].load;
    if (backend >= loads_.size()) loads_.resize(backend + 1);
    return loads_[backend];
  }

  // The load of an address is kept while it is held: by each cluster that has it. Addresses of a
  // host name come and go.
  void hold_load(uint32_t backend, uint64_t salt) {
    ++loads_of_addresses_[{backend, salt}].holders;
  }
  void release_load(uint32_t backend, uint64_t salt);
  size_t loads_of_addresses() const { return loads_of_addresses_.size(); }

  // A new config is in force on this worker: open sessions count as old from now on.
  void begin_generation();
  void forget(const SeriesIds& ids);
  // Copies every cell, and resets peaks.
  WorkerReport report();
  // The same in parts of `cells` cells; the cells of a part are of one moment. True: the copy is
  // complete.
  struct PartialReport {
    WorkerReport report;
    uint32_t listeners = 0, clusters = 0, backends = 0, routes = 0;  // the next ids
  };
  bool report_some(PartialReport& partial, size_t cells);

 private:
  const uint32_t worker_;
  WorkerCells self_;
  CellTable<ListenerCells> listeners_;
  CellTable<ClusterCells> clusters_;
  CellTable<BackendCells> backends_;
  CellTable<RouteCells> routes_;
  int64_t load_of_all_addresses(uint32_t backend) const;

  struct AddressLoad {
    int64_t load = 0;
    uint32_t holders = 0;
  };
  // At stable addresses: by id of the backend; by that and the salt of the address.
  std::deque<int64_t> loads_;
  std::map<std::pair<uint32_t, uint64_t>, AddressLoad> loads_of_addresses_;
};

}  // namespace weir
