#include "upstream/timeout_share.h"

#include <gtest/gtest.h>

namespace weir::test {
namespace {

constexpr TimePoint kStart = TimePoint{} + 1h;

TimeoutShare share_of(int timeouts, int answers) {
  TimeoutShare share;
  for (int i = 0; i < timeouts; ++i) share.note_timeout(kStart);
  for (int i = 0; i < answers; ++i) share.note_answer();
  return share;
}

TEST(TimeoutShare, IsHighAboveAQuarter) {
  EXPECT_FALSE(share_of(0, 0).is_high(kStart));
  EXPECT_TRUE(share_of(1, 0).is_high(kStart));
  EXPECT_TRUE(share_of(1, 2).is_high(kStart));
  EXPECT_FALSE(share_of(1, 3).is_high(kStart));
  EXPECT_FALSE(share_of(10, 30).is_high(kStart));
  EXPECT_TRUE(share_of(10, 29).is_high(kStart));
}

TEST(TimeoutShare, LeavesOutAnswersBeforeAQuietTime) {
  TimeoutShare share;
  for (int i = 0; i < 1000; ++i) share.note_answer();
  share.note_timeout(kStart);
  EXPECT_TRUE(share.is_high(kStart));
}

TEST(TimeoutShare, ForgetsATimeoutAfterTwoSeconds) {
  const TimeoutShare share = share_of(5, 0);
  EXPECT_TRUE(share.is_high(kStart + 1999ms));
  EXPECT_FALSE(share.is_high(kStart + 2s));
}

TEST(TimeoutShare, CountsTheSecondBeforeTheCurrentOne) {
  TimeoutShare share = share_of(1, 9);
  share.note_timeout(kStart + 1s);
  EXPECT_FALSE(share.is_high(kStart + 1s)) << "two of eleven";
  share.note_timeout(kStart + 2s);
  EXPECT_TRUE(share.is_high(kStart + 2s)) << "the answers are older";
}

}  // namespace
}  // namespace weir::test
