// Tests for every policy of the table; balancers/<name>_test.cc has those of one policy.
#include "upstream/balancer.h"

#include <set>

#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr config::Balance kPolicies[] = {
#define BALANCER(name, help) config::Balance::name,
#include "config/balancers.def"
#undef BALANCER
};
constexpr const char* kNames[] = {
#define BALANCER(name, help) #name,
#include "config/balancers.def"
#undef BALANCER
};

// Arcs of a ring are random: their shares differ more from the weights than draws do.
double most_chi_square(config::Balance policy, double of_draws) {
  return policy == config::Balance::ring_hash ? 8 * of_draws : of_draws;
}

class EveryBalancer : public testing::TestWithParam<config::Balance> {};

INSTANTIATE_TEST_SUITE_P(Table, EveryBalancer, testing::ValuesIn(kPolicies),
                         [](const auto& tested) {
                           return std::string(kNames[static_cast<size_t>(tested.param)]);
                         });

TEST_P(EveryBalancer, PicksNoneWithoutHosts) {
  auto balancer = make_balancer(GetParam(), 1);
  EXPECT_EQ(balancer->pick({}), kNoBackend) << "before the first rebuild";
  balancer->rebuild({});
  EXPECT_EQ(balancer->pick({}), kNoBackend);
}

TEST_P(EveryBalancer, PicksTheOnlyHostAlways) {
  BalancerHarness hosts(GetParam(), {7});
  for (int number : hosts.picks(100)) EXPECT_EQ(number, 0);
}

TEST_P(EveryBalancer, UsesEveryHost) {
  BalancerHarness hosts(GetParam(), BalancerHarness::equal(20));
  EXPECT_EQ(hosts.counts(2000).size(), 20u);
}

TEST_P(EveryBalancer, FollowsTheWeightsOfAnIdleCluster) {
  const std::vector<uint32_t> weights{1, 10, 3, 6, 3};
  BalancerHarness hosts(GetParam(), weights);
  EXPECT_LT(chi_square(hosts.counts(46000), weights), most_chi_square(GetParam(), 8));
}

TEST_P(EveryBalancer, ExcludedHostsAreNotPickedAndOthersShareByWeight) {
  const std::vector<uint32_t> weights{2, 5, 2, 1, 4};
  BalancerHarness hosts(GetParam(), weights);
  auto counts = hosts.counts(27000, {1, 3, 1});
  EXPECT_EQ(counts.count(1), 0u);
  EXPECT_EQ(counts.count(3), 0u);
  EXPECT_LT(chi_square({{0, counts[0]}, {1, counts[2]}, {2, counts[4]}}, {2, 2, 4}),
            most_chi_square(GetParam(), 12));
}

TEST_P(EveryBalancer, PicksTheOnlyHostThatIsNotExcluded) {
  BalancerHarness hosts(GetParam(), {1, 1000, 1000, 1000});
  for (int number : hosts.picks(200, {1, 2, 3})) EXPECT_EQ(number, 0);
}

TEST_P(EveryBalancer, PicksNoneWhenAllAreExcludedAndRecovers) {
  BalancerHarness hosts(GetParam(), {1, 2, 3});
  for (int number : hosts.picks(10, {0, 1, 2})) EXPECT_EQ(number, kNoNumber);
  EXPECT_EQ(hosts.counts(300).size(), 3u);
}

TEST_P(EveryBalancer, RebuildRemovesAndAddsHosts) {
  BalancerHarness hosts(GetParam(), BalancerHarness::equal(4));
  hosts.use({{3, 1}, {5, 2}});
  auto counts = hosts.counts(3000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(static_cast<double>(counts[5]), 2000, 150);
  hosts.use({});
  EXPECT_EQ(hosts.pick(), kNoNumber);
  hosts.use({{0, 1}});
  EXPECT_EQ(hosts.pick(), 0);
}

TEST_P(EveryBalancer, RebuildsInQuickSuccessionFavourNoHost) {
  const std::vector<uint32_t> weights{4, 1, 1, 2, 4};
  BalancerHarness hosts(GetParam(), weights);
  std::map<int, uint64_t> counts;
  for (uint64_t client = 0; client < 6000; ++client) {
    hosts.use({{0, 4}, {1, 1}, {2, 1}, {3, 2}, {4, 4}});
    ++counts[hosts.pick(client)];
  }
  EXPECT_LT(chi_square(counts, weights), most_chi_square(GetParam(), 8));
}

TEST_P(EveryBalancer, UsesAllOfAThousandHosts) {
  BalancerHarness hosts(GetParam(), BalancerHarness::equal(1000));
  EXPECT_EQ(hosts.counts(20000).size(), 1000u);
}

TEST(Balancers, EveryPolicyHasItsOwnImplementation) {
  std::set<std::string> types;
  size_t policies = 0;
  for (config::Balance policy : kPolicies) {
    if (HashTable::used_by(policy)) continue;  // hash_table_test.cc compares these
    ++policies;
    auto balancer = make_balancer(policy, 1);
    Balancer& made = *balancer;
    types.insert(typeid(made).name());
  }
  EXPECT_EQ(types.size(), policies);
}

}  // namespace
}  // namespace weir::test
