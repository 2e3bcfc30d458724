// ClusterQueue: the requests of one worker that wait until a backend of their cluster has room, in
// the order in which they came.
//
// Owner: the clusters of that name in all the worker's snapshot views share it; thread: the
// worker's. The code that makes room calls wake(). The queue calls one waiter at a time. A waiter
// that is called tries with the configuration in force. If it finds room, it leaves, and the queue
// calls the next one; if not, it goes back to the front. So one wake() is enough for any number of
// free connections, and the order stays. No event marks the end of a hold-off or an ejection:
// while requests wait, the queue calls the first one every kLook.
#pragma once

#include "event/event_loop.h"
#include "metrics/worker_metrics.h"

namespace weir {

class QueueWaiter : public ListNode {
 public:
  virtual void on_room() = 0;  // may only arrange that the waiter resumes

 protected:
  ~QueueWaiter() = default;
};

class ClusterQueue final : private Deadline {
 public:
  static constexpr Duration kLook = 100ms;

  ClusterQueue(EventLoop& loop, ClusterCells& cells) : loop_(loop), cells_(cells) {}

  // False: `most` requests wait already.
  [[nodiscard]] bool enter(QueueWaiter& waiter, uint32_t most);
  void leave(QueueWaiter& waiter);
  // There may be room: calls the first waiter, unless one has been called already.
  void wake();
  // The waiter that was called calls this first, when it has resumed or leaves.
  void call_taken() { called_ = false; }
  // After call_taken(): there was no room; the waiter goes back to the front.
  void enter_again(QueueWaiter& waiter);
  // A request that comes now must wait behind others.
  bool awaited() const { return length_ > 0 || called_; }
  uint32_t length() const { return length_; }
  // Idle private connections of the cluster's pools (Pool::keep_private).
  void count_private(bool one_more) { one_more ? ++private_ : --private_; }
  bool has_private() const { return private_ > 0; }

 private:
  void on_deadline() override;
  void changed(uint32_t length);

  EventLoop& loop_;
  ClusterCells& cells_;  // of all clusters that share it
  IntrusiveList<QueueWaiter> waiters_;
  uint32_t length_ = 0;
  uint32_t private_ = 0;
  bool called_ = false;
};

}  // namespace weir
