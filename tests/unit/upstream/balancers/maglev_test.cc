#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kPolicy = config::Balance::maglev;

// A guarantee for updates: a new version of weir must not move every client to another backend.
TEST(Maglev, MappingIsTheSameInEveryBuild) {
  BalancerHarness hosts(kPolicy, {1, 2, 1, 4});
  EXPECT_EQ(hosts.picks(12), (std::vector<int>{3, 3, 0, 0, 0, 2, 3, 0, 3, 1, 1, 3}));
}

TEST(Maglev, SpreadsHashesByWeightAsEvenlyAsRandom) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < 40; ++i) weights.push_back(1 + i * 7 % 11);
  BalancerHarness hosts(kPolicy, weights);
  EXPECT_LT(chi_square(hosts.counts(100000), weights), chi_square_limit(40));
}

TEST(Maglev, EntriesFollowTheWeights) {
  const HashTable table(kPolicy, {{"a", 1, 0, 1}, {"b", 1000, 1, 1}, {"c", 500, 2, 1}});
  std::map<std::string, uint64_t> entries;
  for (size_t entry = 0; entry < table.size(); ++entry) ++entries[table.member(entry).name];
  EXPECT_EQ(table.size(), 65537u);
  EXPECT_NEAR(static_cast<double>(entries["a"]), 65537 / 1501.0, 2);
  EXPECT_NEAR(static_cast<double>(entries["b"]), 65537 / 1.501, 2);
  EXPECT_NEAR(static_cast<double>(entries["c"]), 65537 / 3.002, 2);
}

TEST(Maglev, MoreHostsThanEntriesAreUsedWhenNoOtherIs) {
  const HashTable::Member none{"x", 1, 0, 1};
  std::vector<HashTable::Member> members(65538, none);
  for (BackendIndex i = 0; i < members.size(); ++i) members[i] = {std::to_string(i), 1, i, 1};
  const auto table = std::make_shared<const HashTable>(kPolicy, members);
  std::set<BackendIndex> without;
  for (BackendIndex i = 0; i < members.size(); ++i) without.insert(i);
  for (size_t entry = 0; entry < table->size(); ++entry) without.erase(table->member(entry).first);
  ASSERT_EQ(without.size(), 1u);
  Backend backend("c", "x", "x", Address::loopback(80));
  const std::atomic<int64_t> active{0};
  const std::vector<Host> eligible{{&backend, 1, &active, 0, *without.begin()}};
  const auto balancer = make_balancer(kPolicy, 1, table);
  balancer->rebuild(eligible);
  EXPECT_EQ(balancer->pick({}), 0u);
}

}  // namespace
}  // namespace weir::test
