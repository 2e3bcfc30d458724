// The role of a client: RFC 9113 3.4, 5.1.1, 6.8, 8.1.
#include "http/h2_connection.h"
#include "unit/http/h2_conversation.h"

namespace weir::h2test {
namespace {

using Type = H2FrameType;

const Fields kOk{{":status", "200"}};

class H2ClientTest : public testing::Test {
 protected:
  H2ClientTest() { client.establish(); }
  uint32_t request(bool end = true) {
    Stream& stream = client.open();
    client.connection.send_fields(stream, "get", end);
    client.output();
    return stream.id();
  }

  Conversation client{H2Role::client};
};

TEST_F(H2ClientTest, BeginsWithPrefaceSettingsAndTheWindowOfTheConnection) {
  EXPECT_EQ(Conversation(H2Role::client).start, "SETTINGS 2=0 6=32768\nWINDOW_UPDATE 0: 196609\n");
}

TEST_F(H2ClientTest, OpensStreamsWithOddIds) {
  Stream& first = client.open();
  client.connection.send_fields(first, "block", false);
  client.send_data(1, 3);
  client.connection.send_end(first);
  client.connection.send_fields(client.open(), "other", true);
  EXPECT_EQ(client.output(),
            "HEADERS 1: block\nDATA 1: 3\nDATA 1: 0 END_STREAM\nHEADERS 3: other END_STREAM\n");
}

TEST_F(H2ClientTest, MayOpenStreamsBeforeTheSettingsOfTheServer) {
  Conversation early(H2Role::client);
  early.connection.send_fields(early.open(), "x", false);
  EXPECT_EQ(early.send_data(1, 1 << 20), kH2Window);
  early.receive(settings({{4, 65536}}));
  EXPECT_EQ(early.connection.sendable(early.stream(1)), 0u) << "the connection's is still used up";
  early.receive(window_update(0, 100));
  EXPECT_EQ(early.send_data(1, 1 << 20), 1u);
}

TEST_F(H2ClientTest, ReadsInterimHeadsHeadBodyAndTrailers) {
  const uint32_t id = request();
  EXPECT_EQ(client.receive(headers(id, {{":status", "103"}}, 0)),
            "begin head 1\nhead 1 :status=103\n");
  EXPECT_EQ(client.receive(headers(id, kOk, 0)), "begin head 1\nhead 1 :status=200\n");
  client.stream(id).expect_trailers();
  EXPECT_EQ(client.receive(data(id, "body") + headers(id, {{"x", "y"}})),
            "data 1: body\nbegin trailers 1\ntrailers 1 x=y (end)\nend 1\n");
  EXPECT_FALSE(client.attached(id));
}

TEST_F(H2ClientTest, ReadsAResponseWithoutABody) {
  request();
  EXPECT_EQ(client.receive(headers(1, kOk)), "begin head 1\nhead 1 :status=200 (end)\nend 1\n");
}

// RFC 9113 8.1: RST_STREAM(NO_ERROR) behind a whole response stops an upload.
TEST_F(H2ClientTest, ResetBehindAWholeResponseCostsNothing) {
  request(false);
  client.receive(headers(1, kOk));
  const unsigned left = client.connection.patience().left();
  EXPECT_EQ(client.receive(rst(1, H2Error::no_error)), "reset 1: NO_ERROR by peer\n");
  EXPECT_EQ(client.connection.patience().left(), left);
}

TEST_F(H2ClientTest, RefusedStreamIsReported) {
  request();
  EXPECT_EQ(client.receive(rst(1, H2Error::refused_stream)), "reset 1: REFUSED_STREAM by peer\n");
}

TEST_F(H2ClientTest, GoawayIsReportedAndNothingIsOpenedBehindIt) {
  for (int i = 0; i < 3; ++i) request();
  EXPECT_EQ(client.receive(goaway(kH2MaxStreamId, H2Error::no_error)),
            "goaway 2147483647: NO_ERROR \n");
  EXPECT_EQ(client.receive(goaway(3, H2Error::no_error, "age")), "goaway 3: NO_ERROR age\n");
  Stream late;
  EXPECT_FALSE(client.connection.open(late));
  EXPECT_FALSE(late.attached());
  EXPECT_EQ(client.connection.peer_leaves(), 3u);
  EXPECT_EQ(client.receive(headers(3, kOk)), "begin head 3\nhead 3 :status=200 (end)\nend 3\n");
  EXPECT_EQ(client.receive(goaway(5, H2Error::no_error)), "goaway 3: NO_ERROR \n")
      << "RFC 9113 6.8: the id does not rise";
}

TEST_F(H2ClientTest, LoweredLimitOfStreamsIsKnown) {
  EXPECT_EQ(client.connection.peer().max_streams, UINT32_MAX);
  client.receive(settings({{3, 10}}));
  client.receive(settings({{3, 0}}));
  EXPECT_EQ(client.connection.peer().max_streams, 0u);
}

// RFC 9113 8.4, 6.6
TEST_F(H2ClientTest, PushPromiseIsAnError) {
  request();
  client.receive(frame(Type::push_promise, kH2EndHeaders, 1, u32(2)));
  EXPECT_EQ(client.error(), "PROTOCOL_ERROR protocol");
}

// RFC 9113 5.1, 6.5.2, RFC 9218 7.1
TEST_F(H2ClientTest, WhatAServerMayNotSendIsAnError) {
  for (const std::string& bytes :
       {headers(3, kOk), headers(2, kOk), data(3, "x"), rst(3), window_update(3, 1),
        settings({{2, 1}}), frame(Type::priority_update, 0, 0, u32(1))}) {
    Conversation peer(H2Role::client);
    peer.establish();
    peer.connection.send_fields(peer.open(), "x", true);
    EXPECT_EQ(peer.receive(bytes), "");
    EXPECT_EQ(peer.error(), "PROTOCOL_ERROR protocol");
  }
}

TEST_F(H2ClientTest, ServerThatAnswersWithHttp1IsAnError) {
  Conversation peer(H2Role::client);
  peer.receive("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(peer.error(), "PROTOCOL_ERROR protocol");
}

// RFC 9113 8.1
TEST_F(H2ClientTest, DataBeforeTheHeadIsAFaultOfTheStream) {
  request();
  EXPECT_EQ(client.receive(data(1, "x")), "reset 1: PROTOCOL_ERROR\n");
  EXPECT_EQ(client.output(), "RST_STREAM 1: PROTOCOL_ERROR\n");
}

TEST_F(H2ClientTest, ResponseOnAStreamThatWeirHasResetIsIgnored) {
  request();
  client.connection.reset(client.stream(1), H2Error::cancel);
  EXPECT_EQ(client.receive(headers(1, kOk, 0) + data(1, "body", kEnd)), "");
  EXPECT_EQ(client.error(), "");
}

TEST_F(H2ClientTest, LeavesWithTheIdOfNoStream) {
  request();
  client.connection.announce_leaving();
  client.connection.leave();
  EXPECT_EQ(client.output(), std::string("GOAWAY 0: NO_ERROR\nPING: ") +
                                 std::string("\0weir go", 8) + "\nGOAWAY 0: NO_ERROR\n");
  Stream late;
  EXPECT_FALSE(client.connection.open(late));
  EXPECT_EQ(client.receive(headers(1, kOk)), "begin head 1\nhead 1 :status=200 (end)\nend 1\n");
}

}  // namespace
}  // namespace weir::h2test
