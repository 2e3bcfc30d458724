// Random choices of a seed.
#pragma once

#include <cstddef>

#include "base/random.h"
#include "base/time.h"

namespace weir::sim {

inline Duration up_to(Random& random, Duration most) {
  return Duration(1 + random.below(static_cast<uint64_t>(most.count())));
}

template <typename T, size_t kSize>
T one_of(Random& random, const T (&choices)[kSize]) {
  return choices[random.below(kSize)];
}

}  // namespace weir::sim
