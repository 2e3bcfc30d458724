#include "upstream/cluster_queue.h"

namespace weir {

bool ClusterQueue::enter(QueueWaiter& waiter, uint32_t most) {
  if (length_ >= most) return false;
  waiters_.push_back(waiter);
  changed(length_ + 1);
  return true;
}

void ClusterQueue::enter_again(QueueWaiter& waiter) {
  waiters_.push_front(waiter);
  changed(length_ + 1);
}

void ClusterQueue::leave(QueueWaiter& waiter) {
  if (!waiter.linked()) return;
  waiter.unlink();
  changed(length_ - 1);
}

void ClusterQueue::wake() {
  if (called_) return;
  QueueWaiter* waiter = waiters_.pop_front();
  if (waiter == nullptr) return;
  changed(length_ - 1);
  called_ = true;
  waiter->on_room();
}

void ClusterQueue::changed(uint32_t length) {
  length_ = length;
  cells_.queue_length.set(length);
  if (length > 0 && !Deadline::pending()) loop_.deadlines().set(*this, loop_.now() + kLook);
}

void ClusterQueue::on_deadline() {
  wake();
  if (length_ > 0) loop_.deadlines().set(*this, loop_.now() + kLook);
}

}  // namespace weir
