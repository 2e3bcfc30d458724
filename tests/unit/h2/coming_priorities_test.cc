#include "h2/coming_priorities.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

H2Priority urgency(uint8_t value) {
  H2Priority priority;
  priority.urgency = value;
  return priority;
}

TEST(ComingPriorities, StreamTakesTheLastOneThatWasKeptForIt) {
  ComingPriorities coming;
  coming.keep(5, urgency(1));
  coming.keep(7, urgency(2));
  coming.keep(5, urgency(6));
  EXPECT_FALSE(coming.take(3));
  EXPECT_EQ(coming.take(5)->urgency, 6u);
  EXPECT_FALSE(coming.take(5));
  EXPECT_EQ(coming.take(7)->urgency, 2u);
}

TEST(ComingPriorities, StreamsThatNeverBeginAreForgottenWithTheNextOne) {
  ComingPriorities coming;
  for (uint32_t id = 1; id < 32; id += 2) coming.keep(id, urgency(1));
  EXPECT_EQ(coming.size(), ComingPriorities::kMost);
  coming.keep(33, urgency(2));
  EXPECT_FALSE(coming.take(33)) << "16 are kept";
  EXPECT_EQ(coming.size(), 0u);
  coming.keep(35, urgency(3));
  EXPECT_EQ(coming.take(35)->urgency, 3u);
}

TEST(ComingPriorities, FullListStillTakesNewValuesForItsStreams) {
  ComingPriorities coming;
  for (uint32_t id = 1; id < 200; id += 2) coming.keep(id, urgency(1));
  coming.keep(31, urgency(0));
  EXPECT_EQ(coming.take(31)->urgency, 0u);
}

}  // namespace
}  // namespace weir
