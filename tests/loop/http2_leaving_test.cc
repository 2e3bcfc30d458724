// How a connection with HTTP/2 ends in order: GOAWAY twice (RFC 9113 6.8), by a drain, by a reload,
// and by the client.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class Http2LeavingTest : public Http2Fixture {
 protected:
  void drain(Duration spread = 0s) {
    worker.close_listeners();
    worker.begin_drain(loop.now(), spread);
    turns(5);
  }
  // A drain waits until the client has acknowledged the last bytes.
  bool ends_when_delivered(H2Peer& peer) {
    return run_until([&] {
      advance(50ms);
      return peer.end() == Socket::End::fin;
    });
  }
  static constexpr const char* kHalf = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc";
};

class Http2DrainTest : public Http2LeavingTest {
 protected:
  void SetUp() override { serve(); }
};

TEST_F(Http2DrainTest, IdleConnectionGetsGoawayTwiceAndAFin) {
  H2Peer& peer = h2();
  Call call = called_get(peer);
  answered(call, ok(""));
  advance(3s);
  drain();
  EXPECT_TRUE(ends_when_delivered(peer));
  ASSERT_EQ(peer.goaways.size(), 2u);
  EXPECT_EQ(peer.goaways[0].last, kH2MaxStreamId);
  EXPECT_EQ(peer.goaways[1].last, 1u);
  EXPECT_EQ(peer.goaways[1].code, H2Error::no_error);
  EXPECT_TRUE(left_because(peer, EndReason::drain_idle));
}

TEST_F(Http2DrainTest, BusyConnectionIsToldAndItsRequestsFinish) {
  H2Peer& peer = h2();
  Call call = called_get(peer), begun = called_get(peer);
  ASSERT_TRUE(begun.server.send(kHalf));
  EXPECT_TRUE(has_body(peer, begun.id, "abc"));
  drain();
  EXPECT_TRUE(gets_goaways(peer, 2));
  EXPECT_EQ(peer.goaways[1].last, 3u);
  advance(30s);
  EXPECT_EQ(peer.end(), Socket::End::open);
  EXPECT_EQ(answered(begun, "def").body, "abcdef");
  EXPECT_EQ(answered(call, ok("last")).body, "last");
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_EQ(streams_ended(StreamEnd::complete), 2u);
}

TEST_F(Http2DrainTest, StreamBetweenTheTwoGoawaysIsServed) {
  H2Peer& peer = h2();
  Call first = called_get(peer, "/first");
  peer.reads = false;
  drain();
  Call between = called_get(peer, "/between");
  EXPECT_THAT(between.request, testing::StartsWith("get /between "));
  ASSERT_TRUE(between.server.send(ok("between")) && first.server.send(ok("first")));
  turns(5);
  peer.reads = true;
  EXPECT_EQ(ended(peer, between.id).body, "between");
  EXPECT_EQ(ended(peer, first.id).body, "first");
  EXPECT_TRUE(ends_with_fin(peer));
  ASSERT_EQ(peer.goaways.size(), 2u);
  EXPECT_EQ(peer.goaways[1].last, between.id);
}

TEST_F(Http2DrainTest, StreamBehindTheSecondGoawayIsIgnored) {
  H2Peer& peer = h2();
  Call call = called_get(peer, "/first");
  peer.reads = false;
  drain();
  advance(2s);  // the PING is not acknowledged
  const uint32_t late = peer.ask("POST", "/late", {}, false);
  peer.send_data(late, std::string(1000, 'x'), true);
  EXPECT_TRUE(no_connection_arrives());
  peer.reads = true;
  EXPECT_EQ(answered(call, ok("first")).body, "first");
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_EQ(peer.goaways.back().last, call.id) << "the client may send /late again";
  EXPECT_FALSE(peer[late].over());
  EXPECT_EQ(cells("l").http2_streams.value, 1u);
}

