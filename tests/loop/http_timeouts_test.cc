// Each timeout with its status, its reason, and the place where it was configured.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpTimeoutsTest : public HttpFixture {
 protected:
  // Ends the log and compares its line about the request.
  void expect_logged(const std::string& status, const std::string& reason) {
    EXPECT_TRUE(
        has_line(log.access(), {"status=" + status, "reason=" + reason, "config=test.yaml:"}));
  }
  LogCapture log;
};

TEST_F(HttpTimeoutsTest, HeadHasATimeoutThatSlowBytesDoNotExtend) {
  serve("cluster: c, timeouts: { request_header: 10s }");
  Socket one = client();
  const std::string head = get("/", "X: 1\r\n");
  for (size_t i = 0; i < 5; ++i) {
    ASSERT_TRUE(one.send(head.substr(i, 1)));
    turns(3);
    advance(1900ms);
  }
  EXPECT_TRUE(receives_nothing(one));
  advance(600ms);
  EXPECT_THAT(rest(one), StartsWith("HTTP/1.1 408 "));
  one.close();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::request_header_timeout) == 1; }));
  expect_logged("408", "request_header_timeout");
}

TEST_F(HttpTimeoutsTest, HeadTimeoutBeginsWithTheFirstByte) {
  serve("cluster: c, timeouts: { request_header: 10s, keep_alive: 60s }");
  Sides sides = asked(get("/"));
  answered(sides, ok(""));
  advance(30s);
  ASSERT_TRUE(sides.client.send("GET "));
  turns(3);
  advance(9s);
  EXPECT_TRUE(receives_nothing(sides.client));
  advance(2s);
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpTimeoutsTest, ConnectionWithoutARequestIsClosedWithoutAResponse) {
  serve("cluster: c, timeouts: { request_header: 10s }");
  Socket one = client();
  turns(3);
  advance(11s);
  EXPECT_EQ(rest(one), "");
  EXPECT_EQ(ended("l", EndReason::request_header_timeout), 1u);
}

TEST_F(HttpTimeoutsTest, SilentUploadIsA408) {
  serve("cluster: c, timeouts: { request_body: 5s }");
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  advance(4s);
  ASSERT_TRUE(sides.client.send("d"));
  turns(3);
  advance(4s);
  EXPECT_TRUE(receives_nothing(sides.client)) << "it moves";
  advance(2s);
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(rest(sides.server), Not(HasSubstr("0\r\n\r\n")));
  expect_logged("408", "request_body_timeout");
}

TEST_F(HttpTimeoutsTest, UploadBelowTheMinimumRateIsA408) {
  serve("cluster: c, limits: { min_body_rate: 1KiB/s }");
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    sides.client.send_some("drip");
    turns(3);
    advance(1s);
  }
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(has_line(log.access(), {"status=408", "reason=request_body_timeout"}));
}

TEST_F(HttpTimeoutsTest, UploadAboveTheMinimumRateIsServed) {
  serve("cluster: c, limits: { min_body_rate: 1KiB/s }");
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(sides.client.send(std::string(2000, 'x')));
    bytes(sides.server, 2000);
    advance(1s);
  }
  EXPECT_TRUE(receives_nothing(sides.client));
}

TEST_F(HttpTimeoutsTest, UploadThatTheBackendDoesNotReadIsNoFaultOfTheClient) {
  serve("cluster: c, limits: { min_body_rate: 1KiB/s }, timeouts: { request_body: 5s }",
        "timeouts: { response_header: 60s }");
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string data(65536, 'd');
  for (int quiet = 0; quiet < 5;) {
    quiet = sides.client.send_some(data) > 0 ? 0 : quiet + 1;
    turns(3);
  }
  for (int i = 0; i < 30; ++i) advance(1s);
  EXPECT_TRUE(receives_nothing(sides.client));
  advance(31s);
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 504 "))
      << "the timeout of the backend applies";
}

TEST_F(HttpTimeoutsTest, ClientThatWaitsForA100IsNotSlow) {
  serve("cluster: c, timeouts: { request_body: 5s }, limits: { min_body_rate: 1KiB/s }",
        "timeouts: { response_header: 20s }");
  Sides sides =
      asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  for (int i = 0; i < 15; ++i) advance(1s);
  EXPECT_TRUE(receives_nothing(sides.client)) << "the backend has not sent a 100";
  for (int i = 0; i < 6; ++i) advance(1s);
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 504 "));
}

