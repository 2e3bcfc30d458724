#include "http/h2_windows.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr uint32_t kMax = 1024 * 1024;

// RFC 9113 6.9.1
TEST(H2ReceiveWindow, RefusesAByteBeyondItsSize) {
  H2ReceiveWindow window;
  EXPECT_TRUE(window.receive(65535));
  EXPECT_TRUE(window.receive(0));
  EXPECT_FALSE(window.receive(1));
  EXPECT_EQ(window.open(), 0u);
  EXPECT_EQ(window.untaken(), 65535u);
}

TEST(H2ReceiveWindow, AnnouncesWhatWasTakenOnceThatIsHalf) {
  H2ReceiveWindow window;
  ASSERT_TRUE(window.receive(65535));
  EXPECT_EQ(window.take_update(kMax), 0u) << "nothing was taken";
  window.take(32766);
  EXPECT_EQ(window.take_update(kMax), 0u);
  window.take(1);
  EXPECT_EQ(window.take_update(kMax), 32767u);
  EXPECT_EQ(window.take_update(kMax), 0u);
  EXPECT_EQ(window.open(), 32767u);
}

TEST(H2ReceiveWindow, DoublesWhenAWholeWindowWasTakenAtOnce) {
  H2ReceiveWindow window;
  ASSERT_TRUE(window.receive(65535));
  window.take(65535);
  EXPECT_EQ(window.take_update(kMax), 2 * 65535u);
  EXPECT_EQ(window.size(), 2 * 65535u);
  ASSERT_TRUE(window.receive(65535));
  window.take(65535);
  EXPECT_EQ(window.take_update(kMax), 65535u) << "half of the new one";
  EXPECT_EQ(window.size(), 2 * 65535u);
}

TEST(H2ReceiveWindow, GrowsToAMegabyte) {
  H2ReceiveWindow window;
  uint64_t announced = window.size(), received = 0;
  for (int i = 0; i < 2000; ++i) {
    const uint32_t bytes = std::min(window.open(), 16384u);
    ASSERT_TRUE(window.receive(bytes));
    received += bytes;
    window.take(bytes);
    announced += window.take_update(kMax);
    EXPECT_EQ(announced - received, window.open());
  }
  EXPECT_EQ(window.size(), kMax);
}

TEST(H2ReceiveWindow, StaysAsItIsWhileTheSinkIsBlockedNowAndThen) {
  H2ReceiveWindow window;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(window.receive(16384));
    window.take(16384, i % 4 == 0);
    window.take_update(kMax);
  }
  EXPECT_EQ(window.size(), 65535u);
}

TEST(H2ReceiveWindow, DoesNotGrowBeyondItsLimit) {
  H2ReceiveWindow window(1000);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(window.receive(1000));
    window.take(1000);
    EXPECT_EQ(window.take_update(1000), 1000u);
  }
}

TEST(H2ReceiveWindow, OfOneByteIsAnnouncedByteByByte) {
  H2ReceiveWindow window(1);
  ASSERT_TRUE(window.receive(1));
  EXPECT_FALSE(window.receive(1));
  window.take(1);
  EXPECT_EQ(window.take_update(1), 1u);
}

TEST(H2ReceiveWindow, TakesTheLargestSizeOfTheProtocol) {
  H2ReceiveWindow window(kH2MaxWindow);
  ASSERT_TRUE(window.receive(kH2MaxWindow));
  EXPECT_FALSE(window.receive(1));
  window.take(kH2MaxWindow);
  EXPECT_EQ(window.take_update(kH2MaxWindow), kH2MaxWindow);
}

}  // namespace
}  // namespace weir
