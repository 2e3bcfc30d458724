// WaitQueue: the requests and TCP sessions of all workers that wait for room in one cluster, in the
// order in which they came. It is touched only while something is full.
//
// Owner: a ClusterShared; any thread, under its mutex, which is held to link, unlink and take, and
// never around a system call, an allocation or a callback. A waiter belongs to a worker's
// ClusterQueue (its line), which alone adds it, removes it and resumes it.
//
// Room is handed over: serve() takes the freed place for the waiter whose turn it is, so that no
// later request overtakes it, and then rings the bell of its worker. The waiter's worker checks
// the backend once more and may give the place back. look() is for room without an event of its
// own (another configuration, a backend that is healthy again): the oldest waiter is called and
// looks for itself; if it succeeds, the next one is called.
//
// No wake-up is lost: a waiter is counted before it looks for room the last time, and a place is
// given before the giver reads the count (Limit).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "base/time.h"
#include "event/bell.h"
#include "upstream/reservation.h"

namespace weir {

class ClusterQueue;
struct ClusterSpec;

// What a waiter wants. Nothing of it changes while it waits: other threads read it.
struct Wish {
  const ClusterSpec* cluster = nullptr;    // its configuration
  std::span<const BackendIndex> failed{};  // backends that it does not try again
  bool pooled = true;       // a request: needs an idle connection, too, or a place for a new one
  bool any_health = false;  // failed checks keep no backend from it
};

class QueueWaiter : public ListNode {
 public:
  // It may look for room again; take_handed() says whether a place was taken for it. May only
  // arrange that the waiter resumes.
  virtual void on_room() = 0;
  Reservation take_handed() { return std::move(handed_); }

 protected:
  ~QueueWaiter() = default;

 private:
  friend class WaitQueue;
  friend class ClusterQueue;
  enum class State : uint8_t { out, waiting, called, looking };

  Wish wish_;
  TimePoint since_{};
  ClusterQueue* line_ = nullptr;  // only its own thread writes it; null: it is in no queue
  Reservation handed_;
  State state_ = State::out;
};

class WaitQueue {
 public:
  // A worker whose line is not served next is preferred if its first waiter is younger than the
  // oldest one by no more than this: to wake another worker takes longer than a short request.
  static constexpr Duration kFairness = 1ms;

  // Those that were called and have not resumed yet are counted: a later request must not take what
  // they were called for.
  uint32_t waiting() const { return waiting_.load(std::memory_order_seq_cst); }

  void add(ClusterQueue& line);
  void remove(ClusterQueue& line);
  // In order of `waiter.since_`. False: `most` wait already.
  [[nodiscard]] bool enter(QueueWaiter& waiter, uint32_t most);
  // A waiter that was called and found no room: before those that came at the same time.
  void enter_again(QueueWaiter& waiter);
  // Whatever state it is in; what was taken for it stays in it. True: it was called to look.
  bool leave(QueueWaiter& waiter);
  // The next one of `line` that was called; null: none.
  QueueWaiter* take_called(ClusterQueue& line);

  // A place of `backend` may be free. `own`: the line of this worker, which has an idle connection
  // to it, or a place on a shared one, if `own_room`.
  void serve(Backend& backend, ClusterQueue& own, TimePoint now, bool own_room);
  // The next in turn is a waiter of another worker.
  bool next_is_elsewhere(const Backend& backend, const ClusterQueue& own, TimePoint now);
  // Calls the oldest waiter, unless one looks already. `own`: the line of this thread; null: none.
  void look(ClusterQueue* own);
  // Idle connections of other workers keep a waiter from room: each is asked to close one, once
  // until the next call of shed_again().
  void ask_to_shed(const ClusterQueue& own);
  void shed_again() { shedding_.store(false, std::memory_order_relaxed); }
  // Whether `line` was asked to, which ends the request.
  bool take_request_to_shed(ClusterQueue& line);

 private:
  QueueWaiter* next_for(const Backend& backend, const ClusterQueue& own, TimePoint now,
                        bool own_only);
  void link(QueueWaiter& waiter, bool again);
  QueueWaiter* hand_over(Backend& backend, ClusterQueue& own, TimePoint now, bool own_room,
                         bool& may_look);
  void call(QueueWaiter& waiter, QueueWaiter::State state);
  void resume(QueueWaiter& waiter, ClusterQueue* own, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  IntrusiveList<QueueWaiter> waiters_;
  std::vector<ClusterQueue*> lines_;
  std::atomic<uint32_t> waiting_{0};
  std::atomic<bool> shedding_{false};
  bool looking_ = false;
};

}  // namespace weir
