// Deadlines: a timer wheel with all timeouts of one loop. Setting, moving and cancelling are O(1)
// and do not allocate.
//
// A Deadline is a member of its owner; its destructor unlinks it. Moving a deadline to a later time
// is a store: the wheel relinks the deadline when the old time comes. A deadline never fires early,
// and at most one tick (17 ms) late. Beyond the wheel's horizon (69 s) wake-ups are rounded up to a
// second, so that ten thousand idle sessions do not wake the loop ten thousand times. Thread: the
// loop's.
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
  // The time has come. The deadline is no longer pending; it may be set again or destroyed.
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
  // Fires the deadlines that are due. Deadlines set meanwhile wait for the next sweep.
  void sweep(TimePoint now);
  // The time of the next sweep: not later than the slot of the earliest deadline; kNever without
  // deadlines.
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
