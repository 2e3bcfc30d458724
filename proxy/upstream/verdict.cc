#include "upstream/verdict.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

// A chance of one in 10⁹ for each of four spans: ln(4 · 10⁹).
constexpr double kEvidence = 22.1;
// Of the others, however good they have been: a few hundred answers do not show a smaller share.
constexpr double kLeastShare = 0.01;
// A backend that is only somewhat worse than the others is of more use than none.
constexpr double kWorse = 2, kBeyond = 0.10, kMostNeeded = 0.95;

// The divergence of Kullback and Leibler of two shares.
double divergence(double e, double p) {
  const double failed = e > 0 ? e * std::log(e / p) : 0;
  return e < 1 ? failed + (1 - e) * std::log((1 - e) / (1 - p)) : failed;
}

}  // namespace

bool judge(std::span<const Outcomes> backend, Outcomes others, uint32_t least) {
  const double requests = static_cast<double>(others.requests);
  const double failures = static_cast<double>(others.failures);
  const double p = requests > 0 ? std::max(failures / requests, kLeastShare) : kLeastShare;
  if (p >= 1) return false;
  const double evidence = std::min(kEvidence, -std::log(kLeastShare) * least);
  const double needed = std::min(kWorse * p + kBeyond, kMostNeeded);
  return std::any_of(backend.begin(), backend.end(), [&](const Outcomes& sample) {
    if (sample.failures < least || sample.requests == 0) return false;
    const double n = static_cast<double>(sample.requests);
    const double share = std::min(static_cast<double>(sample.failures) / n, 1.0);
    return share >= needed && share > p && n * divergence(share, p) >= evidence;
  });
}

}  // namespace weir
