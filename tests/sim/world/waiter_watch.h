// WaiterWatch: checks after every turn whether requests wait although a backend has room.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/worker.h"

namespace weir::sim {

class WaiterWatch {
 public:
  // A waiter is woken at once when capacity is free. The queue polls for the end of a back-off,
  // which has no event; a request that has failed at a backend may wait for another one for the
  // same time, and so may one for a place on a shared connection.
  static constexpr Duration kSoon = 10ms, kByTheQueue = ClusterQueue::kLook + 100ms;

  void look(Worker& worker, TimePoint now, std::vector<std::string>& failures);
  uint64_t waited() const { return waited_; }  // turns after which a request waited

 private:
  std::map<std::string, TimePoint> since_;       // by cluster
  std::map<std::string, TimePoint> left_alone_;  // the last time that one of its backends was
  uint64_t waited_ = 0;
};

}  // namespace weir::sim
