// EventLoop: one thread, one Poller, and turns in an order of weir's own.
//
// A turn: wait, and run the callbacks of descriptors that are ready → posted work → yielded work →
// deadlines → flushes → free the retired objects. A turn reads the clock once, after the sleep: in
// the first callback that calls now(), or after all callbacks. No object is freed before the end of
// the turn, so no stack frame can hold a freed object. Other threads may call post() and stop()
// only; the loop's thread is the thread that makes the first turn.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/time.h"
#include "event/deadlines.h"
#include "event/owned.h"
#include "os/poller.h"

namespace weir {

// Work that has used up its budget and continues after all other work of the turn (trap T5).
class Yielding : private ListNode {
 public:
  bool yielded() const { return linked(); }
  void cancel_yield() { unlink(); }

 protected:
  ~Yielding() = default;
  virtual void on_resume() = 0;

 private:
  friend class EventLoop;
  template <typename T, typename Tag>
  friend class IntrusiveList;
};

// An object whose on_recheck() runs after half a second. Scheduling costs next to nothing, since a
// transport does it with every read.
class Recheck : private ListNode {
 public:
  void cancel_recheck() { unlink(); }

 protected:
  ~Recheck() = default;
  // True: call again in half a second.
  virtual bool on_recheck() = 0;

 private:
  friend class EventLoop;
  template <typename T, typename Tag>
  friend class IntrusiveList;
};

// Output that is written once at the end of a turn, however often the turn adds to it.
class Flushing : private ListNode {
 public:
  void cancel_flush() { unlink(); }

 protected:
  ~Flushing() = default;
  virtual void on_flush() = 0;

 private:
  friend class EventLoop;
  template <typename T, typename Tag>
  friend class IntrusiveList;
};

class EventLoop {
 public:
  using Work = std::function<void()>;

  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Turns until stop().
  void run();
  // One turn; sleeps no longer than `at_most`. Tests step the loop with it.
  void run_turn(Duration at_most = Duration::max());
  // Makes run() return after the current turn. Any thread.
  void stop();

  // Runs `work` on the loop's thread, in order of posting. Any thread. After stop() it runs in the
  // next turn, if there is one, or is dropped with the loop.
  void post(Work work);
  // Calls on_resume() after the I/O callbacks: in this turn when an I/O callback calls yield(),
  // otherwise in the next turn, which does not sleep.
  void yield(Yielding& work) {
    DCHECK(on_thread());
    if (!work.linked()) yielded_.push_back(work);
  }
  // Calls on_flush() once, after the deadlines of this turn. A flush that is asked for while
  // flushes run is for the next turn, which does not sleep.
  void flush_later(Flushing& output) {
    DCHECK(on_thread());
    if (!output.linked()) flushes_.push_back(output);
  }
  // Calls on_recheck() every half a second until that returns false or cancel_recheck() is called.
  void schedule_recheck(Recheck& at) {
    DCHECK(on_thread());
    if (at.linked()) return;
    rechecks_.push_back(at);
    if (!recheck_timer_.pending()) deadlines_.set(recheck_timer_, now() + kRecheckInterval);
  }
  // Takes over a closed object. Called by Retire.
  void retire(Retirable& object) {
    DCHECK(on_thread());
    retired_.push_back(object);
  }

  // The time of this turn. I/O callbacks run inside the wait, which may have slept for hours.
  TimePoint now() {
    if (slept_) read_clock();
    return now_;
  }
  uint64_t turn() const { return turn_; }  // its number; never the same twice
  // How long this turn has been working; reads the clock anew.
  Duration into_turn() { return clock_.now() - now(); }
  Deadlines& deadlines() {
    DCHECK(on_thread());
    return deadlines_;
  }
  Poller& poller() { return poller_; }
  bool on_thread() const {
    return thread_ == std::thread::id() || thread_ == std::this_thread::get_id();
  }

  // The cost of the turns: the time awake in total, and the longest turn since the last take_lag().
  Duration busy() const { return busy_; }
  Duration take_lag() { return std::exchange(lag_, Duration::zero()); }

 private:
  static constexpr Duration kRecheckInterval = 500ms;

  struct RecheckTimer final : Deadline {
    explicit RecheckTimer(EventLoop& l) : loop(l) {}
    void on_deadline() override { loop.run_rechecks(); }
    EventLoop& loop;
  };

  void run_rechecks();
  void read_clock();
  void run_posted();
  void run_yielded();
  void run_flushes();
  void free_retired();

  const Clock& clock_;
  Poller poller_;
  TimePoint now_;
  uint64_t turn_ = 0;
  bool slept_ = false;  // since the clock was read
  Deadlines deadlines_;
  IntrusiveList<Yielding, ListNode> yielded_;
  IntrusiveList<Flushing, ListNode> flushes_;
  IntrusiveList<Recheck, ListNode> rechecks_;
  RecheckTimer recheck_timer_{*this};
  IntrusiveList<Retirable, ListNode> retired_;
  std::thread::id thread_;
  Duration busy_{};
  Duration lag_{};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_posted_{false};  // a turn without posted work takes no lock
  std::mutex mutex_;                     // guards posted_
  std::vector<Work> posted_;
  std::vector<Work> running_;
};

}  // namespace weir
