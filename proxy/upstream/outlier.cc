#include "upstream/outlier.h"

#include <algorithm>

namespace weir {

using std::chrono::microseconds;

bool Outlier::note_error(uint32_t needed) {
  const uint32_t row = row_.fetch_add(1, std::memory_order_relaxed) + 1;
  return (row & ~kWasOut) >= needed;
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