TEST_F(HttpTimeoutsTest, SilentBackendIsA504) {
  serve("cluster: c", "timeouts: { response_header: 5s }");
  Sides sides = asked(get("/"));
  advance(3s);
  ASSERT_TRUE(sides.server.send("HTTP/1.1 2"));
  turns(3);
  advance(3s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "))
      << "slow bytes do not extend the timeout";
  rest(sides.server);
  turns(5);
  expect_logged("504", "response_timeout");
}

TEST_F(HttpTimeoutsTest, StalledResponseIsCut) {
  serve("cluster: c", "timeouts: { response_idle: 5s }");
  Sides sides = asked(get("/"));
  answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  advance(4s);
  ASSERT_TRUE(sides.server.send("d"));
  bytes(sides.client, 4);
  advance(4s);
  EXPECT_TRUE(receives_nothing(sides.client));
  advance(2s);
  EXPECT_TRUE(ends_as(sides.client, Socket::End::reset));
  rest(sides.server);
  expect_logged("200", "response_timeout");
}

TEST_F(HttpTimeoutsTest, WholeRequestHasATimeoutInEveryStage) {
  serve("routes: [{ match: { path_prefix: / }, cluster: c, timeouts: { request: 10s } }]");
  Sides waiting = asked(get("/"));
  advance(11s);
  EXPECT_THAT(message(waiting.client), StartsWith("HTTP/1.1 504 "));
  rest(waiting.server);
  Sides moving = asked(get("/"));
  answered(moving, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 11; ++i) {
    moving.server.send_some("x");
    turns(3);
    advance(1s);
  }
  EXPECT_TRUE(ends_as(moving.client, Socket::End::reset));
  rest(moving.server);
  Sides sending = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  for (int i = 0; i < 11; ++i) {
    sending.client.send_some("x");
    turns(3);
    advance(1s);
  }
  EXPECT_THAT(rest(sending.client), StartsWith("HTTP/1.1 504 "));
  expect_logged("504", "request_timeout");
}

TEST_F(HttpTimeoutsTest, ClientThatDoesNotReadIsAborted) {
  serve("cluster: c, timeouts: { client_idle: 5s }", "timeouts: { response_idle: 1s }");
  Sides sides = asked(get("/"));
  answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  const std::string data(65536, 'd');
  for (int quiet = 0; quiet < 5;) {
    quiet = sides.server.send_some(data) > 0 ? 0 : quiet + 1;
    turns(3);
  }
  advance(3s);
  EXPECT_EQ(worker.active(), 1u) << "the backend is not silent: its bytes are not read";
  advance(3s);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_idle_timeout) == 1; }));
  rest(sides.server);
  expect_logged("200", "client_idle_timeout");
}

TEST_F(HttpTimeoutsTest, SilentTunnelEnds) {
  serve("cluster: c, timeouts: { tunnel_idle: 5s }");
  Sides sides = asked(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  answered(sides, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  advance(6s);
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));
  rest(sides.server);
  expect_logged("101", "idle_timeout");
}

TEST_F(HttpTimeoutsTest, ConnectionIsKeptForTheKeepAliveTimeout) {
  serve("cluster: c, timeouts: { keep_alive: 20s, request_header: 5s }");
  Sides sides = asked(get("/"));
  answered(sides, ok(""));
  advance(19s);
  EXPECT_TRUE(receives_nothing(sides.client));
  advance(2s);
  EXPECT_EQ(rest(sides.client), "");
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::keep_alive_timeout) == 1; }));
}

TEST_F(HttpTimeoutsTest, ConnectionAboveItsMaximumAgeIsClosedAfterItsRequest) {
  serve("cluster: c, timeouts: { max_age: 20s, keep_alive: 0s, request_header: 60s }");
  Sides idle = asked(get("/"));
  answered(idle, ok(""));
  Sides busy;
  busy.client = client();
  turns(3);
  advance(19s);
  ASSERT_TRUE(busy.client.send(get("/busy")));
  message(idle.server);
  advance(2s);
  EXPECT_TRUE(ends_as(idle.client, Socket::End::fin));
  EXPECT_TRUE(receives_nothing(busy.client));
  ASSERT_TRUE(idle.server.send(ok("last")));
  EXPECT_THAT(rest(busy.client), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpTimeoutsTest, LastResponseOfAConnectionAnnouncesTheClose) {
  serve("cluster: c, limits: { max_requests_per_connection: 2 }");
  Sides sides = asked(get("/1"));
  EXPECT_THAT(answered(sides, ok("")), Not(HasSubstr("Connection: close")));
  ASSERT_TRUE(sides.client.send(get("/2") + get("/3")));
  message(sides.server);
  EXPECT_THAT(answered(sides, ok("")), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(rest(sides.client), "");
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
  EXPECT_TRUE(receives_nothing(sides.server)) << "/3 is not begun";
  sides.client.close();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::last_request) == 1; }));
}

TEST_F(HttpTimeoutsTest, ConnectionIsClosedAfterItsLastResponse) {
  serve("cluster: c");
  for (const std::string& fields : {std::string("Connection: close\r\n"),
                                    std::string("Connection: close\r\nContent-Length: 2\r\n")}) {
    const uint64_t before = ended("l", EndReason::last_request);
    const bool body = fields.find("Length") != std::string::npos;
    Sides sides = asked(get("/", fields) + (body ? "ab" : ""));
    if (body) {
      EXPECT_EQ(bytes(sides.server, 2), "ab");
    }
    answered(sides, ok("last"));
    EXPECT_TRUE(run_until([&] { return ended("l", EndReason::last_request) == before + 1; }));
    EXPECT_EQ(worker.active(), 0u) << "though the client has not closed";
    EXPECT_EQ(rest(sides.client), "last");
    EXPECT_EQ(sides.client.end(), Socket::End::fin);
  }
}

// If weir closed at once, the kernel would answer these bytes with a reset, which may destroy the
// response.
TEST_F(HttpTimeoutsTest, BytesAfterTheLastRequestAreReadAndDiscarded) {
  serve("cluster: c");
  Sides sides = asked(get("/", "Connection: close\r\n") + get("/more"));
  EXPECT_THAT(answered(sides, ok("last")), HasSubstr("\r\nConnection: close\r\n"));
  turns(10);
  EXPECT_EQ(worker.active(), 1u);
  EXPECT_EQ(rest(sides.client), "last");
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
  sides.client.close();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::last_request) == 1; }));
}

}  // namespace
}  // namespace weir::test