TEST_F(Http2DrainTest, NewConnectionIsServedThenTold) {
  H2Peer& early = h2();
  Call held = called_get(early);
  Socket waiting = client();  // in the queue of the listener
  drain();
  H2Peer& peer = h2(std::move(waiting));
  Call call = called_get(peer);
  EXPECT_EQ(answered(call, ok("served")).body, "served");
  EXPECT_TRUE(ends_when_delivered(peer));
  EXPECT_EQ(peer.goaways.size(), 2u);
  answered(held, ok(""));
}

TEST_F(Http2DrainTest, ConnectionWithATunnelIsToldLast) {
  H2Peer& tunnel = h2();
  Call call = open_websocket(tunnel);
  H2Peer& busy = h2();
  Call other = called_get(busy);
  advance(3s);
  drain(10s);
  for (int i = 0; i < 8; ++i) advance(1s);
  EXPECT_GE(busy.goaways.size(), 1u);
  EXPECT_EQ(tunnel.goaways.size(), 0u);
  for (int i = 0; i < 4; ++i) advance(1s);
  EXPECT_TRUE(gets_goaways(tunnel, 2));
  tunnel.send_data(call.id, "still open");
  EXPECT_EQ(until(call.server, "open"), "still open");
  tunnel.send_end(call.id);
  EXPECT_TRUE(ends_as(call.server, Socket::End::fin));
  call.server.close();
  EXPECT_TRUE(ends_with_fin(tunnel));
  answered(other, ok(""));
}

TEST_F(Http2DrainTest, AtTheDeadlineRequestsWithoutAnAnswerGetA503AndOthersAreCut) {
  H2Peer& peer = h2();
  Call waiting = called_get(peer), upload = called_upload(peer), begun = called_get(peer);
  ASSERT_TRUE(begun.server.send(kHalf));
  EXPECT_TRUE(has_body(peer, begun.id, "abc"));
  drain();
  worker.cut_sessions(EndReason::drain_deadline);
  for (Call* call : {&waiting, &upload}) {
    EXPECT_EQ(ended(peer, call->id).status, 503u);
    EXPECT_TRUE(call->stream().whole);
    rest(call->server);
  }
  EXPECT_EQ(ended(peer, begun.id).reset, H2Error::cancel);
  EXPECT_FALSE(begun.stream().whole);
  rest(begun.server);
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_EQ(peer.goaways.back().last, begun.id);
}

TEST_F(Http2DrainTest, AbortResetsTheConnectionAndItsBackends) {
  H2Peer& peer = h2();
  Call call = called_get(peer), upload = called_upload(peer);
  worker.abort_sessions(EndReason::shutdown);
  EXPECT_TRUE(run_until([&] { return peer.end() == Socket::End::reset; }));
  rest(call.server);
  rest(upload.server);
  EXPECT_EQ(ended("l", EndReason::shutdown), 1u);
  EXPECT_EQ(streams_ended(StreamEnd::connection), 2u);
}

class Http2ReloadTest : public Http2LeavingTest {
 protected:
  static std::string saying(const std::string& word) {
    return "routes: [{ match: { path: /say }, respond: { body: \"" + word +
           "\" } }, { match: { path_prefix: / }, cluster: c }]";
  }
  int64_t open(ConfigAge age) { return cells("l").active[age].value; }
};

TEST_F(Http2ReloadTest, EachStreamUsesTheConfigurationAtItsHead) {
  serve(saying("first"));
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/say")).body, "first");
  Call call = called_get(peer);
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: d, via: true") + "clusters:\n" +
        cluster_text("d", other.address()));
  const uint32_t next = peer.get("/next");
  Socket server = accepted(other);
  EXPECT_THAT(message(server), HasSubstr("Via: 2.0 "));
  ASSERT_TRUE(server.send(ok("next")));
  EXPECT_EQ(ended(peer, next).body, "next");
  EXPECT_EQ(answered(call, ok("old")).field("via"), "");
  EXPECT_EQ(peer.goaways.size(), 0u);
}

TEST_F(Http2ReloadTest, IdleConnectionUsesTheNewConfigurationAtOnce) {
  serve(saying("first"));
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/say")).body, "first");
  for (int i = 0; i < 5; ++i) serve(saying(fmt::format("next {}", i)));
  turns(2);
  EXPECT_EQ(open(ConfigAge::old), 0);
  EXPECT_EQ(open(ConfigAge::current), 1);
  EXPECT_EQ(ended(peer, peer.get("/say")).body, "next 4");
  EXPECT_EQ(peer.goaways.size(), 0u);
}

