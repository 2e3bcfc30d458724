// The timeouts of clients with HTTP/2, each with what the client receives and the reason of the
// end.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

class Http2TimeoutsTest : public Http2Fixture {
 protected:
  static constexpr const char* kHere =
      "routes: [{ match: { path: /here }, respond: { body: here } },"
      " { match: { path_prefix: / }, cluster: c }]";
  // In steps, so that clients acknowledge PINGs in time.
  void pass(Duration all, Duration step = 1s) {
    for (Duration past{}; past < all; past += step) advance(step);
  }
  // GOAWAY with the largest id, GOAWAY with this last stream, FIN.
  void expect_left(H2Peer& peer, uint32_t last) {
    EXPECT_TRUE(ends_with_fin(peer));
    ASSERT_EQ(peer.goaways.size(), 2u);
    EXPECT_EQ(peer.goaways[0].last, kH2MaxStreamId);
    EXPECT_EQ(peer.goaways[0].code, H2Error::no_error);
    EXPECT_EQ(peer.goaways[1].last, last);
    EXPECT_EQ(peer.goaways[1].code, H2Error::no_error);
  }
};

TEST_F(Http2TimeoutsTest, IdleConnectionLeavesAfterTheKeepAliveTimeout) {
  serve(std::string(kHere) + ", timeouts: { keep_alive: 100s, client_idle: 60s }");
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/here")).status, 200u);
  pass(99s);
  peer.ping(1);
  EXPECT_TRUE(run_until([&] { return peer.ping_acks.size() == 1; }));
  EXPECT_EQ(peer.goaways.size(), 0u);
  advance(2s);
  expect_left(peer, 1);
  EXPECT_TRUE(left_because(peer, EndReason::keep_alive_timeout)) << "a PING is no request";
}

TEST_F(Http2TimeoutsTest, ConnectionWithoutARequestLeavesAfterTheKeepAliveTimeout) {
  serve(std::string(kHere) + ", timeouts: { keep_alive: 20s }");
  H2Peer& peer = h2();
  turns(5);
  advance(19s);
  EXPECT_EQ(peer.goaways.size(), 0u);
  advance(2s);
  expect_left(peer, 0);
  EXPECT_TRUE(left_because(peer, EndReason::keep_alive_timeout));
}

TEST_F(Http2TimeoutsTest, ClientThatDoesNotAcknowledgeThePingIsLeftAfterASecond) {
  serve(std::string(kHere) + ", timeouts: { keep_alive: 20s }");
  H2Peer& peer = h2();
  EXPECT_EQ(ended(peer, peer.get("/here")).status, 200u);
  peer.reads = false;
  advance(21s);
  turns(5);
  EXPECT_EQ(worker.active(), 1u);
  advance(2s);
  peer.reads = true;
  expect_left(peer, 1);
}

// Its stream is reset, its backend released, and the connection goes on.
TEST_F(Http2TimeoutsTest, AnswerBehindAClosedWindowIsGivenUp) {
  LogCapture log;
  serve(std::string(kHere) + ", timeouts: { client_idle: 20s }", "timeouts: { response_idle: 1s }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  call.stream().takes = false;
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"));
  send_all_that_is_taken(call.server, 100'000'000);
  pass(19s);
  EXPECT_FALSE(call.stream().over());
  pass(3s);
  EXPECT_EQ(ended(peer, call.id).reset, H2Error::cancel);
  EXPECT_FALSE(call.stream().whole);
  rest(call.server);
  EXPECT_EQ(ended(peer, peer.get("/here")).status, 200u);
  EXPECT_TRUE(has_line(log.access(), {"stream=1 ", "status=200", "reason=client_idle_timeout",
                                      "config=test.yaml:"}));
}

TEST_F(Http2TimeoutsTest, ClientThatTakesNothingIsAborted) {
  serve("cluster: c, timeouts: { client_idle: 20s }", "timeouts: { response_idle: 1h }");
  Socket socket = client();
  socket.shrink_buffers();
  H2Peer& peer = h2(std::move(socket));
  peer.open_windows(1 << 30);
  Call call = called_get(peer);
  peer.reads = false;
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"));
  send_all_that_is_taken(call.server, 100'000'000);
  pass(18s);
  EXPECT_EQ(worker.active(), 1u);
  pass(5s);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_idle_timeout) == 1; }));
  EXPECT_EQ(worker.active(), 0u);
  rest(call.server);
}

