// A loop with a manual clock, stepped by the test.
#pragma once

#include <functional>

#include "base/time.h"
#include "event/event_loop.h"

namespace weir::test {

struct TestLoop {
  ManualClock clock;
  EventLoop loop{clock};
  // Called before each turn: the peers of the test send and receive.
  std::function<void()> before_turn = [] {};

  // Turns until `done()`; false: that did not happen. A turn waits at most 10 ms of real time.
  template <typename Predicate>
  bool run_until(Predicate&& done, int turns = 500) {
    for (int i = 0; i < turns; ++i) {
      before_turn();
      if (done()) return true;
      loop.run_turn(10ms);
    }
    before_turn();
    return done();
  }
  void turns(int n) {
    for (int i = 0; i < n; ++i) {
      before_turn();
      loop.run_turn(Duration::zero());
    }
  }
  // Advances the clock and runs the deadlines that are due.
  void advance(Duration d) {
    clock.advance(d);
    turns(2);
  }
};

}  // namespace weir::test
