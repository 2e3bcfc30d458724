#include "upstream/outlier.h"

#include <algorithm>

namespace weir {

using std::chrono::microseconds;

bool Outlier::note_error(uint32_t needed, Error error) {
  const uint32_t step = error == Error::timeout ? kTimeout + 1 : 1;
  return ((row_.fetch_add(step, std::memory_order_relaxed) + step) & kErrors) >= needed;
}

bool Outlier::forget_timeouts(uint32_t needed) {
  uint32_t row = row_.load(std::memory_order_relaxed);
  const uint32_t timeouts = (row & ~kWasOut) / kTimeout;
  const uint32_t rest = row - timeouts * (kTimeout + 1);
  // On failure another worker has just added to the row, and forgets them, or has ended the row.
  return row_.compare_exchange_strong(row, rest, std::memory_order_relaxed) &&
         (rest & kErrors) >= needed;
}

bool Outlier::end_row() {
  return (row_.exchange(0, std::memory_order_relaxed) & kWasOut) != 0;
}

Duration Outlier::eject(TimePoint now, const config::OutlierDetection& rules) {
  const bool forgotten = now - ejected_until() > rules.max_ejection;
  const uint32_t times = forgotten ? 1 : times_.load(std::memory_order_relaxed) + 1;
  // A division, because the product could overflow.
  const bool longest = rules.base_ejection > rules.max_ejection / times;
  const Duration length = longest ? rules.max_ejection : rules.base_ejection * times;
  times_.store(longest ? times - 1 : times, std::memory_order_relaxed);
  until_.store(std::chrono::duration_cast<microseconds>((now + length).time_since_epoch()).count(),
               std::memory_order_relaxed);
  row_.store(kWasOut, std::memory_order_relaxed);
  return length;
}

TimePoint Outlier::ejected_until() const {
  return TimePoint(microseconds(until_.load(std::memory_order_relaxed)));
}

}  // namespace weir
