#include "event/deadlines.h"

#include <algorithm>
#include <bit>

namespace weir {
namespace {

constexpr uint64_t kNoTick = ~uint64_t{0};

uint64_t nanos(TimePoint at) {
  return static_cast<uint64_t>(at.time_since_epoch().count());
}

}  // namespace

Deadlines::Deadlines(TimePoint now) : swept_(nanos(now) >> kTickBits), next_tick_(kNoTick) {}

// The first tick at which `at` has passed, within the wheel.
uint64_t Deadlines::slot_tick(TimePoint at) const {
  const uint64_t exact = (nanos(at) + (uint64_t{1} << kTickBits) - 1) >> kTickBits;
  const uint64_t horizon = swept_ + kSlots - kFarRounding;
  if (exact >= horizon) return horizon / kFarRounding * kFarRounding;  // relinked then
  return std::max(exact, swept_ + 1);
}

void Deadlines::set(Deadline& deadline, TimePoint at) {
  if (at == kNever) return deadline.cancel();
  deadline.at_ = at;
  if (deadline.linked()) {
    if (deadline.tick_ <= slot_tick(at)) return;  // the slot's sweep will move it
    deadline.unlink();
  }
  link(deadline);
}

void Deadlines::link(Deadline& deadline) {
  const uint64_t tick = slot_tick(deadline.at_);
  const uint64_t index = tick % kSlots;
  deadline.tick_ = tick;
  slots_[index].push_back(deadline);
  used_[index / 64] |= uint64_t{1} << (index % 64);
  next_tick_ = std::min(next_tick_, tick);
}

void Deadlines::sweep_slot(uint64_t tick, TimePoint now) {
  const uint64_t index = tick % kSlots;
  Slot due;
  due.take_all(slots_[index]);
  used_[index / 64] &= ~(uint64_t{1} << (index % 64));
  while (Deadline* deadline = due.pop_front()) {
    if (deadline->at_ <= now)
      deadline->on_deadline();
    else
      link(*deadline);
  }
}

void Deadlines::sweep(TimePoint now) {
  const uint64_t now_tick = nanos(now) >> kTickBits;
  if (next_tick_ > now_tick) return;
  // After a jump beyond the horizon (a manual clock, a suspended machine) one round is enough.
  uint64_t tick = now_tick - swept_ > kSlots ? now_tick - kSlots + 1 : swept_ + 1;
  tick = std::max(tick, std::min(next_tick_, now_tick));
  swept_ = now_tick;  // first, so that deadlines set in callbacks go into later slots
  for (tick = std::min(tick, now_tick); tick <= now_tick; ++tick) {
    const uint64_t index = tick % kSlots;
    if (used_[index / 64] & uint64_t{1} << (index % 64)) sweep_slot(tick, now);
  }
  next_tick_ = first_used_from(now_tick + 1);
}

uint64_t Deadlines::first_used_from(uint64_t tick) const {
  for (uint64_t step = 0; step < kSlots;) {
    const uint64_t index = (tick + step) % kSlots;
    const uint64_t rest = used_[index / 64] >> (index % 64);
    if (rest != 0) return tick + step + static_cast<uint64_t>(std::countr_zero(rest));
    step += 64 - index % 64;
  }
  return kNoTick;
}

TimePoint Deadlines::next() const {
  if (next_tick_ == kNoTick) return kNever;
  return TimePoint(Duration(static_cast<Duration::rep>(next_tick_ << kTickBits)));
}

}  // namespace weir
