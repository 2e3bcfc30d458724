// Spares: decides when a pool frees objects that are not lent: half a second after they were last
// needed. The pool keeps as many objects as were lent at once in that half second.
//
// Base of a pool, which owns the objects and lives as long as its loop; thread: the loop's. Without
// spare objects there is no timer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "event/event_loop.h"

namespace weir {

class Spares : private Deadline {
 public:
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;
  size_t lent() const { return lent_; }

 protected:
  explicit Spares(EventLoop& loop) : loop_(loop) {}
  ~Spares() = default;

  void note_lent() { most_lent_ = std::max(most_lent_, ++lent_); }
  void note_taken_back() {
    --lent_;
    if (!pending()) look_later();
  }

 private:
  static constexpr Duration kUnneeded = 500ms;

  // Frees all spare objects but `most`; returns how many are left.
  virtual size_t keep_spares(size_t most) = 0;

  void on_deadline() override {
    if (keep_spares(std::exchange(most_lent_, lent_) - lent_) > 0) look_later();
  }
  void look_later() { loop_.deadlines().set(*this, loop_.now() + kUnneeded); }

  EventLoop& loop_;
  size_t lent_ = 0;
  size_t most_lent_ = 0;  // since the last check
};

}  // namespace weir
