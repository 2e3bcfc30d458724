// A limit that several threads take and give.
#include "upstream/limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace weir::test {
namespace {

TEST(LimitTest, TakesUpToTheLimitAndAgainAfterAPlaceWasGiven) {
  Limit limit;
  limit.set_most(2);
  EXPECT_TRUE(limit.try_take());
  EXPECT_FALSE(limit.full());
  EXPECT_TRUE(limit.try_take());
  EXPECT_TRUE(limit.full());
  EXPECT_FALSE(limit.try_take());
  EXPECT_EQ(limit.taken(), 2);
  limit.give();
  EXPECT_TRUE(limit.try_take());
}

TEST(LimitTest, WithoutLimitItCounts) {
  Limit limit;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(limit.try_take());
  EXPECT_FALSE(limit.full());
  EXPECT_EQ(limit.taken(), 1000);
}

TEST(LimitTest, LoweredLimitTakesNothingAwayAndCountsTheExcess) {
  Limit limit;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limit.try_take());
  limit.set_most(2);
  EXPECT_EQ(limit.excess(), 3);
  for (int i = 0; i < 3; ++i) limit.give();
  EXPECT_EQ(limit.excess(), 0);
  EXPECT_FALSE(limit.try_take());
  limit.set_most(0);
  EXPECT_TRUE(limit.try_take());
}

// With an addition in place of the compare-and-swap, a thread sees the count above the limit.
TEST(LimitTest, IsNeverExceededByThreadsThatTakeAtTheSameTime) {
  constexpr int64_t kMost = 1;
  Limit limit;
  limit.set_most(kMost);
  std::atomic<int64_t> inside{0}, peak{0}, above{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!limit.try_take()) continue;
        for (int look = 0; look < 20; ++look)
          if (limit.taken() > kMost) ++above;
        const int64_t now = ++inside;
        int64_t seen = peak.load();
        while (now > seen && !peak.compare_exchange_weak(seen, now)) {
        }
        --inside;
        limit.give();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(peak.load(), kMost);
  EXPECT_EQ(above.load(), 0);
  EXPECT_EQ(limit.taken(), 0);
}

}  // namespace
}  // namespace weir::test
