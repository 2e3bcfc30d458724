#include "upstream/tally.h"

#include <gmock/gmock.h>

namespace weir {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

class TallyTest : public testing::Test {
 protected:
  void note(Tally::Outcome outcome, int times = 1) {
    for (; times > 0; --times) tally.note(outcome, now);
  }
  Tally tally;
  TimePoint now = kStart;
};

TEST_F(TallyTest, CountsEachOutcome) {
  note(Tally::Outcome::success, 3);
  note(Tally::Outcome::failure, 2);
  note(Tally::Outcome::timeout);
  const Tally::Counts counts = tally.over(1s, now);
  EXPECT_EQ(counts.requests, 6u);
  EXPECT_EQ(counts.failures, 2u);
  EXPECT_EQ(counts.timeouts, 1u);
}

TEST_F(TallyTest, SpanLeavesOutWhatIsOlder) {
  for (int second = 0; second < 10; ++second) {
    note(Tally::Outcome::failure);
    now += 1s;
  }
  EXPECT_EQ(tally.over(Tally::kLongest, now).failures, 9u) << "the first is ten seconds old";
  EXPECT_EQ(tally.over(2500ms, now).failures, 2u);
  EXPECT_EQ(tally.over(1s, now).failures, 0u);
}

TEST_F(TallyTest, QuietTimeEmptiesIt) {
  note(Tally::Outcome::failure, 5);
  now += 5s;
  EXPECT_EQ(tally.over(Tally::kLongest, now).failures, 5u);
  now += 1h;
  EXPECT_EQ(tally.over(Tally::kLongest, now).requests, 0u);
  note(Tally::Outcome::success);
  EXPECT_EQ(tally.over(Tally::kLongest, now).requests, 1u);
}

TEST_F(TallyTest, LeavesOutWhatWasBeforeAMoment) {
  note(Tally::Outcome::failure, 5);
  now += 1s;
  const TimePoint since = now;
  EXPECT_EQ(tally.over(Tally::kLongest, now, since).failures, 0u);
  now += 250ms;
  note(Tally::Outcome::failure, 2);
  EXPECT_EQ(tally.over(Tally::kLongest, now, since).failures, 2u);
}

}  // namespace
}  // namespace weir
