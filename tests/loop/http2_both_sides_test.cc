// HTTP/2 on both sides: clients are H2Peers, and the backend of `c` is an H2Backend.
#include "support/h2_backend.h"
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

class Http2BothSidesTest : public Http2Fixture {
 protected:
  Http2BothSidesTest() {
    before_turn = [this, peers = std::move(before_turn)] {
      peers();
      server_.step();
    };
  }

  void serve_both(const std::string& listener = "", const std::string& cluster = "",
                  const std::string& route = "") {
    apply("listeners:\n" + listener_text("routes: [{ cluster: c" + route + " }]" + listener) +
          "clusters:\n" + cluster_text("c", server_.address(), "protocol: http2" + cluster));
  }
  // The n-th request of the only connection.
  H2Accepted::Request& request(size_t n = 0) {
    EXPECT_TRUE(run_until([&] { return server_.requests() > n; }));
    return server_[0].request(uint32_t(2 * n + 1));
  }
  void refuse(size_t n = 0) {
    request(n);
    server_[0].reset(uint32_t(2 * n + 1), H2Error::refused_stream);
    server_.flush();
  }

  H2Backend server_;
};

// RFC 9113 8.7: the client may send it again, whatever its method is.
TEST_F(Http2BothSidesTest, RefusedRequestThatCannotBeRepeatedIsRefusedToTheClient) {
  LogCapture log;
  serve_both();
  H2Peer& peer = h2();
  const uint32_t id = peer.ask("POST", "/", {}, false);
  peer.send_data(id, std::string(40'000, 'x'));
  ASSERT_TRUE(run_until([&] { return request().body.size() == 40'000; }));
  refuse();
  EXPECT_EQ(ended(peer, id).reset, H2Error::refused_stream);
  EXPECT_EQ(peer[id].status, 0u);
  EXPECT_EQ(server_.requests(), 1u);
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_weir), 1u);
  EXPECT_TRUE(has_line(log.access(), {"status=0", "reason=backend_reset"}));
  const uint32_t next = peer.get("/next");
  request(1);
  server_[0].answer(3, "next");
  EXPECT_EQ(ended(peer, next).body, "next");
}

TEST_F(Http2BothSidesTest, RequestThatTheRouteDoesNotRepeatIsRefusedToTheClient) {
  serve_both("", "", ", retry: { attempts: 0 }");
  H2Peer& peer = h2();
  const uint32_t id = peer.get("/");
  refuse();
  EXPECT_EQ(ended(peer, id).reset, H2Error::refused_stream);
}

// REFUSED_STREAM would say that nothing was done for the request.
TEST_F(Http2BothSidesTest, RefusalOfASecondAttemptIsABadGatewayIfTheFirstMayHaveBeenProcessed) {
  serve_both("", ", timeouts: { response_header: 2s }", ", retry: { attempts: 1, on: [timeout] }");
  H2Peer& peer = h2();
  const uint32_t id = peer.get("/");
  request();
  advance(3s);
  ASSERT_TRUE(run_until([&] {
    advance(50ms);
    return server_.requests() == 2;
  }));
  H2Accepted& last = server_[server_.connections() - 1];
  last.reset(last.ids().back(), H2Error::refused_stream);
  server_.flush();
  EXPECT_EQ(ended(peer, id).status, 502u);
  EXPECT_TRUE(peer[id].whole);
}

TEST_F(Http2BothSidesTest, RefusalBehindAnInterimResponseIsABadGateway) {
  serve_both("", "", ", retry: { attempts: 0 }");
  H2Peer& peer = h2();
  const uint32_t id = peer.get("/");
  request();
  server_[0].send_head(1, 103, {{"link", "</a>"}});
  ASSERT_TRUE(run_until([&] { return peer[id].interim.size() == 1; }));
  refuse();
  EXPECT_EQ(ended(peer, id).status, 502u);
  EXPECT_TRUE(peer[id].whole);
}

TEST_F(Http2BothSidesTest, OtherResetOfTheBackendIsABadGateway) {
  serve_both("", "", ", retry: { attempts: 0 }");
  H2Peer& peer = h2();
  for (const H2Error code : {H2Error::internal_error, H2Error::http_1_1_required}) {
    const size_t n = server_.requests();
    const uint32_t id = peer.get("/");
    request(n);
    server_[0].reset(uint32_t(2 * n + 1), code);
    EXPECT_EQ(ended(peer, id).status, 502u);
    EXPECT_TRUE(peer[id].whole);
  }
}

// gRPC streams may be silent for hours in both directions.
TEST_F(Http2BothSidesTest, GrpcCallMayBeSilentWhereTheClusterHasHttp2) {
  serve_both(", timeouts: { request_body: 5s }, limits: { min_body_rate: 1KiB/s }",
             ", timeouts: { response_header: 5s, response_idle: 5s }");
  H2Peer& peer = h2();
  const uint32_t id = peer.ask("POST", "/s/m", {{"content-type", "application/grpc"}}, false);
  request();
  for (int i = 0; i < 30; ++i) advance(1s);
  server_[0].send_head(1, 200, {{"content-type", "application/grpc"}});
  EXPECT_TRUE(has_status(peer, id, 200));
  for (int i = 0; i < 30; ++i) advance(1s);
  EXPECT_FALSE(peer[id].over());
  peer.send_end(id);
  server_[0].send_trailers(1, {{"grpc-status", "0"}});
  EXPECT_EQ(ended(peer, id).trailer("grpc-status"), "0");
}

// A status tells the client more than a reset of the stream.
TEST_F(Http2BothSidesTest, GrpcCallWhoseBodyIsTooLargeEndsWithItsStatusInTheMiddleOfTheResponse) {
  serve_both(", limits: { max_body_size: 1KiB }");
  H2Peer& peer = h2();
  const uint32_t id = peer.ask("POST", "/s/m", {{"content-type", "application/grpc"}}, false);
  request();
  server_[0].send_head(1, 200, {{"content-type", "application/grpc"}});
  EXPECT_TRUE(has_status(peer, id, 200));
  peer.send_data(id, std::string(2000, 'x'));
  EXPECT_EQ(ended(peer, id).trailer("grpc-status"), "8");
  EXPECT_TRUE(run_until([&] { return !request().reset.empty(); }));
  EXPECT_FALSE(request().ended);
}

}  // namespace
}  // namespace weir::test
