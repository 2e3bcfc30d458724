#include "event/event_loop.h"

#include <algorithm>

namespace weir {

void Retire::operator()(Retirable* object) const {
  DCHECK(object->loop_.on_thread());
  object->close();
  object->loop_.retire(*object);
}

EventLoop::EventLoop(const Clock& clock) : clock_(clock), now_(clock.now()), deadlines_(now_) {}

EventLoop::~EventLoop() {
  posted_.clear();
  free_retired();
}

void EventLoop::run() {
  while (!stopping_.load(std::memory_order_acquire)) run_turn();
}

void EventLoop::run_turn(Duration at_most) {
  const TimePoint before = clock_.now();
  if (thread_ == std::thread::id()) {
    thread_ = std::this_thread::get_id();
    now_ = before;  // the time before the first turn is not the loop's
  }
  DCHECK(on_thread());
  ++turn_;
  const Duration awake = before - now_;
  busy_ += awake;
  lag_ = std::max(lag_, awake);

  Duration timeout = at_most;
  const TimePoint next = deadlines_.next();
  if (next != kNever) timeout = std::min(timeout, std::max(next - before, Duration::zero()));
  if (!yielded_.empty() || !flushes_.empty() || has_posted_.load(std::memory_order_acquire))
    timeout = Duration::zero();
  slept_ = true;
  poller_.wait(timeout);
  if (slept_) read_clock();
  run_posted();
  run_yielded();
  deadlines_.sweep(now_);
  run_flushes();
  free_retired();
}

void EventLoop::read_clock() {
  now_ = clock_.now();
  slept_ = false;
}

void EventLoop::stop() {
  stopping_.store(true, std::memory_order_release);
  poller_.wake();
}

void EventLoop::post(Work work) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
    if (has_posted_.exchange(true, std::memory_order_acq_rel)) return;  // a wake-up is pending
  }
  poller_.wake();
}

void EventLoop::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  {
    std::lock_guard lock(mutex_);
    running_.swap(posted_);
    has_posted_.store(false, std::memory_order_release);
  }
  for (Work& work : running_) work();
  running_.clear();
}

void EventLoop::run_yielded() {
  if (yielded_.empty()) return;
  IntrusiveList<Yielding, ListNode> now_due;
  now_due.take_all(yielded_);
  while (Yielding* work = now_due.pop_front()) work->on_resume();
}

void EventLoop::run_flushes() {
  if (flushes_.empty()) return;
  IntrusiveList<Flushing, ListNode> now_due;
  now_due.take_all(flushes_);
  while (Flushing* output = now_due.pop_front()) output->on_flush();
}

void EventLoop::run_rechecks() {
  IntrusiveList<Recheck, ListNode> due;
  due.take_all(rechecks_);
  while (Recheck* at = due.pop_front())
    if (at->on_recheck() && !at->linked()) rechecks_.push_back(*at);
  if (!rechecks_.empty()) deadlines_.set(recheck_timer_, now() + kRecheckInterval);
}

void EventLoop::free_retired() {
  while (Retirable* object = retired_.pop_front()) delete object;
}

}  // namespace weir
