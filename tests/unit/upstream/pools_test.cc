// The common state of the pools and queues of a worker.
#include "upstream/pools.h"
#include "support/growth.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

constexpr size_t kMany = 4'000;  // and four times as many

struct CountedWaiter final : QueueWaiter {
  void on_room() override { ++called; }
  int called = 0;
};

class PoolsTest : public testing::Test, public TestLoop {
 protected:
  ClusterCells cells_;
  Pools pools_{loop};
};

TEST_F(PoolsTest, ChangeOfOneClusterWakesNoWaiterOfAnotherCluster) {
  const auto a = pools_.queue("a", cells_, make_cluster_shared());
  const auto b = pools_.queue("b", cells_, make_cluster_shared());
  const ClusterSpec spec;
  CountedWaiter in_a, in_b;
  ASSERT_TRUE(a->enter(in_a, {&spec}, clock.now(), 1));
  ASSERT_TRUE(b->enter(in_b, {&spec}, clock.now(), 1));
  pools_.wake_waiters("a");
  EXPECT_EQ(in_a.called, 1);
  EXPECT_EQ(in_b.called, 0);
  pools_.wake_waiters("unknown");
  EXPECT_EQ(in_b.called, 0);
  pools_.wake_waiters();
  EXPECT_EQ(in_b.called, 1);
  a->leave(in_a);
  b->leave(in_b);
}

TEST_F(PoolsTest, PoolsOfManyBackendsAreCreatedInLinearTime) {
  BackendCells cells;
  const auto limits = std::make_shared<const PoolLimits>();
  const auto cost_of_pools = [&](size_t size) {
    std::vector<std::shared_ptr<Backend>> backends(size);
    for (auto& one : backends) one = std::make_shared<Backend>("c", "b", "b", Address::loopback(9));
    Pools pools(loop);
    const auto queue = pools.queue("c", cells_, make_cluster_shared());
    std::vector<std::shared_ptr<Pool>> made;
    made.reserve(size);
    const Duration cost = cost_of([&] {
      for (const auto& one : backends)
        made.push_back(pools.pool(one, cells, queue, nullptr, limits));
    });
    EXPECT_EQ(pools.entries(), size + 1);
    return cost;
  };
  EXPECT_LT(growth(kMany, cost_of_pools), kNearlyLinear);
}

TEST_F(PoolsTest, QueuesOfManyClustersAreCreatedInLinearTime) {
  const auto cost_of_queues = [&](size_t size) {
    std::vector<std::string> clusters(size);
    for (size_t i = 0; i < size; ++i) clusters[i] = "c" + std::to_string(i);
    Pools pools(loop);
    std::vector<std::shared_ptr<ClusterQueue>> made;
    made.reserve(size);
    const Duration cost = cost_of([&] {
      for (const std::string& cluster : clusters)
        made.push_back(pools.queue(cluster, cells_, make_cluster_shared()));
    });
    EXPECT_EQ(pools.entries(), size);
    return cost;
  };
  EXPECT_LT(growth(kMany, cost_of_queues), kNearlyLinear);
}

}  // namespace
}  // namespace weir::test
