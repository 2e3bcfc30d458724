#include "http/h2_connection.h"

#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

Conversation& established(Conversation& conversation) {
  conversation.establish();
  return conversation;
}

// RFC 9113 3.4, 6.5.2, RFC 8441 3, RFC 9218 2.1
TEST(H2Connection, ServerBeginsWithSettingsAndTheWindowOfTheConnection) {
  EXPECT_EQ(Conversation().start, "SETTINGS 3=100 9=1 6=32768\nWINDOW_UPDATE 0: 196609\n");
  H2OwnSettings own;
  own.max_streams = 7;
  own.max_header_list = 1000;
  own.connect_protocol = true;
  own.connection_window = kH2Window;
  EXPECT_EQ(Conversation(H2Role::server, own).start, "SETTINGS 3=7 9=1 8=1 6=1000\n");
}

// RFC 9113 6.5.3
TEST(H2Connection, SettingsAreAppliedAndThenAcknowledged) {
  Conversation server;
  EXPECT_FALSE(server.connection.established());
  server.establish(settings({{3, 5}, {4, 1000}, {6, 2000}, {8, 1}}));
  const H2PeerSettings& peer = server.connection.peer();
  EXPECT_EQ(peer.max_streams, 5u);
  EXPECT_EQ(peer.initial_window, 1000u);
  EXPECT_EQ(peer.max_header_list, 2000u);
  EXPECT_TRUE(peer.connect_protocol);
  EXPECT_TRUE(server.connection.established());
}

// RFC 9113 6.5.3: "processed in the order they appear"
TEST(H2Connection, LastValueOfARepeatedSettingApplies) {
  Conversation server;
  server.establish(settings({{4, 1000}, {3, 1}, {4, 7}, {3, 2}}));
  EXPECT_EQ(server.connection.peer().initial_window, 7u);
  EXPECT_EQ(server.connection.peer().max_streams, 2u);
}

// RFC 9113 5.1: a request and its response
TEST(H2Connection, StreamEndsWhenBothSidesHaveEndedIt) {
  Conversation server;
  established(server);
  EXPECT_EQ(server.receive(headers(1, get())), get_events(1));
  EXPECT_TRUE(server.stream(1).ended_by_peer());
  server.connection.send_fields(server.stream(1), "block", false);
  EXPECT_EQ(server.send_data(1, 5), 5u);
  server.connection.send_end(server.stream(1));
  EXPECT_EQ(server.output(), "HEADERS 1: block\nDATA 1: 5\nDATA 1: 0 END_STREAM\n");
  EXPECT_FALSE(server.attached(1));
  EXPECT_FALSE(server.stream(1).attached());
}

