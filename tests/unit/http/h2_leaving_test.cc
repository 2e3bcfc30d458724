// GOAWAY of weir: RFC 9113 6.8.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

class H2Leaving : public testing::Test {
 protected:
  H2Leaving() {
    server.establish();
    server.receive(headers(1, get(), 0));
  }
  Conversation server;
};

TEST_F(H2Leaving, IsAnnouncedWithTheLargestIdAndAPing) {
  server.connection.announce_leaving();
  EXPECT_EQ(server.output(), std::string("GOAWAY 2147483647: NO_ERROR\nPING: ") +
                                 std::string("\0weir go", 8) + "\n");
  EXPECT_FALSE(server.connection.leaving());
  EXPECT_EQ(server.receive(headers(3, get())), get_events(3)) << "still served";
  EXPECT_EQ(server.receive(ping(std::string("\0weir go", 8), kH2Ack)),
            "ping ack " + std::to_string(H2Connection::kLeavingPing) + "\n");
}

TEST_F(H2Leaving, EndsWithTheLastStreamThatWasBegun) {
  server.connection.announce_leaving();
  server.receive(headers(5, get()));
  server.output();
  server.connection.leave();
  EXPECT_EQ(server.output(), "GOAWAY 5: NO_ERROR\n");
  EXPECT_TRUE(server.connection.leaving());
  server.connection.leave();
  server.connection.announce_leaving();
  EXPECT_EQ(server.output(), "") << "the id never rises";
}

TEST_F(H2Leaving, StreamsThatWereBegunGoOn) {
  server.connection.leave();
  server.output();
  EXPECT_EQ(server.receive(data(1, "x") + headers(1, {{"a", "b"}})),
            "data 1: x\nbegin trailers 1\ntrailers 1 a=b (end)\nend 1\n");
  server.connection.send_fields(server.stream(1), "answer", true);
  EXPECT_EQ(server.output(), "HEADERS 1: answer END_STREAM\n");
}

TEST_F(H2Leaving, LaterStreamsAreIgnoredWithAllTheirFrames) {
  server.connection.leave();
  server.output();
  const unsigned patience = server.connection.patience().left();
  EXPECT_EQ(server.receive(headers(3, get(), 0) + data(3, "body") + data(3, "end", kEnd)), "");
  EXPECT_EQ(server.connection.patience().left(), patience) << "the GOAWAY may be under way";
  EXPECT_EQ(server.receive(headers(5, get(), 0) + headers(5, {{"x", "y"}}) + rst(5) +
                           window_update(5, 1)),
            "");
  EXPECT_EQ(server.output(), "");
  EXPECT_EQ(server.error(), "");
}

TEST_F(H2Leaving, MoreIgnoredStreamsThanThePeerMayHaveCostPatience) {
  server.connection.leave();
  uint32_t id = 3;
  for (int i = 0; i < 100; ++i, id += 2) server.receive(headers(id, get()));
  EXPECT_EQ(server.connection.patience().left(), 995u) << "the cost of the first SETTINGS";
  for (int i = 0; i < 1000 && server.error().empty(); ++i, id += 2)
    server.receive(headers(id, get()));
  EXPECT_EQ(server.error(), "ENHANCE_YOUR_CALM flood_refused");
}

// Trap T16: what an ignored block adds to the table is there for the next one.
TEST_F(H2Leaving, IgnoredBlocksAreDecoded) {
  const std::string indexing = "\x40\x01x\x05value";
  const std::string indexed = "\xbe";  // the newest entry of the dynamic table
  server.connection.leave();
  server.receive(frame(H2FrameType::headers, kEnd | kH2EndHeaders, 3, indexing));
  EXPECT_EQ(server.receive(frame(H2FrameType::headers, kEnd | kH2EndHeaders, 1, indexed)),
            "begin trailers 1\ntrailers 1 x=value (end)\nend 1\n");
}

