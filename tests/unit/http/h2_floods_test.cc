// What a peer may not send too often, and what header blocks may not be: each kind ends the
// connection with ENHANCE_YOUR_CALM and its name, and a peer that takes answers is not ended.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

using Type = H2FrameType;

class H2Floods : public testing::Test {
 protected:
  H2Floods() { server.establish(); }

  // How many of `bytes` a connection takes; the last one ends it for `reason`. Everything that is
  // owed leaves at once.
  static unsigned taken(std::string_view bytes, const std::string& reason,
                        std::string_view before = {}) {
    Conversation peer;
    peer.establish();
    peer.receive(before);
    for (unsigned count = 1; count <= 2000; ++count) {
      peer.receive(bytes);
      peer.connection.note_flushed();
      if (peer.error().empty()) continue;
      EXPECT_EQ(peer.error(), "ENHANCE_YOUR_CALM " + reason);
      EXPECT_NE(peer.output().find("GOAWAY"), std::string::npos);
      return count;
    }
    return 0;
  }
  // The first SETTINGS cost 5 of 1,000.
  static constexpr unsigned kAll = 995;

  Conversation server;
};

TEST_F(H2Floods, FramesWithoutEffect) {
  EXPECT_EQ(taken(ping(), "flood_ping"), kAll);
  EXPECT_EQ(taken(settings(), "flood_settings"), kAll / 5);
  const std::string open = headers(1, get(), 0);
  EXPECT_EQ(taken(data(1, ""), "flood_empty", open), kAll);
  EXPECT_EQ(taken(padded(1, "", 0), "flood_empty", open), kAll);
  EXPECT_EQ(taken(window_update(0, 1), "flood_other"), kAll);
  EXPECT_EQ(taken(window_update(1, 1), "flood_other", open), kAll);
  EXPECT_EQ(taken(frame(Type::priority, 0, 1, "12345"), "flood_other"), kAll);
  EXPECT_EQ(taken(frame(Type::priority_update, 0, 0, u32(1)), "flood_other"), kAll);
  EXPECT_EQ(taken(frame(Type(0xee), 0, 0), "flood_other"), kAll);
  EXPECT_EQ(taken(ping("12345678", kH2Ack), "flood_other"), kAll);
  EXPECT_EQ(taken(settings_ack(), "flood_other"), kAll + 1) << "the first one is awaited";
  EXPECT_EQ(taken(goaway(0, H2Error::no_error), "flood_other"), kAll);
}

TEST_F(H2Floods, FramesForStreamsThatHaveEnded) {
  const std::string over = headers(1, get(), 0) + rst(1);
  EXPECT_EQ(taken(rst(1), "flood_other", over), kAll - 2);
  EXPECT_EQ(taken(headers(1, {{"x", "y"}}), "flood_other", over), kAll - 2);
  EXPECT_EQ(taken(data(1, "x"), "flood_other", over), kAll - 2) << "behind its own RST_STREAM";
}

// CVE-2023-44487
TEST_F(H2Floods, StreamsThatAreResetBeforeTheirAnswer) {
  uint32_t id = 1;
  for (; server.error().empty(); id += 2) server.receive(headers(id, get()) + rst(id));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_reset");
  EXPECT_EQ(id / 2, 498u);
}

// CVE-2025-8671
TEST_F(H2Floods, StreamsThatWeirHasToReset) {
  uint32_t id = 1;
  for (; server.error().empty(); id += 2)
    server.receive(headers(id, get(), 0) + window_update(id, 0));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_provoked");
  EXPECT_LE(id / 2, 100u);
  Conversation other;
  other.establish();
  for (id = 1; other.error().empty(); id += 2) {
    other.receive(headers(id, get()));
    other.connection.reset(other.stream(id), H2Error::protocol_error, true);
  }
  EXPECT_EQ(other.error(), "ENHANCE_YOUR_CALM flood_provoked") << "by the owner";
  EXPECT_LE(id / 2, 100u);
}

TEST_F(H2Floods, StreamsAboveTheLimit) {
  server.refuse = true;
  uint32_t id = 1;
  for (; server.error().empty(); id += 2) server.receive(headers(id, get()));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_refused");
  EXPECT_EQ(id / 2, 498u);
}

TEST_F(H2Floods, PeerThatTakesItsAnswersIsNotEnded) {
  for (uint32_t id = 1; id < 10'000; id += 2) {
    server.receive(headers(id, get()) + ping() + window_update(0, 1));
    server.connection.send_fields(server.stream(id), "answer", false);
    server.send_data(id, 1);
    server.receive(rst(id));  // CANCEL in the middle of each answer
    server.connection.note_flushed();
    server.now += 20ms;
  }
  EXPECT_EQ(server.error(), "");
}

