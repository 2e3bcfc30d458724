// What the pools and queues of a worker share.
#include "support/test_loop.h"
#include "upstream/pool.h"

namespace weir::test {
namespace {

struct CountedWaiter final : QueueWaiter {
  void on_room() override { ++called; }
  int called = 0;
};

class PoolsTest : public testing::Test, public TestLoop {
 protected:
  ClusterCells cells_;
  Pools pools_{loop};
};

TEST_F(PoolsTest, AChangeOfOneClusterCallsNoWaiterOfAnother) {
  const auto a = pools_.queue("a", cells_), b = pools_.queue("b", cells_);
  CountedWaiter in_a, in_b;
  ASSERT_TRUE(a->enter(in_a, 1));
  ASSERT_TRUE(b->enter(in_b, 1));
  pools_.wake_waiters("a");
  EXPECT_EQ(in_a.called, 1);
  EXPECT_EQ(in_b.called, 0);
  pools_.wake_waiters("unknown");
  EXPECT_EQ(in_b.called, 0);
  pools_.wake_waiters();
  EXPECT_EQ(in_b.called, 1);
}

}  // namespace
}  // namespace weir::test
