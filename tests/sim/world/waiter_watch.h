// WaiterWatch: whether requests wait for a backend though one has room. Looked at after every turn.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "server/worker.h"

namespace weir::sim {

class WaiterWatch {
 public:
  // Longer than this, room that nobody is told of must not go unnoticed.
  static constexpr Duration kSoon = ClusterQueue::kLook + 100ms;

  void look(Worker& worker, TimePoint now, std::vector<std::string>& failures);
  uint64_t waited() const { return waited_; }  // turns after which a request waited

 private:
  std::map<std::string, TimePoint> since_;  // by cluster
  uint64_t waited_ = 0;
};

}  // namespace weir::sim
