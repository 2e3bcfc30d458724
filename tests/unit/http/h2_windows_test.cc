// Windows of both directions on a connection: RFC 9113 5.2, 6.9.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

constexpr size_t kMuch = 1 << 30;

class H2WindowsTest : public testing::Test {
 protected:
  // A request of which more is to come, and whose response has begun.
  void begin(uint32_t id) {
    server.receive(headers(id, get(), 0));
    server.connection.send_fields(server.stream(id), "h", false);
    server.output();
  }
  // DATA frames of 16,384 bytes at most.
  static std::string body(uint32_t id, size_t size) {
    std::string frames;
    for (; size > 0; size -= std::min(size, kH2FrameSize))
      frames += data(id, std::string(std::min(size, kH2FrameSize), 'x'));
    return frames;
  }
  void take(uint32_t id, size_t bytes, bool blocked = false) {
    server.connection.taken(server.stream(id), bytes, blocked);
  }

  Conversation server;
};

// ---- sending

// RFC 9113 6.9.2
TEST_F(H2WindowsTest, WeirSendsWhatTheWindowsAllow) {
  server.establish();
  begin(1);
  EXPECT_EQ(server.connection.sendable(server.stream(1)), kH2FrameSize) << "a frame at most";
  EXPECT_EQ(server.send_data(1, kMuch), kH2Window);
  EXPECT_EQ(server.receive(window_update(0, 10)), "connection window\n");
  EXPECT_EQ(server.send_data(1, kMuch), 0u);
  EXPECT_EQ(server.receive(window_update(1, 7)), "window 1\n");
  EXPECT_EQ(server.send_data(1, kMuch), 7u);
  EXPECT_EQ(server.receive(window_update(1, 7)), "window 1\n");
  EXPECT_EQ(server.send_data(1, kMuch), 3u) << "the rest of the connection's window";
}

TEST_F(H2WindowsTest, OfAByteOrNothingStopAStream) {
  server.establish(settings({{4, 1}}));
  begin(1);
  EXPECT_EQ(server.send_data(1, kMuch), 1u);
  EXPECT_EQ(server.receive(settings({{4, 0}})), "settings\n");
  EXPECT_EQ(server.receive(window_update(1, 1)), "") << "the window was -1, and is 0";
  EXPECT_EQ(server.send_data(1, kMuch), 0u);
  begin(3);
  EXPECT_EQ(server.send_data(3, kMuch), 0u);
  EXPECT_EQ(server.receive(settings({{4, 2}})), "settings\nwindow 1\nwindow 3\n");
  EXPECT_EQ(server.send_data(1, kMuch), 2u);
  EXPECT_EQ(server.send_data(3, kMuch), 2u);
}

// RFC 9113 6.9.2: "can cause the available space ... to become negative"
TEST_F(H2WindowsTest, SettingsMakeAWindowNegative) {
  server.establish(settings({{4, 1000}}));
  begin(1);
  EXPECT_EQ(server.send_data(1, kMuch), 1000u);
  server.receive(settings({{4, 0}}));
  EXPECT_EQ(server.receive(window_update(1, 1000)), "");
  EXPECT_EQ(server.send_data(1, kMuch), 0u);
  EXPECT_EQ(server.receive(window_update(1, 1)), "window 1\n");
  EXPECT_EQ(server.send_data(1, kMuch), 1u);
}

