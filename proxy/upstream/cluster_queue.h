// ClusterQueue: the requests of one worker that wait until a backend of their cluster has room.
// First come, first served.
//
// Owner: the clusters of that name in all the worker's snapshot views share it; thread: the
// worker's. Whatever makes room calls wake(). One waiter at a time is called; it tries, with the
// configuration in force, and either goes, which calls the next one, or takes its old place again.
// So one call is enough for any number of free connections, and the order stays. Hold-offs and
// ejections end at a time that no event tells of, and other workers end them early: while requests
// wait, the queue calls the first one every kLook.
#pragma once

#include "event/event_loop.h"
#include "metrics/worker_metrics.h"

namespace weir {

class QueueWaiter : public ListNode {
 public:
  virtual void on_room() = 0;  // may do no more than arrange to be resumed

 protected:
  ~QueueWaiter() = default;
};

class ClusterQueue final : private Deadline {
 public:
  static constexpr Duration kLook = 100ms;

  ClusterQueue(EventLoop& loop, ClusterCells& cells) : loop_(loop), cells_(cells) {}

  // False: `most` wait already.
  [[nodiscard]] bool enter(QueueWaiter& waiter, uint32_t most);
  void leave(QueueWaiter& waiter);
  // There may be room: calls the waiter that came first, unless one has been called already.
  void wake();
  // Of the waiter that was called, before anything else: it has resumed, or is gone.
  void call_taken() { called_ = false; }
  // After call_taken(): there was no room, it goes on waiting at the front.
  void enter_again(QueueWaiter& waiter);
  // Whoever comes now stands behind others.
  bool awaited() const { return length_ > 0 || called_; }
  uint32_t length() const { return length_; }
  // Idle private connections of the cluster's pools (Pool::keep_private).
  void count_private(bool one_more) { one_more ? ++private_ : --private_; }
  bool has_private() const { return private_ > 0; }

 private:
  void on_deadline() override;
  void changed(uint32_t length);

  EventLoop& loop_;
  ClusterCells& cells_;  // the clusters that share it have these
  IntrusiveList<QueueWaiter> waiters_;
  uint32_t length_ = 0;
  uint32_t private_ = 0;
  bool called_ = false;
};

}  // namespace weir
