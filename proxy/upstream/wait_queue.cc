#include "upstream/wait_queue.h"

#include <algorithm>
#include <utility>

#include "upstream/cluster_queue.h"

namespace weir {
namespace {

bool may_use(const Wish& wish, const Backend& backend, TimePoint now) {
  const BackendIndex index = wish.cluster->index_of(backend);
  if (index == kNoBackend) return false;  // of another configuration
  const HostSpec& host = wish.cluster->hosts[index];
  if (!host.active() || (!wish.any_health && !host.usable())) return false;
  if (backend.held_off(now) || wish.cluster->ejected(host)) return false;
  return std::find(wish.failed.begin(), wish.failed.end(), index) == wish.failed.end();
}

}  // namespace

void WaitQueue::add(ClusterQueue& line) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(&line);
}

void WaitQueue::remove(ClusterQueue& line) {
  const std::lock_guard lock(mutex_);
  std::erase(lines_, &line);
}

bool WaitQueue::enter(QueueWaiter& waiter, uint32_t most) {
  const std::lock_guard lock(mutex_);
  DCHECK(waiter.state_ == QueueWaiter::State::out);
  if (waiting_.load(std::memory_order_relaxed) >= most) return false;
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  link(waiter, /*again=*/false);
  return true;
}

void WaitQueue::enter_again(QueueWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  DCHECK(waiter.state_ != QueueWaiter::State::out);
  if (waiter.state_ == QueueWaiter::State::looking) looking_ = false;
  waiter.unlink();
  link(waiter, /*again=*/true);
}

// Most come with the newest time; one that has been called goes back to where it was, near the
// front.
void WaitQueue::link(QueueWaiter& waiter, bool again) {
  waiter.state_ = QueueWaiter::State::waiting;
  const auto before = [&](const QueueWaiter& other) {
    return other.since_ < waiter.since_ || (!again && other.since_ == waiter.since_);
  };
  if (waiters_.empty() || before(waiters_.back())) return waiters_.push_back(waiter);
  QueueWaiter* later = &waiters_.front();
  while (before(*later)) later = waiters_.next(*later);
  waiters_.insert_before(*later, waiter);
}

bool WaitQueue::leave(QueueWaiter& waiter) {
  using State = QueueWaiter::State;
  const std::lock_guard lock(mutex_);
  waiter.unlink();
  const State state = std::exchange(waiter.state_, State::out);
  if (state == State::looking) looking_ = false;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  return state == State::looking;
}

QueueWaiter* WaitQueue::take_called(ClusterQueue& line) {
  const std::lock_guard lock(mutex_);
  return line.called_.pop_front();
}

// The first in turn that may use the backend; the first one of `own` in its place, if that came
// hardly later. A scan over waiters that have failed there, or are of an older configuration:
// few, but nothing bounds them.
QueueWaiter* WaitQueue::next_for(const Backend& backend, const ClusterQueue& own, TimePoint now,
                                 bool own_only) {
  QueueWaiter* first = nullptr;
  QueueWaiter* waiter = waiters_.empty() ? nullptr : &waiters_.front();
  for (; waiter != nullptr; waiter = waiters_.next(*waiter)) {
    if (first != nullptr && waiter->since_ > first->since_ + kFairness) break;
    if (own_only && waiter->line_ != &own && waiter->wish_.pooled) continue;
    if (!may_use(waiter->wish_, backend, now)) continue;
    if (waiter->line_ == &own) return waiter;
    if (first == nullptr) first = waiter;
  }
  return first;
}

bool WaitQueue::next_is_elsewhere(const Backend& backend, const ClusterQueue& own, TimePoint now) {
  const std::lock_guard lock(mutex_);
  const QueueWaiter* const next = next_for(backend, own, now, /*own_only=*/false);
  return next != nullptr && next->line_ != &own && next->wish_.pooled;
}

// Null: nothing is free, or no waiter may use it as it stands in the queue: `may_look`.
QueueWaiter* WaitQueue::hand_over(Backend& backend, ClusterQueue& own, TimePoint now, bool own_room,
                                  bool& may_look) {
  if (!backend.requests().try_take()) return nullptr;
  QueueWaiter* waiter = next_for(backend, own, now, /*own_only=*/false);
  may_look = waiter == nullptr;
  bool connection = false;
  const auto needs_connection = [&](const QueueWaiter& one) {
    return one.wish_.pooled && !(own_room && one.line_ == &own);
  };
  if (waiter != nullptr && needs_connection(*waiter)) {
    connection = own.shared().take_connection(backend);
    if (!connection) waiter = own_room ? next_for(backend, own, now, /*own_only=*/true) : nullptr;
  }
  if (waiter == nullptr) return backend.requests().give(), nullptr;
  waiter->handed_ = Reservation(*waiter->line_, backend, connection);
  call(*waiter, QueueWaiter::State::called);
  return waiter;
}

void WaitQueue::call(QueueWaiter& waiter, QueueWaiter::State state) {
  waiter.unlink();
  waiter.state_ = state;
  waiter.line_->called_.push_back(waiter);
}

// Behind the lock: the waiter may be gone as soon as that is open.
void WaitQueue::resume(QueueWaiter& waiter, ClusterQueue* own, std::unique_lock<std::mutex>& lock) {
  ClusterQueue* const line = waiter.line_;
  const std::shared_ptr<Bell> bell = line == own ? nullptr : line->bell();
  lock.unlock();
  bell != nullptr ? bell->ring() : own->resume_called();
}

// A waiter that looks for itself does so with the configuration in force, and may take a backend at
// which it has failed before.
void WaitQueue::serve(Backend& backend, ClusterQueue& own, TimePoint now, bool own_room) {
  while (waiting() > 0) {
    std::unique_lock lock(mutex_);
    bool may_look = false;
    QueueWaiter* const waiter = hand_over(backend, own, now, own_room, may_look);
    if (waiter == nullptr) {
      lock.unlock();
      if (may_look) look(&own);
      return;
    }
    // One place is enough for one waiter only; the next one is served when that has used it.
    if (waiter->line_ == &own) own_room = false;
    resume(*waiter, &own, lock);
  }
}

void WaitQueue::look(ClusterQueue* own) {
  std::unique_lock lock(mutex_);
  if (looking_ || waiters_.empty()) return;
  QueueWaiter& waiter = waiters_.front();
  looking_ = true;
  call(waiter, QueueWaiter::State::looking);
  resume(waiter, own, lock);
}

bool WaitQueue::take_request_to_shed(ClusterQueue& line) {
  const std::lock_guard lock(mutex_);
  return std::exchange(line.may_shed_, false);
}

void WaitQueue::ask_to_shed(const ClusterQueue& own) {
  if (shedding_.exchange(true, std::memory_order_relaxed)) return;
  for (size_t i = 0;; ++i) {
    std::unique_lock lock(mutex_);
    if (i >= lines_.size()) return;
    if (lines_[i] == &own) continue;
    lines_[i]->may_shed_ = true;
    const std::shared_ptr<Bell> bell = lines_[i]->bell();
    lock.unlock();
    bell->ring();
  }
}

}  // namespace weir