TEST_F(Http2ReloadTest, BusyConnectionUsesTheNewConfigurationWhenItsLastStreamEnds) {
  serve(saying("first"));
  H2Peer& peer = h2();
  Call one = called_get(peer), other = called_get(peer);
  serve(saying("second"));
  answered(one, ok("old"));
  turns(2);
  EXPECT_EQ(open(ConfigAge::old), 1);
  answered(other, ok("old"));
  advance(100ms);
  EXPECT_EQ(open(ConfigAge::old), 0);
  EXPECT_EQ(open(ConfigAge::current), 1);
  EXPECT_EQ(peer.goaways.size(), 0u);
}

TEST_F(Http2ReloadTest, ConnectionWithoutAPrefaceUsesTheNewConfigurationWhenThatComes) {
  serve(saying("first") + ", timeouts: { keep_alive: 60s }");
  H2Peer& peer = h2();
  const std::string first = peer.take_output();
  ASSERT_TRUE(peer.socket().send(std::string_view(first).substr(0, 10)));
  turns(3);
  serve(saying("second") + ", timeouts: { keep_alive: 5s }");
  EXPECT_EQ(open(ConfigAge::old), 1);
  ASSERT_TRUE(peer.socket().send(std::string_view(first).substr(10)));
  turns(4);
  advance(100ms);
  EXPECT_EQ(open(ConfigAge::old), 0);
  advance(6s);
  EXPECT_TRUE(gets_goaways(peer, 1));
}

TEST_F(Http2ReloadTest, IdleConnectionHasTheNewTimeoutsAtOnce) {
  serve(saying("first") + ", timeouts: { keep_alive: 60s }");
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/say")).body, "first");
  serve(saying("second") + ", timeouts: { keep_alive: 5s }");
  turns(2);
  advance(4s);
  EXPECT_EQ(peer.goaways.size(), 0u);
  advance(2s);
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_TRUE(left_because(peer, EndReason::keep_alive_timeout));
}

TEST_F(Http2ReloadTest, ConnectionsOfARemovedListenerAreToldAtOnceAndTheirRequestsFinish) {
  serve(saying("first"));
  H2Peer &idle = h2(), &busy = h2();
  EXPECT_EQ(ended(idle, idle.get("/say")).body, "first");
  Call call = called_get(busy);
  apply(
      "listeners:\n  - { name: m, bind: \"127.0.0.1:0\", protocol: http, cluster: c }\n"
      "clusters:\n" +
      cluster_text("c", backend.address()));
  EXPECT_TRUE(gets_goaways(idle, 2));
  EXPECT_TRUE(ends_with_fin(idle));
  EXPECT_TRUE(gets_goaways(busy, 2));
  EXPECT_EQ(answered(call, ok("last")).body, "last");
  EXPECT_TRUE(ends_with_fin(busy));
  EXPECT_EQ(busy.goaways.back().last, call.id);
}

TEST_F(Http2ReloadTest, ConnectionsAreToldAtOnceWhenHttp2IsSwitchedOff) {
  serve(saying("first"));
  H2Peer &idle = h2(), &busy = h2();
  EXPECT_EQ(ended(idle, idle.get("/say")).body, "first");
  Call call = called_get(busy);
  serve(saying("second") + ", http2: { enabled: false }");
  EXPECT_TRUE(gets_goaways(idle, 2));
  EXPECT_TRUE(ends_with_fin(idle));
  EXPECT_TRUE(gets_goaways(busy, 2));
  EXPECT_EQ(answered(call, ok("last")).body, "last");
  EXPECT_TRUE(ends_with_fin(busy));
}

// RFC 9113 6.8: what the client sends before it has received the GOAWAY is served.
TEST_F(Http2ReloadTest, RequestOfAConnectionThatIsToldIsServed) {
  serve(saying("first"));
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/say")).body, "first");
  peer.reads = false;
  serve(saying("second") + ", http2: { enabled: false }");
  turns(2);
  const uint32_t late = peer.get("/say");
  turns(3);
  peer.reads = true;
  EXPECT_EQ(ended(peer, late).body, "second");
  EXPECT_TRUE(ends_with_fin(peer));
}

