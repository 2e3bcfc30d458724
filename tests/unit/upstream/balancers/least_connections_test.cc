#include "support/balancer_harness.h"

#include <thread>

namespace weir::test {
namespace {

constexpr auto kLeastConnections = config::Balance::least_connections;

TEST(LeastConnections, PicksTheHostWithTheFewestConnections) {
  BalancerHarness hosts(kLeastConnections, BalancerHarness::equal(4));
  for (int i = 0; i < 4; ++i) hosts.active(i) = 10;
  hosts.active(2) = 9;
  for (int number : hosts.picks(20)) EXPECT_EQ(number, 2);
}

TEST(LeastConnections, CountsPerWeight) {
  BalancerHarness hosts(kLeastConnections, {1, 4, 2});
  hosts.active(0) = 2;
  hosts.active(1) = 7;  // 1.75 for each unit of weight
  hosts.active(2) = 4;
  EXPECT_EQ(hosts.pick(), 1);
  hosts.active(1) = 9;
  EXPECT_NE(hosts.pick(), 1);
}

TEST(LeastConnections, LongSessionsAreDistributedExactlyByWeight) {
  BalancerHarness hosts(kLeastConnections, {1, 2, 5});
  for (uint64_t client = 0; client < 800; ++client) ++hosts.active(hosts.pick(client));
  EXPECT_EQ(hosts.active(0), 100);
  EXPECT_EQ(hosts.active(1), 200);
  EXPECT_EQ(hosts.active(2), 500);
}

TEST(LeastConnections, HostsWithEqualLoadAlternate) {
  BalancerHarness hosts(kLeastConnections, BalancerHarness::equal(5));
  const auto picks = hosts.picks(40);
  for (size_t i = 5; i < picks.size(); ++i) EXPECT_EQ(picks[i], picks[i - 5]);
}

TEST(LeastConnections, OnlyTheLeastLoadedHostsAlternate) {
  BalancerHarness hosts(kLeastConnections, BalancerHarness::equal(5));
  hosts.active(3) = 1;
  auto counts = hosts.counts(400);
  EXPECT_EQ(counts.count(3), 0u);
  for (int i : {0, 1, 2, 4}) EXPECT_NEAR(static_cast<double>(counts[i]), 100, 1);
}

TEST(LeastConnections, HostsWithEqualLoadAlternateByWeight) {
  BalancerHarness hosts(kLeastConnections, {3, 1});
  EXPECT_EQ(hosts.counts(40), (std::map<int, uint64_t>{{0, 30}, {1, 10}}));
}

TEST(LeastConnections, HostThatReturnsWithoutSessionsIsFilledFirst) {
  BalancerHarness hosts(kLeastConnections, BalancerHarness::equal(2));
  hosts.active(0) = 50;
  for (int i = 0; i < 50; ++i) {
    const int number = hosts.pick();
    EXPECT_EQ(number, 1);
    ++hosts.active(number);
  }
}

TEST(LeastConnections, WorkersWithDifferentSeedsStartAtDifferentHosts) {
  std::map<int, uint64_t> first;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    ++first[BalancerHarness(kLeastConnections, BalancerHarness::equal(4), seed).pick()];
  }
  EXPECT_LT(chi_square(first, BalancerHarness::equal(4)), chi_square_limit(4));
}

TEST(LeastConnections, ChoosesWhileOtherThreadsChangeTheCounts) {
  BalancerHarness hosts(kLeastConnections, BalancerHarness::equal(3));
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (uint64_t i = 0; !done; ++i)
      hosts.active(static_cast<int>(i % 3)) = static_cast<int64_t>(i % 7);
  });
  for (int i = 0; i < 200'000; ++i) ASSERT_GE(hosts.pick(), 0);
  done = true;
  other.join();
}

}  // namespace
}  // namespace weir::test
