// The CPU time of work in this thread, and its growth with the size of the work: 4 times the size
// costs about 4 times as much if the work is linear, 16 times if it is quadratic, on any machine.
#pragma once

#include <algorithm>

#include "support/cpu_time.h"

namespace weir::test {

// Four times the work: less than this is linear, or nearly so.
inline constexpr double kNearlyLinear = 8;

// The least of three costs that measure() returns, because disturbances only add to a cost.
template <typename Measure>
Duration least_cost(Measure&& measure) {
  Duration least = Duration::max();
  for (int i = 0; i < 3; ++i) least = std::min(least, static_cast<Duration>(measure()));
  return least;
}

inline double ratio_of(Duration many, Duration few) {
  return static_cast<double>(many.count()) / static_cast<double>(std::max<int64_t>(few.count(), 1));
}

// The cost of measure(4 * size) divided by that of measure(size). measure() returns its cost, so
// its preparation does not count. The larger size is measured again only while the quotient is not
// below kNearlyLinear: what disturbs only adds, so a further measurement could only make it less.
template <typename Measure>
double growth(size_t size, Measure&& measure) {
  const Duration few = least_cost([&] { return measure(size); });
  double least = ratio_of(measure(4 * size), few);
  for (int i = 1; i < 3 && least >= kNearlyLinear; ++i)
    least = std::min(least, ratio_of(measure(4 * size), few));
  return least;
}

// The cost of work().
template <typename Work>
Duration cost_of(Work&& work) {
  const Duration begun = cpu_time();
  work();
  return cpu_time() - begun;
}

}  // namespace weir::test
