// Splitmix64: a fast generator for balancing and jitter; not for secrets. One per thread; its owner
// seeds it.
#pragma once

#include <cstdint>

#include "base/hash.h"

namespace weir {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15u); }
  // Uniform in [0, n); n > 0. Lemire's multiply-shift: the bias is below n / 2^64.
  uint64_t below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * n) >> 64);
  }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

}  // namespace weir
