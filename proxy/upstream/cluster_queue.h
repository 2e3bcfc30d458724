// ClusterQueue: a worker's line of a cluster's queue: its requests and TCP sessions that wait until
// a backend has room. Their order is that of the WaitQueue, over all workers.
//
// Owner: the clusters of that name in all the worker's snapshot views share it; thread: the
// worker's, except what the WaitQueue reads under its mutex. A waiter that is called tries with the
// configuration in force. If it finds room it leaves; if not, it goes back to where it was. No
// event marks the end of a hold-off or an ejection: while requests wait, the oldest one of the
// process looks for room every kLook.
#pragma once

#include "event/event_loop.h"
#include "metrics/worker_metrics.h"
#include "upstream/cluster_shared.h"

namespace weir {

struct PoolNode : ListNode {};
class Pool;

class ClusterQueue final : private Deadline, private Bell::Listener {
 public:
  static constexpr Duration kLook = 100ms;

  ClusterQueue(EventLoop& loop, ClusterCells& cells, std::shared_ptr<ClusterShared> shared);
  ~ClusterQueue();

  // False: `most` wait already. `since`: when it came first.
  [[nodiscard]] bool enter(QueueWaiter& waiter, const Wish& wish, TimePoint since, uint32_t most);
  // It has found room, or does not wait any more; also if it does not wait.
  void leave(QueueWaiter& waiter);
  // It was called and found no room: back to where it was.
  void enter_again(QueueWaiter& waiter, const Wish& wish);

  // A request that comes now must wait behind others, of any worker.
  bool awaited() const { return shared_->queue.waiting() > 0; }
  // A place of `backend` may be free: hands it over. `own_room`: see WaitQueue.
  void serve(Backend& backend, bool own_room) {
    if (awaited()) shared_->queue.serve(backend, *this, loop_.now(), own_room);
  }
  // There may be room of another kind: the oldest waiter looks.
  void look();
  // An idle connection to `backend` would keep a waiter of another worker from it.
  bool wanted_elsewhere(const Backend& backend) const;

  uint32_t length() const { return length_; }  // of this worker's waiters
  ClusterShared& shared() const { return *shared_; }
  // Idle private connections of the cluster's pools (Pool::keep_private).
  void count_private(bool one_more) { one_more ? ++private_ : --private_; }
  bool has_private() const { return private_ > 0; }
  IntrusiveList<Pool, PoolNode>& pools() { return pools_; }

 private:
  friend class WaitQueue;
  void on_deadline() override;
  void on_bell() override;
  void resume_called();
  void shed();
  void changed(uint32_t length);
  const std::shared_ptr<Bell>& bell() const { return bell_; }

  EventLoop& loop_;
  ClusterCells& cells_;  // of all clusters that share it
  const std::shared_ptr<ClusterShared> shared_;
  const std::shared_ptr<Bell> bell_;
  IntrusiveList<QueueWaiter> called_;  // under the mutex of the WaitQueue
  bool may_shed_ = false;              // this, too
  IntrusiveList<Pool, PoolNode> pools_;
  uint32_t length_ = 0;
  uint32_t private_ = 0;
};

}  // namespace weir