// The limit that the client knows (RFC 9113 6.5.3) holds for its connection.
TEST_F(Http2ReloadTest, ConnectionKeepsTheNumberOfStreamsThatItWasPromised) {
  serve();
  H2Peer& peer = h2();
  Call before = called_get(peer);
  answered(before, ok("", "Connection: close\r\n"));
  serve("cluster: c, http2: { max_streams: 1 }");
  turns(2);
  Call one = called_get(peer), other = called_get(peer);
  EXPECT_EQ(answered(one, ok("one")).body, "one");
  EXPECT_EQ(answered(other, ok("other")).body, "other");
  EXPECT_EQ(streams_ended(StreamEnd::refused), 0u);
}

// RFC 9113 6.8: what the client has begun before its GOAWAY is served.
TEST_F(Http2LeavingTest, GoawayOfTheClientLetsItsRequestsFinish) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  peer.send_frame(H2FrameType::goaway, 0, 0, std::string(8, '\0'));
  turns(5);
  EXPECT_EQ(peer.end(), Socket::End::open);
  EXPECT_EQ(answered(call, ok("last")).body, "last");
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_TRUE(left_because(peer, EndReason::client_closed));
}

TEST_F(Http2LeavingTest, FinOfTheClientGivesItsRequestsUp) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  peer.socket().finish();
  rest(call.server);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 1; }));
  EXPECT_EQ(streams_ended(StreamEnd::connection), 1u);
}

// It can send no WINDOW_UPDATE any more.
TEST_F(Http2LeavingTest, FinOfTheClientGivesUpResponseBehindAClosedWindowIfCancelOnCloseIsOff) {
  LogCapture log;
  serve("cluster: c, cancel_on_close: false");
  H2Peer& peer = h2();
  Call call = called_get(peer), upload = called_upload(peer);
  upload.peer.send_data(upload.id, "part");
  until(upload.server, "part\r\n");
  call.stream().takes = false;
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"));
  send_all_that_is_taken(call.server, 100'000'000);
  peer.socket().finish();
  EXPECT_TRUE(ends_with_reset(upload.server)) << "half a request must not look whole";
  rest(call.server);
  EXPECT_NE(call.server.end(), Socket::End::open);
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_FALSE(call.stream().whole);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 1; }));
  EXPECT_EQ(streams_ended(StreamEnd::connection), 2u);
  EXPECT_TRUE(has_line(log.access(), {"stream=1", "reason=client_closed"}));
  EXPECT_TRUE(has_line(log.access(), {"stream=3", "reason=client_closed"}));
  EXPECT_EQ(cells("l").request_errors[RequestError::client_abort].value, 2u);
}

TEST_F(Http2LeavingTest, FinOfTheClientBehindItsRequestDoesNotLoseAnAnswerOfWeir) {
  serve(
      "routes: [{ match: { path: /here }, respond: { body: here } },"
      " { match: { path_prefix: / }, cluster: c }]");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  const uint32_t id = peer.get("/here");
  peer.step();
  peer.socket().finish();
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_TRUE(peer[id].whole);
  EXPECT_EQ(peer[id].body, "here");
  EXPECT_FALSE(call.stream().over());
}

TEST_F(Http2LeavingTest, RequestThatComesWithTheFinOfItsClientGetsTheAnswerOfWeir) {
  serve("routes: [{ respond: { body: here } }]");
  H2Peer& peer = h2();
  turns(3);
  const uint32_t id = peer.get("/");
  peer.step();
  peer.socket().finish();
  EXPECT_EQ(ended(peer, id).body, "here");
  EXPECT_TRUE(peer[id].whole);
  EXPECT_TRUE(ends_with_fin(peer));
}

TEST_F(Http2LeavingTest, FinOfAnIdleClientEndsItsConnection) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  answered(call, ok(""));
  peer.socket().finish();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 1; }));
}

}  // namespace
}  // namespace weir::test
