#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kRoundRobin = config::Balance::round_robin;

// The longest run of one host, looking at the picks as a circle.
size_t longest_run(const std::vector<int>& picks) {
  size_t longest = 0, run = 0;
  for (size_t i = 0; i < 2 * picks.size(); ++i) {
    run = i > 0 && picks[i % picks.size()] == picks[(i - 1) % picks.size()] ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  return std::min(longest, picks.size());
}

TEST(RoundRobin, EqualHostsAlternateInOrder) {
  BalancerHarness hosts(kRoundRobin, BalancerHarness::equal(5));
  const auto picks = hosts.picks(50);
  for (size_t i = 1; i < picks.size(); ++i) EXPECT_EQ(picks[i], (picks[i - 1] + 1) % 5);
}

TEST(RoundRobin, EveryCycleGivesEachHostExactlyItsWeight) {
  const std::vector<uint32_t> weights{5, 1, 3, 1, 2, 5};
  BalancerHarness hosts(kRoundRobin, weights);
  for (int cycle = 0; cycle < 20; ++cycle) {
    auto counts = hosts.counts(17);
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(counts[i], weights[static_cast<size_t>(i)]) << "host " << i;
  }
}

TEST(RoundRobin, RunsOfOneHostAreAsShortAsPossible) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    // Five in two gaps: at least one has three.
    EXPECT_EQ(longest_run(BalancerHarness(kRoundRobin, {5, 1, 1}, seed).picks(7)), 3u);
    EXPECT_EQ(longest_run(BalancerHarness(kRoundRobin, {1, 6, 1, 1}, seed).picks(9)), 2u);
    EXPECT_EQ(longest_run(BalancerHarness(kRoundRobin, {2, 3, 2}, seed).picks(7)), 1u);
  }
}

TEST(RoundRobin, EachHostHasItsShareWithinTwoPicksAtEveryMoment) {
  const std::vector<uint32_t> weights{1, 9, 4, 4, 2, 10, 1};
  BalancerHarness hosts(kRoundRobin, weights, 3);
  std::vector<double> had(weights.size());
  for (int turn = 1; turn <= 310; ++turn) {
    ++had[static_cast<size_t>(hosts.pick())];
    for (size_t i = 0; i < weights.size(); ++i) {
      EXPECT_NEAR(had[i], turn * weights[i] / 31.0, 2.0) << "host " << i << " after " << turn;
    }
  }
}

TEST(RoundRobin, WorkersWithDifferentSeedsStartAtDifferentHosts) {
  std::map<int, uint64_t> first;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    ++first[BalancerHarness(kRoundRobin, BalancerHarness::equal(4), seed).pick()];
  }
  EXPECT_LT(chi_square(first, BalancerHarness::equal(4)), chi_square_limit(4));
}

TEST(RoundRobin, HostExcludedForSomeTimeDoesNotCatchUpAfterwards) {
  BalancerHarness hosts(kRoundRobin, {1, 1, 4});
  hosts.picks(1000, {2});
  auto counts = hosts.counts(60);
  EXPECT_EQ(counts[2], 40u);
}

}  // namespace
}  // namespace weir::test