TEST(H2Connection, StreamThatWeirEndsFirstEndsWithThePeersEnd) {
  Conversation server;
  established(server);
  server.receive(headers(1, get(), 0));
  server.connection.send_fields(server.stream(1), "block", true);
  EXPECT_EQ(server.output(), "HEADERS 1: block END_STREAM\n");
  EXPECT_TRUE(server.attached(1));
  EXPECT_EQ(server.receive(data(1, "late", kEnd)), "data 1: late\nend 1\n");
  EXPECT_FALSE(server.attached(1));
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 6.10: a block larger than a frame
TEST(H2Connection, LargeBlockIsSentInContinuations) {
  Conversation server;
  established(server);
  server.receive(headers(1, get()));
  const std::string block(2 * kH2FrameSize + 1, 'b');
  server.connection.send_fields(server.stream(1), block, true);
  const std::string_view all = block;
  EXPECT_EQ(server.raw_output(),
            frame(H2FrameType::headers, kEnd, 1, all.substr(0, kH2FrameSize)) +
                frame(H2FrameType::continuation, 0, 1, all.substr(0, kH2FrameSize)) +
                frame(H2FrameType::continuation, kH2EndHeaders, 1, "b"));
}

TEST(H2Connection, BlockThatFillsAFrameNeedsNoContinuation) {
  Conversation server;
  established(server);
  server.receive(headers(1, get()));
  const std::string block(kH2FrameSize, 'b');
  server.connection.send_fields(server.stream(1), block, false);
  EXPECT_EQ(server.raw_output(), frame(H2FrameType::headers, kH2EndHeaders, 1, block));
}

// RFC 9113 6.1, 6.2: padding and priority fields are no part of what is delivered
TEST(H2Connection, PaddingAndPriorityAreLeftOut) {
  Conversation server;
  established(server);
  const std::string fields = block({{":method", "PUT"}});
  const uint8_t flags = kH2Padded | kH2Priority | kH2EndHeaders;
  server.receive(frame(H2FrameType::headers, flags, 1,
                       std::string("\3") + "\x80" + u32(3).substr(1) + "w" + fields + "pad"));
  EXPECT_EQ(server.receive(padded(1, "body", 200) + padded(1, "", 0, kEnd)),
            "data 1: body\nend 1\n");
  EXPECT_EQ(server.error(), "");
  Conversation other;
  established(other);
  EXPECT_EQ(other.receive(frame(H2FrameType::headers, kH2Padded | kH2EndHeaders, 1,
                                std::string(1, '\5') + fields + "\1\2\3\4\5")),
            "begin head 1\nhead 1 :method=PUT\n");
}

// RFC 9113 8.1
TEST(H2Connection, FieldsBehindTheBodyAreTrailers) {
  Conversation server;
  established(server);
  server.receive(headers(1, get(), 0));
  EXPECT_EQ(server.receive(data(1, "body") + headers(1, {{"x", "y"}})),
            "data 1: body\nbegin trailers 1\ntrailers 1 x=y (end)\nend 1\n");
}

// RFC 9113 4.3
TEST(H2Connection, BlockMayComeInContinuations) {
  Conversation server;
  established(server);
  const std::string fields = block(get());
  EXPECT_EQ(server.connection.fields_of(), 0u);
  server.receive(frame(H2FrameType::headers, kEnd, 1, fields.substr(0, 3)));
  EXPECT_NE(server.connection.fields_of(), 0u);
  server.receive(frame(H2FrameType::continuation, 0, 1, fields.substr(3, 10)));
  EXPECT_EQ(server.receive(frame(H2FrameType::continuation, kH2EndHeaders, 1, fields.substr(13))),
            get_events(1));
  EXPECT_EQ(server.connection.fields_of(), 0u);
}

TEST(H2Connection, BlockHasBegunWithTheHeaderOfItsFrame) {
  Conversation server;
  established(server);
  const std::string bytes = headers(1, get());
  server.receive(std::string_view(bytes).substr(0, 10));
  EXPECT_NE(server.connection.fields_of(), 0u);
  server.receive(std::string_view(bytes).substr(10));
  EXPECT_EQ(server.connection.fields_of(), 0u);
}

TEST(H2Connection, StreamThatIsNotWantedIsRefused) {
  Conversation server;
  established(server);
  server.refuse = true;
  EXPECT_EQ(server.receive(headers(1, get(), 0) + data(1, "x")), "");
  EXPECT_EQ(server.output(), "RST_STREAM 1: REFUSED_STREAM\n");
  server.refuse = false;
  EXPECT_EQ(server.receive(headers(3, get())), get_events(3));
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 6.4
TEST(H2Connection, RstStreamOfThePeerEndsAStream) {
  Conversation server;
  established(server);
  server.receive(headers(1, get()));
  EXPECT_EQ(server.receive(rst(1, H2Error(77))), "reset 1: 77 by peer\n");
  EXPECT_FALSE(server.attached(1));
  EXPECT_EQ(server.output(), "");
}

TEST(H2Connection, ResetStreamIsDetachedAndItsFunctionsDoNothing) {
  Conversation server;
  established(server);
  server.receive(headers(1, get(), 0));
  Stream& stream = server.stream(1);
  server.connection.reset(stream, H2Error::cancel);
  EXPECT_EQ(server.output(), "RST_STREAM 1: CANCEL\n");
  server.connection.send_fields(stream, "x", false);
  server.connection.send_end(stream);
  server.connection.reset(stream, H2Error::cancel);
  server.connection.taken(stream, 10, false);
  server.connection.detach(stream);
  EXPECT_EQ(server.connection.sendable(stream), 0u);
  EXPECT_EQ(server.output(), "");
}

// RFC 9113 6.7
TEST(H2Connection, PingIsAnsweredWithItsBytes) {
  Conversation server;
  established(server);
  EXPECT_EQ(server.receive(ping("abcdefgh")), "");
  EXPECT_EQ(server.output(), "PING ACK: abcdefgh\n");
  server.connection.send_ping(0x4142434445464748);
  EXPECT_EQ(server.output(), "PING: ABCDEFGH\n");
  EXPECT_EQ(server.receive(ping("ABCDEFGH", kH2Ack)), "ping ack 4702394921427289928\n");
}

// RFC 9218 7.1
TEST(H2Connection, PriorityUpdateIsReportedForStreamsThatHaveNotEnded) {
  Conversation server;
  established(server);
  server.receive(headers(3, get()));
  const auto update = [](uint32_t id, std::string_view value) {
    return frame(H2FrameType::priority_update, 0, 0, u32(id) + std::string(value));
  };
  EXPECT_EQ(server.receive(update(1, "u=1") + update(3, "u=2, i") + update(7, "") +
                           update(9, std::string(64, 'x'))),
            "priority 3: u=2, i\npriority 7: \npriority 9: " + std::string(64, 'x') + "\n");
  EXPECT_EQ(server.receive(update(9, std::string(65, 'x'))), "") << "too long: ignored";
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 4.1, 5.3.2, 5.5, 6.5.2
TEST(H2Connection, UnknownFramesFlagsSettingsAndPriorityAreIgnored) {
  Conversation server;
  established(server);
  EXPECT_EQ(server.receive(frame(H2FrameType(0xa), 0xff, 0, "x") + frame(H2FrameType(0xff), 0, 9) +
                           frame(H2FrameType::priority, 0, 1, "12345") +
                           frame(H2FrameType::priority, 0xff, 8, "12345")),
            "");
  EXPECT_EQ(server.receive(settings({{1, 0}, {0xff, 1}, {0, 5}, {9, 1}})), "settings\n");
  EXPECT_EQ(server.output(), "SETTINGS ACK\n");
  EXPECT_EQ(server.receive(headers(1, get(), kEnd | 0x42 | 0x90)), get_events(1));
  std::string reserved = headers(3, get());
  reserved[5] = char(0x80);
  EXPECT_EQ(server.receive(reserved), get_events(3));
  EXPECT_EQ(server.error(), "");
}

// RFC 9113 6.8
TEST(H2Connection, GoawayOfAClientIsReportedAndItsStreamsGoOn) {
  Conversation server;
  established(server);
  server.receive(headers(1, get(), 0));
  EXPECT_EQ(server.receive(goaway(0, H2Error::internal_error, std::string(100, 'd'))),
            "goaway 0: INTERNAL_ERROR " + std::string(64, 'd') + "\n");
  EXPECT_EQ(server.receive(data(1, "x", kEnd)), "data 1: x\nend 1\n");
  EXPECT_EQ(server.connection.peer_leaves(), 0u);
}

// RFC 9113 8.1.1
TEST(H2Connection, BodyIsComparedWithItsLength) {
  Conversation server;
  established(server);
  const auto request = [&](uint32_t id) {
    server.receive(headers(id, get(), 0));
    server.stream(id).expect_length(5);
  };
  request(1);
  EXPECT_EQ(server.receive(padded(1, "123", 3) + data(1, "45", kEnd)), "data 1: 12345\nend 1\n");
  request(3);
  EXPECT_EQ(server.receive(data(3, "1234") + data(3, "56")),
            "data 3: 1234\nreset 3: PROTOCOL_ERROR\n")
      << "not a byte more than the length";
  request(5);
  EXPECT_EQ(server.receive(data(5, "1234", kEnd)), "data 5: 1234\nreset 5: PROTOCOL_ERROR\n");
  request(7);
  EXPECT_EQ(server.receive(data(7, "1234") + headers(7, {{"x", "y"}})),
            "data 7: 1234\nreset 7: PROTOCOL_ERROR\n");
  request(9);
  EXPECT_EQ(server.receive(data(9, "12345") + headers(9, {{"x", "y"}})),
            "data 9: 12345\nbegin trailers 9\ntrailers 9 x=y (end)\nend 9\n");
  EXPECT_EQ(server.output(),
            "RST_STREAM 3: PROTOCOL_ERROR\nRST_STREAM 5: PROTOCOL_ERROR\n"
            "RST_STREAM 7: PROTOCOL_ERROR\n");
}

TEST(H2Connection, LengthThatIsSetWithTheLastFieldsIsComparedToo) {
  Conversation server;
  established(server);
  server.when = "head 1";
  server.then = [&] { server.stream(1).expect_length(1); };
  server.receive(headers(1, get()));
  EXPECT_EQ(server.output(), "RST_STREAM 1: PROTOCOL_ERROR\n");
}

}  // namespace
}  // namespace weir::h2test