// RFC 9113 6.8: an error is reported behind a GOAWAY, and its id does not rise.
TEST_F(H2Leaving, ErrorBehindGoawayHasTheSameId) {
  server.connection.leave();
  server.output();
  server.receive(headers(3, get()) + window_update(0, 0));
  EXPECT_EQ(server.output(), "GOAWAY 1: PROTOCOL_ERROR\n");
}

TEST_F(H2Leaving, GoawayHasCodeAndText) {
  server.connection.leave(H2Error::enhance_your_calm, "text");
  EXPECT_EQ(server.raw_output(), goaway(1, H2Error::enhance_your_calm, "text"));
}

TEST_F(H2Leaving, ErrorOfTheOwnerEndsTheConnection) {
  server.connection.fail(H2Error::inadequate_security, H2ErrorReason::inadequate_security, "why");
  EXPECT_EQ(server.raw_output(), goaway(1, H2Error::inadequate_security, "why"));
  EXPECT_EQ(server.error(), "INADEQUATE_SECURITY inadequate_security");
  EXPECT_STREQ(server.connection.error()->reason, "why");
  server.connection.fail(H2Error::internal_error, H2ErrorReason::protocol, "again");
  server.connection.send_fields(server.stream(1), "x", false);
  server.connection.reset(server.stream(1), H2Error::cancel);
  server.connection.send_ping(1);
  server.connection.announce_leaving();
  EXPECT_EQ(server.output(), "") << "the GOAWAY is the last frame";
  EXPECT_FALSE(server.attached(1));
}

// ---- trap T16, the other ways to lose a block

class H2BlocksInStep : public testing::Test {
 protected:
  // The first byte of `table` is behind what changes the table.
  void expect_in_step(Conversation& peer, uint32_t id) {
    EXPECT_EQ(peer.receive(frame(H2FrameType::headers, kEnd | kH2EndHeaders, id, "\xbe")),
              "begin head " + std::to_string(id) + "\nhead " + std::to_string(id) +
                  " x=value (end)\nend " + std::to_string(id) + "\n");
  }
  static std::string indexing(uint32_t id, uint8_t flags = kEnd) {
    return frame(H2FrameType::headers, flags | kH2EndHeaders, id, "\x40\x01x\x05value");
  }
};

TEST_F(H2BlocksInStep, BehindARefusedStream) {
  Conversation server;
  server.establish();
  server.refuse = true;
  server.receive(indexing(1));
  server.refuse = false;
  expect_in_step(server, 3);
}

TEST_F(H2BlocksInStep, BehindABlockForAStreamThatHasEnded) {
  Conversation server;
  server.establish();
  server.receive(headers(1, get(), 0));
  server.connection.reset(server.stream(1), H2Error::cancel);
  server.receive(indexing(1));
  expect_in_step(server, 3);
}

TEST_F(H2BlocksInStep, BehindABlockForAStreamThatThePeerHasEnded) {
  Conversation server;
  server.establish();
  server.receive(headers(1, get()) + indexing(1));
  server.events();
  expect_in_step(server, 3);
}

TEST_F(H2BlocksInStep, BehindTrailersThatAreMalformed) {
  Conversation server;
  server.establish();
  server.receive(headers(1, get(), 0) + indexing(1, 0));
  expect_in_step(server, 3);
}

TEST_F(H2BlocksInStep, BehindAStreamThatIsResetWhenItsFieldsCome) {
  Conversation server;
  server.establish();
  server.when = "begin head 1";
  server.then = [&] { server.connection.reset(server.stream(1), H2Error::cancel); };
  EXPECT_EQ(server.receive(indexing(1)), "begin head 1\n");
  expect_in_step(server, 3);
}

TEST_F(H2BlocksInStep, BehindFieldsThatTheOwnerDoesNotWant) {
  Conversation server;
  server.establish();
  server.fields_wanted = false;
  server.receive(indexing(1));
  server.fields_wanted = true;
  expect_in_step(server, 3);
}

}  // namespace
}  // namespace weir::h2test
