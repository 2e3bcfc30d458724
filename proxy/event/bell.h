// Bell: wakes a loop from any thread, for one piece of work that has been left for it somewhere
// else. Rings are merged: one that comes while an earlier one is on its way is dropped.
//
// Owner: shared, since a thread may ring it after the work's owner has gone. on_bell() is called on
// the loop's thread, and never after silence(). The loop outlives all rings.
#pragma once

#include <atomic>
#include <memory>

#include "event/event_loop.h"

namespace weir {

class Bell : public std::enable_shared_from_this<Bell> {
 public:
  class Listener {
   public:
    virtual void on_bell() = 0;

   protected:
    ~Listener() = default;
  };

  Bell(EventLoop& loop, Listener& listener) : loop_(loop), listener_(&listener) {}

  // Any thread. What the caller wrote before is seen by on_bell().
  void ring() {
    if (rung_.exchange(true, std::memory_order_acq_rel)) return;
    loop_.post([bell = shared_from_this()] { bell->arrive(); });
  }
  // The loop's thread.
  void silence() { listener_ = nullptr; }

 private:
  // Cleared before the work is looked at: a ring that comes meanwhile is not lost.
  void arrive() {
    rung_.exchange(false, std::memory_order_acq_rel);
    if (listener_ != nullptr) listener_->on_bell();
  }

  EventLoop& loop_;
  Listener* listener_;
  std::atomic<bool> rung_{false};
};

}  // namespace weir
