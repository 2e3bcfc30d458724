// Deadlines: a wheel of all the timeouts of one loop. O(1) to set, to move and to drop; no
// allocation.
//
// A Deadline lives in its owner and unlinks itself when that dies. Moving one further away is a
// store: the wheel finds out when the old time comes. A deadline never fires early, and at most one
// tick (17 ms) late; beyond the wheel's horizon (69 s) waking is rounded up to a second, so that
// ten thousand idle sessions do not wake the loop ten thousand times. Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>

#include "base/intrusive_list.h"
#include "base/time.h"

namespace weir {

class Deadlines;

class Deadline : private ListNode {
 public:
  bool pending() const { return linked(); }
  TimePoint at() const { return linked() ? at_ : kNever; }
  void cancel() { unlink(); }

 protected:
  ~Deadline() = default;
  // The time has come. The deadline is no longer pending and may be set again, or die.
  virtual void on_deadline() = 0;

 private:
  friend class Deadlines;
  template <typename T, typename Tag>
  friend class IntrusiveList;
  TimePoint at_{};
  uint64_t tick_ = 0;  // of the slot it is linked in
};

class Deadlines {
 public:
  explicit Deadlines(TimePoint now);

  // Sets or moves it; kNever cancels.
  void set(Deadline& deadline, TimePoint at);
  // Fires everything due. Deadlines set meanwhile wait for the next sweep.
  void sweep(TimePoint now);
  // When to sweep next: not later than the earliest deadline's slot; kNever when there is none.
  TimePoint next() const;

 private:
  static constexpr int kTickBits = 24;          // 2^24 ns = 16.8 ms
  static constexpr uint64_t kSlots = 4096;      // 68.7 s
  static constexpr uint64_t kFarRounding = 64;  // ticks: 1.07 s
  using Slot = IntrusiveList<Deadline, ListNode>;

  uint64_t slot_tick(TimePoint at) const;
  void link(Deadline& deadline);
  void sweep_slot(uint64_t tick, TimePoint now);
  uint64_t first_used_from(uint64_t tick) const;

  std::array<Slot, kSlots> slots_;
  std::array<uint64_t, kSlots / 64>
      used_{};                  // a set bit may be stale: its slot became empty by itself
  uint64_t swept_;              // every tick up to this one has been swept
  mutable uint64_t next_tick_;  // not later than any linked deadline's tick
};

}  // namespace weir
