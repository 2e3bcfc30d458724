// judge(): whether a backend fails so much more often than the others of its cluster that the
// difference is not chance. Pure.
//
// An absolute limit ejects good backends when every backend fails a little, and none when one
// fails a third of its requests. Here the failures of a backend are compared with the share of
// failures of the others: with the probability that a backend as good as the others has as many by
// chance, bounded as by Chernoff (exact binomial tails are smaller).
#pragma once

#include <cstdint>
#include <span>

namespace weir {

struct Outcomes {
  uint64_t requests = 0;
  uint64_t failures = 0;  // of these
};

// Samples of `backend`, each over another span of time: one is enough, so that a good past does not
// hide a bad present. `others`: of all other backends together, over a span at least as long as the
// longest. `least`: fewer failures are no evidence, whatever the others do; below five it also
// lowers the evidence that is needed to that of so many failures in a row while no other backend
// fails.
bool judge(std::span<const Outcomes> backend, Outcomes others, uint32_t least);

}  // namespace weir
