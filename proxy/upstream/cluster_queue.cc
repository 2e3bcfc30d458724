#include "upstream/cluster_queue.h"

#include "upstream/pool.h"

namespace weir {

ClusterQueue::ClusterQueue(EventLoop& loop, ClusterCells& cells,
                           std::shared_ptr<ClusterShared> shared)
    : loop_(loop),
      cells_(cells),
      shared_(std::move(shared)),
      bell_(std::make_shared<Bell>(loop, static_cast<Bell::Listener&>(*this))) {
  shared_->queue.add(*this);
}

ClusterQueue::~ClusterQueue() {
  DCHECK(length_ == 0);
  shared_->queue.remove(*this);
  bell_->silence();
}

bool ClusterQueue::enter(QueueWaiter& waiter, const Wish& wish, TimePoint since, uint32_t most) {
  waiter.wish_ = wish;
  waiter.since_ = since;
  waiter.line_ = this;
  if (!shared_->queue.enter(waiter, most)) return waiter.line_ = nullptr, false;
  changed(length_ + 1);
  return true;
}

// The next one is not called to look: it would find no room either.
void ClusterQueue::enter_again(QueueWaiter& waiter, const Wish& wish) {
  waiter.wish_ = wish;
  shared_->queue.enter_again(waiter);
}

// What was taken for it and is not used goes to the next one.
void ClusterQueue::leave(QueueWaiter& waiter) {
  if (waiter.line_ == nullptr) return;
  const bool looked = shared_->queue.leave(waiter);
  waiter.line_ = nullptr;
  changed(length_ - 1);
  waiter.handed_ = {};
  if (looked) look();
}

void ClusterQueue::look() {
  shared_->queue.shed_again();
  if (awaited()) shared_->queue.look(this);
}

bool ClusterQueue::wanted_elsewhere(const Backend& backend) const {
  return awaited() && shared_->connections_limited(backend) &&
         shared_->queue.next_is_elsewhere(backend, *this, loop_.now());
}

void ClusterQueue::on_bell() {
  shed();
  resume_called();
}

void ClusterQueue::resume_called() {
  while (QueueWaiter* waiter = shared_->queue.take_called(*this)) waiter->on_room();
}

// As many idle connections as waiters: each may want another one.
void ClusterQueue::shed() {
  if (!shared_->queue.take_request_to_shed(*this)) return;
  uint32_t most = shared_->queue.waiting();
  pools_.for_each_safe([&](Pool& pool) {
    while (most > 0 && pool.shed_idle()) --most;
  });
}

void ClusterQueue::changed(uint32_t length) {
  length_ = length;
  cells_.queue_length.set(length);
  if (length > 0 && !Deadline::pending()) loop_.deadlines().set(*this, loop_.now() + kLook);
}

void ClusterQueue::on_deadline() {
  look();
  if (length_ > 0) loop_.deadlines().set(*this, loop_.now() + kLook);
}

}  // namespace weir
