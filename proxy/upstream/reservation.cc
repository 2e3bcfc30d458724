#include "upstream/reservation.h"

#include "upstream/cluster_queue.h"

namespace weir {

void Reservation::release() {
  Backend* const backend = std::exchange(backend_, nullptr);
  if (backend == nullptr) return;
  if (take_connection()) line_->shared().give_connection(*backend);
  backend->requests().give();
}

// What was to be used was not: an idle connection of this worker may be left, which only a waiter
// of this worker can take, or which is in the way of others.
void Reservation::give_back() {
  ClusterQueue& line = *line_;
  release();
  line.look();
}

}  // namespace weir
