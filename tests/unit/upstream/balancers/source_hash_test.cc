#include "support/balancer_harness.h"

namespace weir::test {
namespace {

constexpr auto kSourceHash = config::Balance::source_hash;
constexpr size_t kClients = 20000;

std::vector<std::pair<int, uint32_t>> hosts_up_to(int count) {
  std::vector<std::pair<int, uint32_t>> hosts;
  for (int i = 0; i < count; ++i) hosts.emplace_back(i, 1 + i % 3);
  return hosts;
}

TEST(SourceHash, ClientKeepsItsHost) {
  BalancerHarness hosts(kSourceHash, {1, 2, 3});
  const auto before = hosts.picks(1000);
  EXPECT_EQ(hosts.picks(1000), before);
}

TEST(SourceHash, SpreadsClientsByWeightAsEvenlyAsRandom) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < 40; ++i) weights.push_back(1 + i * 7 % 11);
  BalancerHarness hosts(kSourceHash, weights);
  EXPECT_LT(chi_square(hosts.counts(100000), weights), chi_square_limit(40));
}

TEST(SourceHash, SpreadsAdjacentHashes) {
  BalancerHarness hosts(kSourceHash, BalancerHarness::equal(8));
  std::map<int, uint64_t> counts;
  for (uint64_t hash = 0; hash < 8000; ++hash)
    ++counts[static_cast<int>(hosts.balancer().pick({hash, {}}))];
  EXPECT_LT(chi_square(counts, BalancerHarness::equal(8)), 5);
}

TEST(SourceHash, AllWorkersAgreeWhateverTheirSeedAndTheOrderOfHosts) {
  BalancerHarness one(kSourceHash, {}, 1), other(kSourceHash, {}, 99);
  one.use({{0, 2}, {1, 1}, {2, 2}, {3, 3}});
  other.use({{3, 3}, {2, 2}, {0, 2}, {1, 1}});
  EXPECT_EQ(one.picks(kClients), other.picks(kClients));
}

// A guarantee for updates: a new version of weir must not move every client to another backend.
TEST(SourceHash, MappingIsTheSameInEveryBuild) {
  BalancerHarness hosts(kSourceHash, {1, 2, 1, 4});
  EXPECT_EQ(hosts.picks(12), (std::vector<int>{1, 1, 0, 1, 3, 2, 2, 1, 1, 1, 3, 3}));
}

TEST(SourceHash, RemovingAHostMovesOnlyItsClients) {
  BalancerHarness hosts(kSourceHash, {});
  auto all = hosts_up_to(10);
  hosts.use(all);
  const auto before = hosts.picks(kClients);
  all.erase(all.begin() + 4);
  hosts.use(all);
  const auto after = hosts.picks(kClients);
  for (size_t i = 0; i < kClients; ++i) {
    if (before[i] == 4) {
      EXPECT_NE(after[i], 4);
    } else {
      EXPECT_EQ(after[i], before[i]);
    }
  }
}

TEST(SourceHash, AddingAHostMovesOnlyItsShareOfClientsToIt) {
  BalancerHarness hosts(kSourceHash, BalancerHarness::equal(9));
  const auto before = hosts.picks(kClients);
  std::vector<std::pair<int, uint32_t>> ten;
  for (int i = 0; i < 10; ++i) ten.emplace_back(i, 1);
  hosts.use(ten);
  const auto after = hosts.picks(kClients);
  size_t moved = 0;
  for (size_t i = 0; i < kClients; ++i) {
    if (after[i] == before[i]) continue;
    ++moved;
    EXPECT_EQ(after[i], 9);
  }
  EXPECT_NEAR(static_cast<double>(moved), kClients / 10.0, kClients / 100.0);
}

TEST(SourceHash, RaisingAWeightMovesClientsOnlyToThatHost) {
  BalancerHarness hosts(kSourceHash, {});
  hosts.use({{0, 4}, {1, 4}, {2, 4}});
  const auto before = hosts.picks(kClients);
  hosts.use({{0, 4}, {1, 8}, {2, 4}});
  const auto after = hosts.picks(kClients);
  size_t moved = 0;
  for (size_t i = 0; i < kClients; ++i) {
    if (after[i] == before[i]) continue;
    ++moved;
    EXPECT_EQ(after[i], 1);
  }
  EXPECT_NEAR(static_cast<double>(moved), kClients / 6.0, kClients / 60.0);  // from 1/3 to 1/2
}

TEST(SourceHash, ClientsOfAnExcludedHostGetTheHostTheyWouldGetWithoutIt) {
  BalancerHarness hosts(kSourceHash, {});
  hosts.use(hosts_up_to(6));
  const auto excluded = hosts.picks(kClients, {2, 5});
  auto without = hosts_up_to(6);
  without.erase(without.begin() + 5);
  without.erase(without.begin() + 2);
  hosts.use(without);
  EXPECT_EQ(hosts.picks(kClients), excluded);
}

TEST(SourceHash, ClientsOfAnExcludedHostAreSpreadOverAllOthers) {
  BalancerHarness hosts(kSourceHash, BalancerHarness::equal(5));
  std::map<int, uint64_t> heirs;
  for (uint64_t client = 0; client < kClients; ++client) {
    if (hosts.pick(client) == 0) ++heirs[hosts.pick(client, {0}) - 1];
  }
  EXPECT_LT(chi_square(heirs, BalancerHarness::equal(4)), chi_square_limit(4));
}

}  // namespace
}  // namespace weir::test