TEST_F(H2WindowsTest, LargestWindowIsUsed) {
  server.establish(settings({{4, kH2MaxWindow}}));
  begin(1);
  EXPECT_EQ(server.receive(window_update(0, kH2MaxWindow - kH2Window)), "");
  EXPECT_EQ(server.send_data(1, 1 << 20), size_t(1 << 20));
  server.receive(settings({{4, 0}}));
  EXPECT_EQ(server.send_data(1, 1), 0u);
  server.receive(settings({{4, kH2MaxWindow}}));
  EXPECT_EQ(server.send_data(1, 1), 1u);
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 6.9.2
TEST_F(H2WindowsTest, SettingsThatMakeAWindowTooLargeAreAnError) {
  server.establish();
  begin(1);
  server.receive(window_update(1, 1));
  EXPECT_EQ(server.receive(settings({{4, kH2MaxWindow}})), "");
  EXPECT_EQ(server.error(), "FLOW_CONTROL_ERROR flow_control");
}

TEST_F(H2WindowsTest, EndedStreamsAreNotToldOfWindows) {
  server.establish(settings({{4, 0}}));
  begin(1);
  server.connection.send_end(server.stream(1));
  EXPECT_EQ(server.receive(window_update(1, 1)), "");
  EXPECT_EQ(server.receive(settings({{4, 100}})), "settings\n");
}

TEST_F(H2WindowsTest, StreamsMayBeDetachedWhileTheyAreToldOfWindows) {
  server.establish(settings({{4, 0}}));
  for (const uint32_t id : {1u, 3u, 5u}) begin(id);
  server.when = "window 1";
  server.then = [&] {
    server.connection.reset(server.stream(1), H2Error::cancel);
    server.connection.reset(server.stream(3), H2Error::cancel);
  };
  EXPECT_EQ(server.receive(settings({{4, 1}})), "settings\nwindow 1\nwindow 5\n");
}

// ---- receiving

TEST_F(H2WindowsTest, StreamsWindowComesBackWhenHalfOfItWasTaken) {
  server.establish();
  server.take = false;
  begin(1);
  server.receive(body(1, 65535));
  EXPECT_EQ(server.output(), "");
  take(1, 32766, true);
  EXPECT_EQ(server.output(), "");
  take(1, 1, true);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 1: 32767\n");
  server.receive(body(1, 32767));
  EXPECT_EQ(server.error(), "");
}

TEST_F(H2WindowsTest, StreamsWindowGrowsWhileItsBytesAreTakenAtOnce) {
  server.establish();
  begin(1);
  uint64_t given = kH2Window, sent = 0;
  for (int i = 0; i < 1000; ++i) {
    server.receive(body(1, kH2FrameSize));
    sent += kH2FrameSize;
    std::string updates = server.output();
    for (size_t at = 0; (at = updates.find("WINDOW_UPDATE 1: ", at)) != std::string::npos; ++at)
      given += std::stoul(updates.substr(at + 17));
    EXPECT_LE(given - sent, H2Connection::kMaxStreamWindow);
  }
  EXPECT_EQ(server.error(), "");
  EXPECT_GT(given - sent, H2Connection::kMaxStreamWindow / 2);
}

TEST_F(H2WindowsTest, BlockedStreamKeepsTheFirstWindow) {
  server.establish();
  server.take = false;
  begin(1);
  for (int i = 0; i < 100; ++i) {
    server.receive(body(1, 32767));
    take(1, 32767, i % 2 == 0);
    const std::string output = server.output();
    EXPECT_NE(output.find("WINDOW_UPDATE 1: 32767\n"), std::string::npos);
  }
}

TEST_F(H2WindowsTest, NoWindowComesBackToAStreamThatThePeerHasEnded) {
  server.establish();
  server.take = false;
  begin(1);
  server.receive(body(1, 60000) + data(1, "", kEnd));
  take(1, 60000);
  EXPECT_EQ(server.output(), "");
}

// The connection's window: 256 KiB beyond what has arrived, given back by halves.
TEST_F(H2WindowsTest, ConnectionsWindowComesBackWhenBytesArrive) {
  server.establish();
  server.take = false;
  for (const uint32_t id : {1u, 3u, 5u}) begin(id);
  server.receive(body(1, 65535) + body(3, 65535) + data(5, "x"));
  EXPECT_EQ(server.output(), "");
  server.receive(data(5, "x"));
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 0: 131072\n");
}

TEST_F(H2WindowsTest, HeldWindowOfTheConnectionComesBackWhenBytesAreTaken) {
  server.establish();
  server.take = false;
  for (const uint32_t id : {1u, 3u, 5u}) begin(id);
  server.receive(body(1, 60000));  // given back when it arrived
  server.connection.hold_window(true);
  server.receive(body(3, 60000) + body(5, 60000));
  EXPECT_EQ(server.output(), "");
  take(1, 60000, true);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 1: 60000\n");
  take(3, 60000, true);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 3: 60000\n");
  take(5, 60000, true);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 0: 180000\nWINDOW_UPDATE 5: 60000\n");
}

TEST_F(H2WindowsTest, ReleasedWindowOfTheConnectionComesBackAtOnce) {
  server.establish();
  server.take = false;
  server.connection.hold_window(true);
  for (const uint32_t id : {1u, 3u, 5u}) begin(id);
  server.receive(body(1, 60000) + body(3, 60000) + body(5, 60000));
  EXPECT_EQ(server.output(), "");
  server.connection.hold_window(false);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 0: 180000\n");
  take(1, 60000, true);
  EXPECT_EQ(server.output(), "WINDOW_UPDATE 1: 60000\n") << "not twice";
}

// Trap T17: whatever becomes of a stream, the connection gets its bytes back.
TEST_F(H2WindowsTest, NoByteOfADroppedStreamIsLost) {
  enum class How {
    reset_by_weir,
    reset_by_peer,
    detached,
    fault,
    refused,
    stale,
    padding,
    ignored
  };
  for (const How how : {How::reset_by_weir, How::reset_by_peer, How::detached, How::fault,
                        How::refused, How::stale, How::padding, How::ignored}) {
    for (const bool hold : {false, true}) {
      Conversation peer(H2Role::server, {}, 1000);
      peer.establish();
      peer.take = false;
      peer.connection.hold_window(hold);
      uint64_t sent = 0, given = 256 * 1024;
      if (how == How::ignored) peer.connection.leave();
      for (uint32_t id = 1; id < 400; id += 2) {
        peer.refuse = how == How::refused;
        peer.receive(headers(id, get(), 0));
        if (how == How::stale) peer.connection.reset(peer.stream(id), H2Error::cancel);
        if (how == How::padding) {
          peer.receive(repeat(padded(id, "x", 255), 60));
          sent += 60 * 257;
        } else {
          peer.receive(body(id, 30000));
          sent += 30000;
        }
        if (how == How::reset_by_peer) peer.receive(rst(id));
        if (how == How::fault) peer.receive(window_update(id, 0));
        if (how == How::reset_by_weir || how == How::padding)
          peer.connection.reset(peer.stream(id), H2Error::cancel);
        if (how == How::detached) peer.connection.detach(peer.stream(id));
        EXPECT_FALSE(peer.attached(id));
        const std::string output = peer.output();
        for (size_t at = 0; (at = output.find("WINDOW_UPDATE 0: ", at)) != std::string::npos; ++at)
          given += std::stoul(output.substr(at + 17));
        peer.connection.note_flushed();
        ASSERT_EQ(peer.error(), "") << int(how) << " with stream " << id;
      }
      EXPECT_GT(given - sent, 128u * 1024) << int(how);
      EXPECT_LE(given - sent, 256u * 1024) << int(how);
    }
  }
}

TEST_F(H2WindowsTest, StreamMayBeDroppedInTheMiddleOfAFrame) {
  server.establish();
  server.take = false;
  server.connection.hold_window(true);
  begin(1);
  const std::string frame = padded(1, std::string(1000, 'x'), 100);
  server.receive(std::string_view(frame).substr(0, 500));
  server.connection.reset(server.stream(1), H2Error::cancel);
  EXPECT_EQ(server.receive(frame.substr(500) + body(1, 60000)), "");
  EXPECT_EQ(server.receive(headers(3, get())), get_events(3));
}

}  // namespace
}  // namespace weir::h2test
