#include "event/deadlines.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

struct Recorded final : Deadline {
  explicit Recorded(const ManualClock& c) : clock(c) {}
  void on_deadline() override { fired.push_back(clock.now()); }
  const ManualClock& clock;
  std::vector<TimePoint> fired;
};

class DeadlinesTest : public testing::Test {
 protected:
  void advance(Duration d) {
    clock.advance(d);
    deadlines.sweep(clock.now());
  }
  ManualClock clock;
  Deadlines deadlines{clock.now()};
  Recorded one{clock};
};

TEST_F(DeadlinesTest, FiresOnceNotEarlyAndAtMostOneTickLate) {
  deadlines.set(one, clock.now() + 100ms);
  advance(99ms);
  EXPECT_TRUE(one.fired.empty());
  advance(18ms);
  EXPECT_EQ(one.fired.size(), 1u);
  advance(10s);
  EXPECT_EQ(one.fired.size(), 1u);
  EXPECT_EQ(deadlines.next(), kNever);
}

TEST_F(DeadlinesTest, FiresAtTheLaterTimeItIsMovedTo) {
  deadlines.set(one, clock.now() + 100ms);
  deadlines.set(one, clock.now() + 300ms);
  advance(200ms);
  EXPECT_TRUE(one.fired.empty());
  advance(120ms);
  EXPECT_EQ(one.fired.size(), 1u);
}

TEST_F(DeadlinesTest, FiresAtTheEarlierTimeItIsMovedTo) {
  deadlines.set(one, clock.now() + 10s);
  deadlines.set(one, clock.now() + 100ms);
  advance(120ms);
  EXPECT_EQ(one.fired.size(), 1u);
}

TEST_F(DeadlinesTest, DoesNotFireWhenCancelledOrDestroyed) {
  deadlines.set(one, clock.now() + 100ms);
  one.cancel();
  auto other = std::make_unique<Recorded>(clock);
  deadlines.set(*other, clock.now() + 100ms);
  other.reset();
  advance(1s);
  EXPECT_TRUE(one.fired.empty());
}

TEST_F(DeadlinesTest, FiresBeyondTheHorizonWithFewWakeups) {
  deadlines.set(one, clock.now() + std::chrono::hours(1));
  int wakes = 0;
  while (one.fired.empty() && wakes < 1000) {
    const TimePoint next = deadlines.next();
    ASSERT_NE(next, kNever);
    ASSERT_GE(next, clock.now());
    advance(next - clock.now());
    ++wakes;
  }
  EXPECT_LE(wakes, 60);
  ASSERT_EQ(one.fired.size(), 1u);
}

TEST_F(DeadlinesTest, ClockJumpFiresAllThatAreDue) {
  std::vector<std::unique_ptr<Recorded>> many;
  for (int i = 0; i < 500; ++i) {
    many.push_back(std::make_unique<Recorded>(clock));
    deadlines.set(*many.back(), clock.now() + i * 1s);
  }
  advance(std::chrono::hours(2));
  for (auto& deadline : many) EXPECT_EQ(deadline->fired.size(), 1u);
}

TEST_F(DeadlinesTest, RandomUseFiresNeverEarlyAndNeverAfterTheNextWakeup) {
  Random random(7);
  std::vector<std::unique_ptr<Recorded>> many;
  std::vector<TimePoint> due(200, kNever);
  for (size_t i = 0; i < due.size(); ++i) many.push_back(std::make_unique<Recorded>(clock));
  for (int step = 0; step < 20000; ++step) {
    const size_t i = random.below(due.size());
    if (random.below(8) == 0) {
      many[i]->cancel();
      due[i] = kNever;
    } else {
      due[i] = clock.now() +
               Duration(random.below(random.below(4) == 0 ? 200'000'000'000 : 500'000'000));
      deadlines.set(*many[i], due[i]);
    }
    advance(std::min(Duration(random.below(20'000'000)),
                     std::max(deadlines.next() - clock.now(), Duration(0))));
    for (size_t k = 0; k < due.size(); ++k) {
      Recorded& deadline = *many[k];
      ASSERT_LE(deadline.fired.size(), 1u);
      if (!deadline.fired.empty()) {
        ASSERT_LE(due[k], deadline.fired[0]);
        ASSERT_LE(deadline.fired[0] - due[k], 17ms + 20ms);
        deadline.fired.clear();
        due[k] = kNever;
      } else if (due[k] != kNever) {
        ASSERT_LE(clock.now() - due[k], 17ms + 20ms) << "step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace weir
