// CONNECT of HTTP/2 (RFC 9113 8.5), and WebSocket by extended CONNECT (RFC 8441), with backends
// that have HTTP/1.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Http2TunnelTest : public Http2Fixture {
 protected:
  static H2FieldList connect() {
    return {{":method", "CONNECT"}, {":authority", "example.com:443"}};
  }
  unsigned status_of(H2Peer& peer, uint32_t id) { return ended(peer, id).status; }
};

TEST_F(Http2TunnelTest, ExtendedConnectBecomesAnUpgradeAndItsSwitchA200) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, ask_websocket(peer));
  EXPECT_THAT(call.request, StartsWith("get /chat http/1.1\r\nhost: example.com\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nconnection: upgrade\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nupgrade: websocket\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nsec-websocket-version: 13\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nsec-websocket-key: "));
  EXPECT_TRUE(peer.connection.peer().connect_protocol);
  ASSERT_TRUE(call.server.send(switching(call) + "from the backend"));
  EXPECT_TRUE(has_body(peer, call.id, "from the backend"));
  const H2Peer::Stream& stream = call.stream();
  EXPECT_EQ(stream.status, 200u);
  EXPECT_EQ(stream.field("upgrade"), "");
  EXPECT_EQ(stream.field("connection"), "");
  EXPECT_EQ(stream.field("sec-websocket-accept"), "");
  EXPECT_FALSE(stream.over());
  peer.send_data(call.id, "from the client");
  EXPECT_EQ(until(call.server, "client"), "from the client");
}

TEST_F(Http2TunnelTest, VersionOfTheWebSocketIsAddedIfItIsMissing) {
  serve();
  H2Peer& peer = h2();
  H2FieldList fields = H2Peer::request_fields("CONNECT", "/chat");
  fields.insert(fields.begin(), {":protocol", "websocket"});
  Call call = called(peer, peer.send_head(fields, false));
  EXPECT_THAT(call.request, HasSubstr("\r\nsec-websocket-version: 13\r\n"));
}

TEST_F(Http2TunnelTest, EndsOfBothDirectionsAreRelayed) {
  serve();
  H2Peer& peer = h2();
  Call call = open_websocket(peer);
  peer.send_data(call.id, "last", true);
  EXPECT_EQ(rest(call.server), "last");
  EXPECT_EQ(call.server.end(), Socket::End::fin);
  ASSERT_TRUE(call.server.send("answer"));
  EXPECT_TRUE(has_body(peer, call.id, "answer"));
  EXPECT_FALSE(call.stream().over());
  call.server.close();
  EXPECT_TRUE(ended(peer, call.id).whole);
  turns(5);
  EXPECT_FALSE(call.stream().reset);
  EXPECT_EQ(streams_ended(StreamEnd::complete), 1u);
}

TEST_F(Http2TunnelTest, BackendMayEndFirst) {
  serve();
  H2Peer& peer = h2();
  Call call = open_websocket(peer);
  call.server.finish();
  EXPECT_TRUE(ended(peer, call.id).whole);
  peer.send_data(call.id, "more", true);
  EXPECT_EQ(rest(call.server), "more");
}

TEST_F(Http2TunnelTest, ResetsAreRelayed) {
  serve();
  H2Peer& peer = h2();
  Call first = open_websocket(peer);
  peer.send_data(first.id, "x");
  until(first.server, "x");
  peer.reset(first.id);
  EXPECT_TRUE(ends_with_reset(first.server));
  Call second = open_websocket(peer);
  second.server.reset();
  const H2Peer::Stream& stream = ended(peer, second.id);
  EXPECT_TRUE(stream.reset);
  EXPECT_FALSE(stream.whole);
  EXPECT_EQ(peer.end(), Socket::End::open);
}

TEST_F(Http2TunnelTest, LongMessagesPassInBothDirectionsAtOnce) {
  constexpr size_t kSize = 1'500'000;
  serve();
  H2Peer& peer = h2();
  Call call = open_websocket(peer);
  peer.send_data(call.id, std::string(kSize, 'u'));
  const std::string down(kSize, 'd');
  size_t sent = 0, got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        sent += call.server.send_some(std::string_view(down).substr(sent, 65536));
        got += call.server.receive(65536, 0ms).size();
        return got == kSize && call.stream().body.size() == kSize;
      },
      20000))
      << got << ", " << call.stream().body.size();
}

