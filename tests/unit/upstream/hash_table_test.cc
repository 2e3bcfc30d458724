// ring_hash and maglev: what both do. balancers/ has what one of them does.
#include "upstream/hash_table.h"

#include "support/balancer_harness.h"
#include "upstream/cluster.h"

namespace weir::test {
namespace {

using config::Balance;
constexpr size_t kHashedClients = 20000;

std::vector<std::pair<int, uint32_t>> hosts_of_table(int count) {
  std::vector<std::pair<int, uint32_t>> hosts;
  for (int i = 0; i < count; ++i) hosts.emplace_back(i, 1 + i % 3);
  return hosts;
}

class TablePolicy : public testing::TestWithParam<Balance> {};

INSTANTIATE_TEST_SUITE_P(Both, TablePolicy, testing::Values(Balance::ring_hash, Balance::maglev),
                         [](const auto& policy) { return std::string(text(policy.param)); });

TEST_P(TablePolicy, AllWorkersAgreeWhateverTheirSeedAndTheOrderOfHosts) {
  BalancerHarness one(GetParam(), {}, 1), other(GetParam(), {}, 99);
  one.use({{0, 2}, {1, 1}, {2, 2}, {3, 3}});
  other.use({{3, 3}, {2, 2}, {0, 2}, {1, 1}});
  EXPECT_EQ(one.picks(kHashedClients), other.picks(kHashedClients));
}

TEST_P(TablePolicy, SpreadsAdjacentHashes) {
  BalancerHarness hosts(GetParam(), BalancerHarness::equal(8));
  std::map<int, uint64_t> counts;
  for (uint64_t hash = 0; hash < 8000; ++hash)
    ++counts[static_cast<int>(hosts.balancer().pick({hash, {}}))];
  for (const auto& [host, count] : counts)
    EXPECT_NEAR(static_cast<double>(count), 1000, 300) << host;
  EXPECT_EQ(counts.size(), 8u);
}

// Health changes no table, so this holds for maglev as well.
TEST_P(TablePolicy, UnusableHostMovesOnlyItsHashesAndTheyComeBack) {
  BalancerHarness hosts(GetParam(), {});
  const auto all = hosts_of_table(10);
  hosts.use(all);
  const auto before = hosts.picks(kHashedClients);
  std::map<int, uint64_t> heirs;
  hosts.rebuild(all, {4});
  const auto without = hosts.picks(kHashedClients);
  for (size_t i = 0; i < kHashedClients; ++i) {
    if (before[i] == 4) {
      ++heirs[without[i]];
    } else {
      ASSERT_EQ(without[i], before[i]);
    }
  }
  EXPECT_FALSE(heirs.contains(4));
  EXPECT_EQ(heirs.size(), 9u) << "all others take a part of them";
  hosts.rebuild(all, {});
  EXPECT_EQ(hosts.picks(kHashedClients), before);
}

TEST_P(TablePolicy, HashesOfAnExcludedHostMoveAsThoseOfAnUnusableOne) {
  BalancerHarness hosts(GetParam(), {});
  const auto all = hosts_of_table(6);
  hosts.use(all);
  const auto excluded = hosts.picks(kHashedClients, {2, 5});
  hosts.rebuild(all, {2, 5});
  EXPECT_EQ(hosts.picks(kHashedClients), excluded);
}

// On average, of the hosts one after the other.
TEST_P(TablePolicy, RemovingAHostMovesItsShareOfHashes) {
  for (const int count : {10, 100}) {
    std::vector<std::pair<int, uint32_t>> all;
    for (int i = 0; i < count; ++i) all.emplace_back(i, 1);
    BalancerHarness hosts(GetParam(), {});
    hosts.use(all);
    const auto before = hosts.picks(kHashedClients);
    constexpr int kRemoved = 5;
    double moved = 0;
    for (int removed = 0; removed < kRemoved; ++removed) {
      auto left = all;
      left.erase(left.begin() + removed);
      hosts.use(left);
      const auto after = hosts.picks(kHashedClients);
      for (size_t i = 0; i < kHashedClients; ++i) moved += after[i] != before[i] ? 1 : 0;
    }
    // In the table of maglev other hosts lose and take entries, too, the more the more hosts there
    // are.
    const double most = GetParam() == Balance::maglev && count > 10 ? 1.8 : 1.2;
    EXPECT_LT(moved / kHashedClients / kRemoved, most / count) << count;
    EXPECT_GT(moved / kHashedClients / kRemoved, 0.8 / count) << count;
  }
}

TEST_P(TablePolicy, EveryOneOfAThousandHostsHasEntriesWithinTheBound) {
  std::vector<HashTable::Member> members;
  for (BackendIndex i = 0; i < 1000; ++i)
    members.push_back({"h" + std::to_string(i), 1 + i % 1000, i, 1});
  const HashTable table(GetParam(), members);
  EXPECT_GE(table.size(), 65'000u);
  EXPECT_LE(table.size(), 66'600u) << "64 Ki, and what rounding adds";
  std::set<BackendIndex> seen;
  for (size_t entry = 0; entry < table.size(); ++entry) seen.insert(table.member(entry).first);
  EXPECT_EQ(seen.size(), 1000u);
}

class TableOfSpec : public testing::Test {
 protected:
  void add(ClusterSpec& spec, const std::string& name, uint32_t series, uint64_t salt = 0) {
    const auto port = static_cast<uint16_t>(1000 + spec.hosts.size());
    spec.hosts.push_back(
        {.backend = std::make_shared<Backend>("c", name, name, Address::loopback(port)),
         .series = series,
         .salt = salt});
  }
  // "name" has so many addresses, and stands between two others.
  ClusterSpec spec_of(uint32_t addresses, Balance policy = Balance::ring_hash) {
    ClusterSpec spec;
    spec.balance = policy;
    add(spec, "first", 0);
    for (uint32_t i = 0; i < addresses; ++i) add(spec, "name", 1, 100 + i);
    add(spec, "last", 2);
    return spec;
  }
  // The series of the backend of each client.
  std::vector<uint32_t> series(const ClusterSpec& spec) {
    Cluster cluster(spec, metrics, 1);
    std::vector<uint32_t> found;
    for (uint64_t client = 0; client < 3000; ++client)
      found.push_back(spec.hosts[cluster.pick(clock.now(), mix(client), {})].series);
    return found;
  }

  ManualClock clock;
  WorkerMetrics metrics{0};
};

TEST_F(TableOfSpec, IsSharedByConfigurationsWithTheSameBackends) {
  ClusterSpec before = spec_of(1);
  before.index();
  ASSERT_NE(before.table, nullptr);
  ClusterSpec same = spec_of(1);
  same.hosts[1].state = config::BackendState::drain;
  same.connect_attempts = 7;
  same.index(&before);
  EXPECT_EQ(same.table, before.table);
  ClusterSpec heavier = spec_of(1), other = spec_of(1, Balance::maglev);
  heavier.hosts[0].weight = 2;
  heavier.index(&before);
  EXPECT_NE(heavier.table, before.table);
  other.index(&before);
  EXPECT_NE(other.table, before.table);
  other.balance = Balance::random;
  other.index(&before);
  EXPECT_EQ(other.table, nullptr);
}

TEST_F(TableOfSpec, NameWhoseAddressChangesKeepsItsHashes) {
  for (const Balance policy : {Balance::ring_hash, Balance::maglev}) {
    ClusterSpec before = spec_of(1, policy), after = spec_of(1, policy);
    after.hosts[1].salt = 555;
    before.index();
    after.index();
    EXPECT_EQ(series(after), series(before));
  }
}

TEST_F(TableOfSpec, AddressesOfANameShareItsHashesByWeight) {
  for (const Balance policy : {Balance::ring_hash, Balance::maglev}) {
    ClusterSpec spec = spec_of(3, policy);
    spec.index();
    Cluster cluster(spec, metrics, 1);
    std::map<int, uint64_t> counts;
    for (uint64_t client = 0; client < 10000; ++client)
      ++counts[static_cast<int>(cluster.pick(clock.now(), mix(client), {}))];
    for (int host = 0; host < 5; ++host)
      EXPECT_NEAR(static_cast<double>(counts[host]), 2000, 500) << host;
    const BackendIndex own = cluster.pick(clock.now(), mix(7), {});
    EXPECT_EQ(cluster.pick(clock.now(), mix(7), {}), own);
  }
}

}  // namespace
}  // namespace weir::test
