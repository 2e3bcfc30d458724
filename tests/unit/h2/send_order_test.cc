// RFC 9218 10: lower urgencies first; streams that are not incremental one after the other, the
// others in turn.
#include "h2/send_order.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace weir::test {
namespace {

struct WaitingStream : WaitingToSend {
  WaitingStream(uint32_t id, uint8_t urgency, bool incremental) : number(id) {
    set_priority({urgency, incremental});
  }
  uint32_t id() const { return number; }
  uint32_t number;
};

struct SendOrderTest : testing::Test {
  WaitingStream& add(uint32_t id, uint8_t urgency = 3, bool incremental = false) {
    streams.emplace_back(id, urgency, incremental);
    order.add(streams.back());
    return streams.back();
  }
  std::vector<uint32_t> take_all() {
    std::vector<uint32_t> ids;
    while (WaitingStream* stream = order.take()) ids.push_back(stream->id());
    return ids;
  }
  std::deque<WaitingStream> streams;
  SendOrder<WaitingStream> order;
};

using Ids = std::vector<uint32_t>;

TEST_F(SendOrderTest, LowerUrgencyIsSentFirst) {
  add(1, 7), add(3, 0), add(5, 3);
  EXPECT_EQ(take_all(), (Ids{3, 5, 1}));
}

TEST_F(SendOrderTest, StreamsOfOneUrgencyGoInTheOrderOfTheirIds) {
  add(5), add(1), add(9), add(3);
  EXPECT_EQ(take_all(), (Ids{1, 3, 5, 9}));
}

TEST_F(SendOrderTest, StreamThatIsAddedAgainStaysBeforeLaterOnes) {
  WaitingStream& first = add(1);
  add(3);
  EXPECT_EQ(order.take(), &first);
  order.add(first);
  EXPECT_EQ(take_all(), (Ids{1, 3}));
}

TEST_F(SendOrderTest, IncrementalStreamsTakeTurns) {
  WaitingStream& first = add(1, 3, true);
  add(3, 3, true);
  EXPECT_EQ(order.take(), &first);
  order.add(first);
  EXPECT_EQ(take_all(), (Ids{3, 1}));
}

TEST_F(SendOrderTest, IncrementalStreamsComeAfterTheOthersOfTheirUrgency) {
  add(1, 3, true), add(3, 3), add(5, 4), add(7, 2, true);
  EXPECT_EQ(take_all(), (Ids{7, 3, 1, 5}));
}

TEST_F(SendOrderTest, StreamIsInItOnce) {
  WaitingStream& stream = add(1);
  order.add(stream);
  EXPECT_EQ(take_all(), (Ids{1}));
  EXPECT_TRUE(order.empty());
}

TEST_F(SendOrderTest, StreamThatEndsIsNoLongerInIt) {
  {
    WaitingStream gone(1, 3, false);
    order.add(gone);
  }
  EXPECT_EQ(order.take(), nullptr);
}

}  // namespace
}  // namespace weir::test