TEST_F(Http2TunnelTest, SilentTunnelEndsAndItsConnectionStays) {
  LogCapture log;
  serve("cluster: c, timeouts: { tunnel_idle: 5s }");
  H2Peer& peer = h2();
  Call call = open_websocket(peer);
  for (int i = 0; i < 7; ++i) advance(1s);
  EXPECT_TRUE(ended(peer, call.id).whole);
  EXPECT_TRUE(ends_as(call.server, Socket::End::fin));
  EXPECT_EQ(peer.end(), Socket::End::open);
  EXPECT_TRUE(has_line(log.access(), {"stream=1 ", "reason=idle_timeout"}));
}

// A backend that sends a fixed accept is no WebSocket server (RFC 6455 4.1).
TEST_F(Http2TunnelTest, WrongAcceptIsA502) {
  serve();
  H2Peer& peer = h2();
  Call wrong = called(peer, ask_websocket(peer));
  EXPECT_EQ(answered(wrong, switching(wrong, "dGhlIHNhbXBsZSBub25jZQ==")).status, 502u);
  rest(wrong.server);
  Call none = called(peer, ask_websocket(peer));
  EXPECT_EQ(answered(none,
                     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                     "websocket\r\n\r\n")
                .status,
            502u);
  rest(none.server);
}

// To the client a 2xx would say that the tunnel is open.
TEST_F(Http2TunnelTest, SuccessWithoutASwitchIsA502) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, ask_websocket(peer));
  EXPECT_EQ(answered(call, ok("a page")).status, 502u);
}

TEST_F(Http2TunnelTest, OtherAnswersAreRelayed) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, ask_websocket(peer));
  const H2Peer::Stream& stream =
      answered(call, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(stream.status, 403u);
  EXPECT_EQ(stream.body, "no");
  EXPECT_TRUE(stream.whole);
}

TEST_F(Http2TunnelTest, ProtocolThatTheRouteDoesNotAllowIsA501) {
  serve("routes: [{ match: { path_prefix: / }, cluster: c, upgrade: [none] }]");
  H2Peer& peer = h2();
  EXPECT_EQ(status_of(peer, ask_websocket(peer)), 501u);
  EXPECT_FALSE(peer.connection.peer().connect_protocol);
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(Http2TunnelTest, ConnectOpensATunnelWhenAllowed) {
  serve("cluster: c, allow_connect: true");
  H2Peer& peer = h2();
  Call call = called(peer, peer.send_head(connect(), false));
  EXPECT_THAT(call.head, StartsWith("CONNECT example.com:443 HTTP/1.1\r\n"));
  EXPECT_THAT(call.request, Not(HasSubstr("transfer-encoding")));
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\n\r\nworld"));
  EXPECT_TRUE(has_body(peer, call.id, "world"));
  EXPECT_EQ(call.stream().status, 200u);
  EXPECT_EQ(call.stream().field("content-length"), "");
  peer.send_data(call.id, "hello");
  EXPECT_EQ(bytes(call.server, 5), "hello");
  peer.send_end(call.id);
  EXPECT_TRUE(ends_as(call.server, Socket::End::fin));
  call.server.close();
  EXPECT_TRUE(ended(peer, call.id).whole);
}

TEST_F(Http2TunnelTest, ConnectIsA405WhenNotAllowed) {
  serve();
  H2Peer& peer = h2();
  EXPECT_EQ(status_of(peer, peer.send_head(connect(), false)), 405u);
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(Http2TunnelTest, RefusedConnectIsRelayedAndTheConnectionStays) {
  serve("cluster: c, allow_connect: true");
  H2Peer& peer = h2();
  Call call = called(peer, peer.send_head(connect(), false));
  const H2Peer::Stream& stream =
      answered(call, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(stream.status, 403u);
  EXPECT_TRUE(stream.whole);
  call.id = peer.get("/");
  EXPECT_THAT(message(call.server), StartsWith("GET / "));
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

// RFC 9113 8.5, RFC 8441 4.
TEST_F(Http2TunnelTest, MalformedConnectIsReset) {
  serve("cluster: c, allow_connect: true");
  H2Peer& peer = h2();
  for (const H2FieldList& fields : std::vector<H2FieldList>{
           {{":method", "CONNECT"}, {":authority", "a:1"}, {":path", "/"}},
           {{":method", "CONNECT"}, {":authority", "a:1"}, {":scheme", "http"}},
           {{":method", "CONNECT"}, {":scheme", "http"}, {":path", "/"}},
           {{":method", "GET"},
            {":protocol", "websocket"},
            {":scheme", "http"},
            {":path", "/"},
            {":authority", "a"}}}) {
    EXPECT_EQ(ended(peer, peer.send_head(fields, false)).reset, H2Error::protocol_error);
  }
  EXPECT_TRUE(no_connection_arrives());
}

}  // namespace
}  // namespace weir::test
