// Timer: a deadline that calls a function; for the few timers of the control thread. The data path
// derives from Deadline instead. Owner: its user, by value; a destroyed timer does not fire.
#pragma once

#include <functional>
#include <utility>

#include "event/event_loop.h"

namespace weir {

class Timer final : private Deadline {
 public:
  Timer(EventLoop& loop, std::function<void()> fire) : loop_(loop), fire_(std::move(fire)) {}

  // Replaces what it calls.
  Timer& operator=(std::function<void()> fire) {
    fire_ = std::move(fire);
    return *this;
  }
  void set_in(Duration delay) { loop_.deadlines().set(*this, loop_.now() + delay); }
  void set_at(TimePoint at) { loop_.deadlines().set(*this, at); }
  using Deadline::at;
  using Deadline::cancel;
  using Deadline::pending;

 private:
  void on_deadline() override {
    const auto fire = fire_;  // which may replace itself
    fire();
  }
  EventLoop& loop_;
  std::function<void()> fire_;
};

}  // namespace weir