TEST_F(H2Floods, CancelledAnswersCostNothingBehindTheirEnd) {
  for (uint32_t id = 1; id < 10'000; id += 2) {
    server.receive(headers(id, get(), 0));
    server.connection.send_fields(server.stream(id), "answer", true);
    server.receive(rst(id));
  }
  EXPECT_EQ(server.error(), "");
}

TEST_F(H2Floods, DataUnderWayOnAResetStreamIsFree) {
  server.receive(headers(1, get(), 0));
  const unsigned left = server.connection.patience().left();
  server.connection.reset(server.stream(1), H2Error::no_error);
  server.receive(repeat(data(1, "12345"), 65535 / 5));
  EXPECT_EQ(server.connection.patience().left(), left);
  server.receive(data(1, "1"));
  EXPECT_EQ(server.connection.patience().left(), left - 1) << "more than the window allowed";
}

TEST_F(H2Floods, FactorIsForPeersWithManyClients) {
  Conversation proxy(H2Role::server, {}, 10);
  proxy.establish();
  for (int i = 0; i < 9'900; ++i) {
    proxy.receive(ping());
    proxy.connection.note_flushed();
  }
  EXPECT_EQ(proxy.error(), "");
}

TEST_F(H2Floods, FramesThatAreOwedWhileTheOutputIsBlocked) {
  const auto owed = [](std::string_view bytes) {
    Conversation peer(H2Role::server, {}, 100);
    peer.establish();
    peer.connection.note_flushed();
    peer.receive(repeat(bytes, 1000));
    EXPECT_EQ(peer.error(), "");
    peer.receive(bytes);
    return peer.error();
  };
  EXPECT_EQ(owed(ping()), "ENHANCE_YOUR_CALM flood_ping");
  EXPECT_EQ(owed(settings()), "ENHANCE_YOUR_CALM flood_settings");
  Conversation peer(H2Role::server, {}, 100);
  peer.establish();
  peer.refuse = true;
  for (uint32_t id = 1; id < 2200; id += 2) peer.receive(headers(id, get()));
  EXPECT_EQ(peer.error(), "ENHANCE_YOUR_CALM flood_reset");
}

TEST_F(H2Floods, SettingsInOneFrame) {
  std::string payload = repeat(std::string("\0\3\0\0\0\1", 6), 32);
  EXPECT_EQ(server.receive(frame(Type::settings, 0, 0, payload)), "settings\n");
  payload += payload.substr(0, 6);
  EXPECT_EQ(server.receive(frame(Type::settings, 0, 0, payload)), "");
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_settings");
}

// ---- header blocks

// CVE-2024-27316
TEST_F(H2Floods, Continuations) {
  const std::string more = frame(Type::continuation, 0, 1, "\x82");
  server.receive(frame(Type::headers, kEnd, 1, "\x82") + repeat(more, 32));
  EXPECT_EQ(server.error(), "");
  server.receive(more);
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_header");
}

TEST_F(H2Floods, EmptyContinuations) {
  unsigned blocks = 0;
  for (; server.error().empty(); ++blocks) {
    const uint32_t id = 2 * blocks + 1;
    server.receive(frame(Type::headers, kEnd, id, block(get())) +
                   repeat(frame(Type::continuation, 0, id), 20) +
                   frame(Type::continuation, kH2EndHeaders, id));
  }
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_header");
  EXPECT_EQ(blocks, 5u);
}

TEST_F(H2Floods, BlockOf64KiB) {
  const std::string part(kH2FrameSize, '\x82');
  server.receive(frame(Type::headers, kEnd, 1, part) +
                 repeat(frame(Type::continuation, 0, 1, part), 3));
  EXPECT_EQ(server.error(), "");
  server.receive(frame(Type::continuation, kH2EndHeaders, 1, "\x82"));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_header");
}

TEST_F(H2Floods, BlockThatExpands) {
  std::string bomb = "\x40\x01x\x7f\x81\x1e";  // an entry of 3,969 bytes
  bomb += std::string(3968, 'v');
  bomb += std::string(kH2FrameSize - bomb.size(), '\xbe');
  server.receive(frame(Type::headers, kEnd | kH2EndHeaders, 1, bomb));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_header");
}

TEST_F(H2Floods, LargeHeadIsTheOwnersToJudge) {
  const std::string large = "\x40\x01x\x7f\x81\x1e" + std::string(3968, 'v') + "\xbe\xbe";
  H2OwnSettings own;
  own.max_header_list = 2000;
  Conversation small(H2Role::server, own);
  small.establish();
  small.fields_wanted = false;
  EXPECT_EQ(small.receive(frame(Type::headers, kEnd | kH2EndHeaders, 1, large)),
            "begin head 1\nhead 1 (end)\nend 1\n");
}

}  // namespace
}  // namespace weir::h2test