TEST_F(Http2TimeoutsTest, SilentClientWithARequestIsAskedByAPing) {
  serve("cluster: c, timeouts: { client_idle: 20s }", "timeouts: { response_header: 1h }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  pass(300s);
  EXPECT_EQ(worker.active(), 1u) << "it acknowledges each PING";
  peer.reads = false;
  pass(21s);
  EXPECT_EQ(worker.active(), 1u) << "it has been asked";
  pass(22s);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_idle_timeout) == 1; }));
  rest(call.server);
}

TEST_F(Http2TimeoutsTest, SilentBackendIsA504) {
  serve("cluster: c", "timeouts: { response_header: 5s }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  pass(6s);
  EXPECT_EQ(ended(peer, call.id).status, 504u);
  EXPECT_TRUE(call.stream().whole);
  rest(call.server);
}

TEST_F(Http2TimeoutsTest, StalledResponseIsCutByCancel) {
  serve("cluster: c", "timeouts: { response_idle: 5s }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
  EXPECT_TRUE(has_body(peer, call.id, "abc"));
  pass(6s);
  EXPECT_EQ(ended(peer, call.id).reset, H2Error::cancel);
  EXPECT_FALSE(call.stream().whole);
  rest(call.server);
}

TEST_F(Http2TimeoutsTest, ConnectionAboveItsMaximumAgeLeavesWhenItsRequestsAreOver) {
  serve(std::string(kHere) + ", timeouts: { max_age: 20s }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  pass(21s);
  EXPECT_TRUE(gets_goaways(peer, 2));
  turns(5);
  EXPECT_EQ(peer.end(), Socket::End::open);
  EXPECT_EQ(answered(call, ok("last")).body, "last");
  expect_left(peer, 1);
  EXPECT_TRUE(left_because(peer, EndReason::max_age));
}

TEST_F(Http2TimeoutsTest, ConnectionLeavesAfterItsLastRequest) {
  serve("cluster: c, limits: { max_requests_per_connection: 2 }");
  H2Peer& peer = h2();
  Call one = called_get(peer);
  turns(5);
  EXPECT_EQ(peer.goaways.size(), 0u);
  Call two = called_get(peer);
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_EQ(answered(two, ok("2")).body, "2");
  EXPECT_EQ(answered(one, ok("1")).body, "1");
  expect_left(peer, 3);
  EXPECT_TRUE(left_because(peer, EndReason::last_request));
}

// To a backend with HTTP/1 no request is gRPC, whatever its client says.
class Http2GrpcTimeoutsTest : public Http2TimeoutsTest {
 protected:
  Call called_grpc(H2Peer& peer) {
    return called_upload(peer, "/s/m", {{"content-type", "application/grpc"}});
  }
};

TEST_F(Http2GrpcTimeoutsTest, SilentCallToABackendWithHttp1HasTheTimeoutOfBodies) {
  LogCapture log;
  serve("cluster: c, timeouts: { request_body: 5s }");
  H2Peer& peer = h2();
  Call call = called_grpc(peer);
  pass(4s);
  EXPECT_FALSE(call.stream().over());
  pass(2s);
  EXPECT_EQ(ended(peer, call.id).field("grpc-status"), "4");
  rest(call.server);
  EXPECT_TRUE(has_line(log.access(), {"reason=request_body_timeout"}));
}

TEST_F(Http2GrpcTimeoutsTest, SlowCallToABackendWithHttp1HasTheLeastRateOfBodies) {
  serve("cluster: c, limits: { min_body_rate: 1KiB/s }");
  H2Peer& peer = h2();
  Call call = called_grpc(peer);
  for (int i = 0; i < 12 && !call.stream().over(); ++i) {
    peer.send_data(call.id, "x");
    advance(1s);
  }
  EXPECT_EQ(ended(peer, call.id).field("grpc-status"), "4");
  rest(call.server);
}

TEST_F(Http2GrpcTimeoutsTest, CallToABackendWithHttp1HasTheTimeoutsOfItsCluster) {
  serve("cluster: c", "timeouts: { response_header: 5s, response_idle: 5s }");
  H2Peer& peer = h2();
  Call silent = called_grpc(peer), begun = called_grpc(peer);
  for (Call* call : {&silent, &begun}) peer.send_end(call->id);
  ASSERT_TRUE(begun.server.send(
      "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(has_status(peer, begun.id, 200));
  pass(6s);
  EXPECT_EQ(ended(peer, silent.id).field("grpc-status"), "14");
  EXPECT_EQ(ended(peer, begun.id).trailer("grpc-status"), "14");
  rest(silent.server);
  rest(begun.server);
}

}  // namespace
}  // namespace weir::test
