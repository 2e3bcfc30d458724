#include "http/h2_patience.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using Flood = H2ErrorReason;

class H2PatienceTest : public testing::Test {
 protected:
  H2PatienceTest() { patience.start(now, 1); }
  void spend(Flood kind, unsigned cost, unsigned times = 1) {
    for (unsigned i = 0; i < times; ++i) patience.spend(kind, cost, now);
  }

  TimePoint now{std::chrono::hours(5)};
  H2Patience patience;
};

TEST_F(H2PatienceTest, EndsAfterAThousand) {
  spend(Flood::flood_ping, 1, 999);
  EXPECT_FALSE(patience.exhausted());
  spend(Flood::flood_ping, 1);
  EXPECT_TRUE(patience.exhausted());
}

TEST_F(H2PatienceTest, CostThatIsLargerThanWhatIsLeftEndsIt) {
  spend(Flood::flood_provoked, 10, 99);
  spend(Flood::flood_ping, 1, 9);
  spend(Flood::flood_provoked, 10);
  EXPECT_TRUE(patience.exhausted());
}

TEST_F(H2PatienceTest, IsRestoredByFiftyASecond) {
  spend(Flood::flood_ping, 1, 900);
  now += 1s;
  spend(Flood::flood_ping, 0);
  EXPECT_EQ(patience.left(), 150u);
  now += 39ms;  // a fraction is kept
  spend(Flood::flood_ping, 0);
  EXPECT_EQ(patience.left(), 151u);
  now += 1ms;
  spend(Flood::flood_ping, 0);
  EXPECT_EQ(patience.left(), 152u);
  now += std::chrono::hours(24);
  spend(Flood::flood_ping, 0);
  EXPECT_EQ(patience.left(), 1000u) << "and no more than at the start";
}

TEST_F(H2PatienceTest, ManyShortTimesRestoreAsMuchAsOneLongTime) {
  spend(Flood::flood_ping, 1, 900);
  for (int i = 0; i < 1000; ++i) {
    now += 1ms;
    spend(Flood::flood_ping, 0);
  }
  EXPECT_EQ(patience.left(), 150u);
}

TEST_F(H2PatienceTest, StaysExhausted) {
  spend(Flood::flood_ping, 1000);
  now += std::chrono::hours(1);
  spend(Flood::flood_ping, 0);
  EXPECT_TRUE(patience.exhausted());
}

TEST_F(H2PatienceTest, HeadersAndDataThatAreSentRestoreTwoEach) {
  spend(Flood::flood_reset, 2, 100);
  patience.earn_fields();
  EXPECT_EQ(patience.left(), 802u);
  patience.earn_data();
  EXPECT_EQ(patience.left(), 804u);
  for (int i = 0; i < 200; ++i) patience.earn_fields();
  EXPECT_EQ(patience.left(), 1000u);
}

TEST_F(H2PatienceTest, TenWindowUpdatesAreFreeForEachData) {
  patience.earn_data();
  patience.earn_fields();
  for (int i = 0; i < 10; ++i) patience.spend_update(now);
  EXPECT_EQ(patience.left(), 1000u);
  patience.spend_update(now);
  EXPECT_EQ(patience.left(), 999u);
  EXPECT_EQ(patience.most(), Flood::flood_other);
}

TEST_F(H2PatienceTest, FactorAppliesToAllButTheCosts) {
  patience.start(now, 10);
  EXPECT_EQ(patience.left(), 10'000u);
  spend(Flood::flood_settings, 5, 1000);
  EXPECT_EQ(patience.left(), 5000u);
  patience.earn_fields();
  EXPECT_EQ(patience.left(), 5020u);
  patience.earn_data();
  EXPECT_EQ(patience.left(), 5040u);
  for (int i = 0; i < 100; ++i) patience.spend_update(now);
  EXPECT_EQ(patience.left(), 5040u);
  now += 1s;
  spend(Flood::flood_ping, 0);
  EXPECT_EQ(patience.left(), 5540u);
}

TEST_F(H2PatienceTest, NamesWhatTookMost) {
  spend(Flood::flood_ping, 1, 300);
  spend(Flood::flood_reset, 2, 200);
  spend(Flood::flood_provoked, 10, 30);
  EXPECT_EQ(patience.most(), Flood::flood_reset);
}

TEST_F(H2PatienceTest, ForgetsWhatWasSpentBeforeItWasWhole) {
  spend(Flood::flood_ping, 1, 900);
  now += 18s;
  spend(Flood::flood_reset, 2, 100);
  EXPECT_EQ(patience.most(), Flood::flood_reset);
}

}  // namespace
}  // namespace weir
