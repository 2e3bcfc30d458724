#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kRandomTwo = config::Balance::random_two;

TEST(RandomTwo, DrawsFollowTheWeightsOfIdleHosts) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < 30; ++i) weights.push_back(1 + i % 7);
  BalancerHarness hosts(kRandomTwo, weights);
  EXPECT_LT(chi_square(hosts.counts(100000), weights), chi_square_limit(30));
}

TEST(RandomTwo, PicksTheLessLoadedOfTwoHosts) {
  BalancerHarness hosts(kRandomTwo, {1, 1});
  hosts.active(0) = 4;
  hosts.active(1) = 3;
  EXPECT_EQ(hosts.counts(500)[1], 500u);
  hosts.active(1) = 5;
  EXPECT_EQ(hosts.counts(500)[0], 500u);
}

TEST(RandomTwo, LoadIsCountedPerWeight) {
  BalancerHarness hosts(kRandomTwo, {10, 1});
  hosts.active(0) = 50;  // 5 for each unit of weight
  hosts.active(1) = 6;
  EXPECT_EQ(hosts.counts(500)[0], 500u);
  hosts.active(1) = 4;
  EXPECT_EQ(hosts.counts(500)[1], 500u);
}

TEST(RandomTwo, NeverPicksTheMostLoadedOfMany) {
  BalancerHarness hosts(kRandomTwo, BalancerHarness::equal(10));
  hosts.active(4) = 1;
  auto counts = hosts.counts(18000);
  EXPECT_EQ(counts.count(4), 0u);
  EXPECT_EQ(counts.size(), 9u);
}

TEST(RandomTwo, TwoChoicesFillHostsMoreEvenlyThanOne) {
  auto spread = [](config::Balance policy) {
    BalancerHarness hosts(policy, BalancerHarness::equal(100));
    int64_t highest = 0;
    for (uint64_t client = 0; client < 10000; ++client) {
      highest = std::max(highest, ++hosts.active(hosts.pick(client)));
    }
    return highest - 100;  // above the mean
  };
  EXPECT_LE(spread(kRandomTwo), 5);
  EXPECT_GE(spread(config::Balance::random), 15);
}

}  // namespace
}  // namespace weir::test
