#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kRandom = config::Balance::random;

TEST(RandomBalancer, DrawsFollowTheWeightsAndAreRandom) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < 50; ++i) weights.push_back(1 + i * i % 97);
  BalancerHarness hosts(kRandom, weights);
  const double chi = chi_square(hosts.counts(200000), weights);
  EXPECT_LT(chi, chi_square_limit(50));
  EXPECT_GT(chi, 0.3) << "too even to be random";
}

TEST(RandomBalancer, ExtremeWeightsAreExact) {
  BalancerHarness hosts(kRandom, {1, 1000});
  EXPECT_NEAR(static_cast<double>(hosts.counts(1001000)[0]), 1000, 200);
}

TEST(RandomBalancer, SuccessiveDrawsAreIndependent) {
  BalancerHarness hosts(kRandom, BalancerHarness::equal(5));
  const auto picks = hosts.picks(50001);
  std::map<int, uint64_t> pairs;
  for (size_t i = 1; i < picks.size(); ++i) ++pairs[picks[i - 1] * 5 + picks[i]];
  EXPECT_LT(chi_square(pairs, BalancerHarness::equal(25)), chi_square_limit(25));
}

TEST(RandomBalancer, ManyExclusionsKeepTheSharesOfTheOthers) {
  BalancerHarness hosts(kRandom, {900, 1, 2, 900, 3});
  auto counts = hosts.counts(60000, {0, 3});
  EXPECT_LT(chi_square({{0, counts[1]}, {1, counts[2]}, {2, counts[4]}}, {1, 2, 3}),
            chi_square_limit(3));
}

TEST(RandomBalancer, SeedDeterminesTheDraws) {
  auto weights = BalancerHarness::equal(8);
  EXPECT_EQ(BalancerHarness(kRandom, weights, 5).picks(50),
            BalancerHarness(kRandom, weights, 5).picks(50));
  EXPECT_NE(BalancerHarness(kRandom, weights, 5).picks(50),
            BalancerHarness(kRandom, weights, 6).picks(50));
}

}  // namespace
}  // namespace weir::test
