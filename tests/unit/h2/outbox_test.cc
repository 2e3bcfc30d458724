// The output of an HTTP/2 connection: frames in one stretch, changed only while they cannot have
// left.
#include "h2/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/test_loop.h"

namespace weir::test {
namespace {

struct Frame {
  H2FrameType type;
  uint8_t flags;
  uint32_t stream;
  std::string payload;
};

std::vector<Frame> frames(std::string_view bytes) {
  std::vector<Frame> found;
  while (bytes.size() >= kH2FrameHeaderSize) {
    const H2FrameHeader header = read_h2_frame_header(bytes.data());
    found.push_back({header.type, header.flags, header.stream,
                     std::string(bytes.substr(kH2FrameHeaderSize, header.size))});
    bytes.remove_prefix(kH2FrameHeaderSize + header.size);
  }
  EXPECT_TRUE(bytes.empty());
  return found;
}

class OutboxTest : public testing::Test {
 protected:
  uint64_t data(uint32_t stream, std::string_view bytes, uint64_t frame = Outbox::kNoFrame) {
    return outbox.append_data(stream, frame, {}, bytes);
  }
  uint64_t headers(uint32_t stream, std::string_view block) {
    const uint64_t at = outbox.end_position();
    const auto header = write_h2_frame_header(
        {static_cast<uint32_t>(block.size()), H2FrameType::headers, kH2EndHeaders, stream});
    outbox.append({header.data(), header.size()});
    outbox.append(block);
    return at;
  }
  size_t lent() const { return resources.buffers.lent() + resources.large_buffers.lent(); }

  TestLoop loop;
  PipeResources resources{loop.loop};
  Outbox outbox{resources};
};

TEST_F(OutboxTest, SmallWritesOfAStreamAreOneFrame) {
  const uint64_t frame = data(1, "abc");
  EXPECT_EQ(data(1, "def", frame), frame);
  ASSERT_EQ(frames(outbox.view()).size(), 1u);
  EXPECT_EQ(frames(outbox.view())[0].payload, "abcdef");
}

TEST_F(OutboxTest, FrameIsNotExtendedBehindAnotherFrame) {
  const uint64_t first = data(1, "abc");
  data(3, "x");
  EXPECT_NE(data(1, "def", first), first);
  ASSERT_EQ(frames(outbox.view()).size(), 3u);
  EXPECT_EQ(frames(outbox.view())[2].payload, "def");
}

TEST_F(OutboxTest, FrameIsNotExtendedBeyondTheSizeThatEveryPeerAccepts) {
  const uint64_t frame = data(1, std::string(kH2FrameSize - 1, 'a'));
  EXPECT_EQ(data(1, "b", frame), frame);
  EXPECT_NE(data(1, "c", frame), frame);
  EXPECT_EQ(frames(outbox.view())[0].payload.size(), kH2FrameSize);
}

TEST_F(OutboxTest, EndOfAStreamIsAFlagOfItsLastFrame) {
  const uint64_t head = headers(1, "block");
  const uint64_t body = data(3, "abc");
  EXPECT_TRUE(outbox.end_stream(body));
  EXPECT_TRUE(outbox.end_stream(head));
  const auto sent = frames(outbox.view());
  EXPECT_EQ(sent[0].flags, kH2EndHeaders | kH2EndStream);
  EXPECT_EQ(sent[1].flags, kH2EndStream);
}

TEST_F(OutboxTest, FrameThatHasLeftIsNotChanged) {
  const uint64_t frame = data(1, "abc");
  outbox.taken(5);
  EXPECT_FALSE(outbox.end_stream(frame));
  EXPECT_NE(data(1, "def", frame), frame);
  EXPECT_FALSE(outbox.end_stream(Outbox::kNoFrame));
}

TEST_F(OutboxTest, FrameThatTlsWasOfferedIsNotChanged) {  // trap T18
  const uint64_t frame = data(1, "abc");
  const std::string offered(outbox.view());
  outbox.offered();
  EXPECT_FALSE(outbox.end_stream(frame));
  const uint64_t next = data(1, "def", frame);
  EXPECT_NE(next, frame);
  EXPECT_EQ(outbox.view().substr(0, offered.size()), offered);
  EXPECT_TRUE(outbox.end_stream(next));
}

TEST_F(OutboxTest, FrameIsChangedAfterItHasMoved) {
  data(1, std::string(kH2FrameSize, 'a'));
  const uint64_t head = headers(3, "block");
  outbox.taken(kH2FrameHeaderSize + kH2FrameSize - 1);
  data(1, std::string(kH2FrameSize, 'b'));  // into larger memory
  EXPECT_TRUE(outbox.end_stream(head));
  const auto sent = frames(outbox.view().substr(1));
  EXPECT_EQ(sent[0].flags, kH2EndHeaders | kH2EndStream);
  EXPECT_EQ(sent[0].payload, "block");
  EXPECT_EQ(sent[1].payload, std::string(kH2FrameSize, 'b'));
}

TEST_F(OutboxTest, HoldsNoMemoryWhileItIsEmpty) {
  EXPECT_EQ(lent(), 0u);
  data(1, "abc");
  EXPECT_EQ(lent(), 1u);
  outbox.taken(outbox.size());
  EXPECT_EQ(lent(), 0u);
  for (int i = 0; i < 3; ++i) data(1, std::string(kH2FrameSize, 'a'));
  EXPECT_EQ(lent(), 1u);
  outbox.clear();
  EXPECT_EQ(lent(), 0u);
}

TEST_F(OutboxTest, RoomForDataEndsAtItsLimitAndHeadsStillFit) {
  while (outbox.room() > kH2FrameHeaderSize)
    data(1, std::string(std::min(kH2FrameSize, outbox.room() - kH2FrameHeaderSize), 'a'));
  EXPECT_EQ(outbox.size(), Outbox::kMost);
  EXPECT_EQ(outbox.room(), 0u);
  const std::string before(outbox.view());
  headers(3, std::string(20000, 'h'));
  EXPECT_EQ(outbox.view().substr(0, before.size()), before);
  EXPECT_EQ(frames(outbox.view()).back().payload, std::string(20000, 'h'));
}

TEST_F(OutboxTest, SecondFrameOfAStreamIsBehindTheFirstWhateverWasTaken) {
  std::string all, sent;
  uint64_t frame = Outbox::kNoFrame;
  for (size_t i = 0; i < 3000; ++i) {
    const std::string bytes(1 + i % 97, static_cast<char>('a' + i % 26));
    frame = data(1, bytes, frame);
    all += bytes;
    if (i % 7 != 0) continue;
    const size_t some = outbox.size() * (i % 3) / 2;
    sent += outbox.view().substr(0, some);
    outbox.offered();
    outbox.taken(some);
  }
  sent += outbox.view();
  std::string received;
  for (const Frame& one : frames(sent)) received += one.payload;
  EXPECT_EQ(received, all);
}

}  // namespace
}  // namespace weir::test
