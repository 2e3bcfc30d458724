#include "upstream/outlier.h"

#include <algorithm>

namespace weir {
namespace {

using std::chrono::microseconds;

// After this many lengths without an ejection the next one begins with base_ejection again.
constexpr int kMemory = 10;
constexpr Duration kLeastMemory = 10s;

int64_t in_micros(Duration time) {
  return std::chrono::duration_cast<microseconds>(time).count();
}

// Without overflow.
Duration twice(Duration length, Duration most) {
  return length > most / 2 ? most : 2 * length;
}

}  // namespace

uint32_t Outlier::note_error(Error error) {
  const uint32_t step = error == Error::timeout ? kTimeout + 1 : 1;
  return (row_.fetch_add(step, std::memory_order_relaxed) + step) & kErrors;
}

uint32_t Outlier::forget_timeouts() {
  uint32_t row = row_.load(std::memory_order_relaxed);
  const uint32_t rest = row - row / kTimeout * (kTimeout + 1);
  // On failure another worker has just added to the row, and forgets them, or has ended the row.
  return row_.compare_exchange_strong(row, rest, std::memory_order_relaxed) ? rest & kErrors : 0;
}

TimePoint Outlier::time(uint64_t word) {
  return TimePoint(microseconds(static_cast<int64_t>(word >> kTimeShift)));
}

uint64_t Outlier::state(Phase phase, TimePoint time) {
  const auto at = static_cast<uint64_t>(in_micros(time.time_since_epoch()));
  return at << kTimeShift | static_cast<uint64_t>(phase);
}

Duration Outlier::begin_length(Duration length, TimePoint now) {
  length_.store(in_micros(length), std::memory_order_relaxed);
  since_.store(in_micros(now.time_since_epoch()), std::memory_order_relaxed);
  state_.store(state(Phase::out, now + length), std::memory_order_release);
  reset_row();
  return length;
}

Duration Outlier::eject(TimePoint now, const config::OutlierDetection& rules) {
  const Duration last = microseconds(length_.load(std::memory_order_relaxed));
  const TimePoint up_since = time(state_.load(std::memory_order_relaxed));
  const bool relapse = last > Duration::zero() &&
                       (now - up_since) / kMemory <= std::max(last, kLeastMemory / kMemory);
  return begin_length(relapse ? twice(last, rules.max_ejection) : rules.base_ejection, now);
}

TimePoint Outlier::ejected_until() const {
  return time(state_.load(std::memory_order_relaxed));
}

bool Outlier::awaits_proof() const {
  const uint64_t seen = state_.load(std::memory_order_relaxed);
  return phase(seen) == Phase::out && (seen & kConfirmed) == 0;
}

void Outlier::confirm(TimePoint begun, TimePoint now) {
  uint64_t seen = state_.load(std::memory_order_acquire);
  if (phase(seen) != Phase::out || (seen & kConfirmed) != 0) return;
  if (in_micros(begun.time_since_epoch()) < since_.load(std::memory_order_relaxed)) return;
  const uint64_t next = state(Phase::out, std::max(time(seen), now)) | kConfirmed;
  // Nothing else changes this state.
  state_.compare_exchange_strong(seen, next, std::memory_order_relaxed);
}

bool Outlier::awaits_trial(TimePoint now, bool repeatable) const {
  const uint64_t seen = state_.load(std::memory_order_relaxed);
  if (phase(seen) != Phase::out || (seen & kConfirmed) == 0) return false;
  return now >= time(seen) + (repeatable ? Duration::zero() : kPatience);
}

bool Outlier::begin_trial(TimePoint now) {
  uint64_t seen = state_.load(std::memory_order_relaxed);
  if (phase(seen) != Phase::out || (seen & kConfirmed) == 0 || now < time(seen)) return false;
  const uint64_t next = (seen & ~kPhase) | static_cast<uint64_t>(Phase::trial);
  return state_.compare_exchange_strong(seen, next, std::memory_order_relaxed);
}

Duration Outlier::end_trial(Trial how, TimePoint now, const config::OutlierDetection& rules) {
  const uint64_t seen = state_.load(std::memory_order_relaxed);
  switch (how) {
    case Trial::passed:
      reset_row();
      state_.store(state(Phase::up, now), std::memory_order_relaxed);
      break;
    case Trial::failed: {
      const Duration last = microseconds(length_.load(std::memory_order_relaxed));
      const Duration most = std::min(kLongestByTrials, rules.max_ejection);
      return begin_length(std::max(last, twice(last, most)), now);
    }
    case Trial::withdrawn:
      state_.store((seen & ~kPhase) | static_cast<uint64_t>(Phase::out), std::memory_order_relaxed);
      break;
  }
  return Duration::zero();
}

}  // namespace weir
