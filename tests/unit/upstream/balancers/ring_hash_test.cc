#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kPolicy = config::Balance::ring_hash;

// A guarantee for updates: a new version of weir must not move every client to another backend.
TEST(RingHash, MappingIsTheSameInEveryBuild) {
  BalancerHarness hosts(kPolicy, {1, 2, 1, 4});
  EXPECT_EQ(hosts.picks(12), (std::vector<int>{3, 3, 3, 1, 2, 1, 3, 1, 3, 3, 0, 0}));
}

TEST(RingHash, SharesAreThoseOfTheWeightsWithinAQuarter) {
  const std::vector<uint32_t> weights{1, 1, 2, 3, 5, 1, 1, 2};
  BalancerHarness hosts(kPolicy, weights);
  const auto counts = hosts.counts(32000);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double expected = 2000.0 * weights[i];
    EXPECT_NEAR(static_cast<double>(counts.at(static_cast<int>(i))), expected, expected / 4) << i;
  }
}

// 160 points for a unit of weight.
TEST(RingHash, PointsGrowWithTheWeightUpToABoundForAll) {
  const auto points = [](std::vector<uint32_t> weights) {
    std::vector<HashTable::Member> members;
    for (uint32_t weight : weights)
      members.push_back({std::to_string(members.size()), weight, 0, 1});
    return HashTable(kPolicy, members).size();
  };
  EXPECT_EQ(points({1}), 160u);
  EXPECT_EQ(points({1, 3}), 640u);
  EXPECT_EQ(points({1000, 1000, 1}), 32752u + 32752u + 33u);
}

TEST(RingHash, RemovingAHostMovesNoHashBetweenOthers) {
  BalancerHarness hosts(kPolicy, {});
  std::vector<std::pair<int, uint32_t>> all{{0, 1}, {1, 2}, {2, 1}, {3, 4}, {4, 1}};
  hosts.use(all);
  const auto before = hosts.picks(20000);
  all.erase(all.begin() + 1);
  hosts.use(all);
  const auto after = hosts.picks(20000);
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] != 1) {
      ASSERT_EQ(after[i], before[i]);
    }
}

}  // namespace
}  // namespace weir::test
