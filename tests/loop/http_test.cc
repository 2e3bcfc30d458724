// HTTP/1 through one worker: the bytes that clients and backends receive, and the counters
// afterwards.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpTest : public HttpFixture {};

TEST_F(HttpTest, RequestAndResponseAreRewritten) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/a?b=c", "Connection: x-drop\r\nX-Drop: 1\r\nX-Keep: 2\r\n")));
  Socket server = accepted();
  const std::string request = message(server);
  EXPECT_THAT(request, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: example.com\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Keep: 2\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("X-Drop")));
  EXPECT_THAT(request, HasSubstr("X-Forwarded-For: 127.0.0.1\r\n"));
  ASSERT_TRUE(server.send(ok("hello", "X-From: backend\r\nKeep-Alive: timeout=5\r\n")));
  const std::string response = until(one, "hello");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("X-From: backend\r\n"));
  EXPECT_THAT(response, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(response, HasSubstr("Date: "));
  EXPECT_THAT(response, Not(HasSubstr("Keep-Alive")));
}

TEST_F(HttpTest, BothConnectionsServeTheNextRequest) {
  serve();
  Socket one = client();
  Socket server;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(get(fmt::format("/{}", i))));
    if (!server) server = accepted();
    EXPECT_THAT(message(server), StartsWith(fmt::format("GET /{} ", i)));
    ASSERT_TRUE(server.send(ok(fmt::format("answer {}", i))));
    EXPECT_THAT(until(one, fmt::format("answer {}", i)), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_EQ(backend_cells("c", backend.address().text()).reuses.value, 2u);
  EXPECT_EQ(backend_cells("c", backend.address().text()).connects.value, 1u);
}

TEST_F(HttpTest, PipelinedRequestsAreAnsweredInOrder) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/1") + get("/2") + get("/3")));
  Socket server = accepted();
  for (int i = 1; i <= 3; ++i) {
    EXPECT_THAT(message(server), StartsWith(fmt::format("GET /{} ", i)));
    ASSERT_TRUE(server.send(ok(fmt::format("answer {}", i))));
  }
  const std::string all = until(one, "answer 3");
  EXPECT_LT(all.find("answer 1"), all.find("answer 2"));
}

TEST_F(HttpTest, LongBodyOfKnownLengthIsRelayedInBothDirections) {
  serve();
  const std::string body(3'000'000, 'b');
  Socket one = client();
  ASSERT_TRUE(one.send(
      fmt::format("POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.size())));
  Socket server = accepted();
  EXPECT_THAT(message(server), HasSubstr("Content-Length: 3000000\r\n"));
  size_t sent = 0, got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        sent += one.send_some(std::string_view(body).substr(sent, 65536));
        got += server.receive(65536, 0ms).size();
        return got == body.size();
      },
      20000));
  ASSERT_TRUE(
      server.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.size())));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200"));
  sent = got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        sent += server.send_some(std::string_view(body).substr(sent, 65536));
        got += one.receive(65536, 0ms).size();
        return got == body.size();
      },
      20000));
}

TEST_F(HttpTest, ChunkedBodyIsFramedAnew) {
  serve();
  Socket one = client();
  ASSERT_TRUE(
      one.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"));
  Socket server = accepted();
  EXPECT_THAT(message(server), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(until(server, "0\r\n\r\n"), "b\r\nhello world\r\n0\r\n\r\n");
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  EXPECT_THAT(until(one, "abc\r\n"), EndsWith("\r\n\r\n3\r\nabc\r\n"));
  ASSERT_TRUE(server.send("2\r\nde\r\n0\r\n\r\n"));
  EXPECT_EQ(until(one, "0\r\n\r\n"), "2\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(one.send(get("/next")));
  EXPECT_THAT(message(server), StartsWith("GET /next "));
}

// The next request begins in the buffer where weir writes framing that is longer than the received
// one.
TEST_F(HttpTest, RequestDirectlyAfterAChunkedBodyIsRead) {
  serve();
  Socket one = client();
  ASSERT_TRUE(
      one.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
               "3\r\nabc\r\n0\r\n\r"));
  Socket server = accepted();
  until(server, "abc\r\n");
  ASSERT_TRUE(one.send("\n" + get("/b")));
  EXPECT_EQ(until(server, "0\r\n\r\n"), "0\r\n\r\n");
  ASSERT_TRUE(server.send(ok("first")));
  EXPECT_THAT(message(server), StartsWith("GET /b HTTP/1.1\r\n"));
  ASSERT_TRUE(server.send(ok("second")));
  EXPECT_THAT(until(one, "second"), HasSubstr("first"));
}

TEST_F(HttpTest, BodyThatEndsWithTheConnectionIsChunkedForTheClient) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\n\r\nall there is"));
  server.close();
  EXPECT_THAT(until(one, "0\r\n\r\n"), EndsWith("c\r\nall there is\r\n0\r\n\r\n"));
}

TEST_F(HttpTest, TruncatedBodyAbortsTheConnection) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
  until(one, "abc");
  server.close();
  EXPECT_TRUE(ends_as(one, Socket::End::reset));
}

TEST_F(HttpTest, InvalidRequestIsRefusedAndTheConnectionClosed) {
  serve();
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, std::string>>{
           {"nonsense\r\n\r\n", "400"},
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"},
           {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "405"}}) {
    Socket one = client();
    ASSERT_TRUE(one.send(bytes));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 " + status)) << bytes;
  }
}

TEST_F(HttpTest, InvalidResponseIsA502) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send("SSH-2.0-OpenSSH\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502"));
}

TEST_F(HttpTest, ClosedKeptConnectionIsReplacedForAGetNotForAPost) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("1")));
  until(one, "\r\n\r\n1");
  // The backend closes while the request is in transit.
  ASSERT_TRUE(one.send(get("/again")));
  message(server);
  server.reset();
  Socket second = accepted();
  EXPECT_THAT(message(second), StartsWith("GET /again "));
  ASSERT_TRUE(second.send(ok("2")));
  until(one, "\r\n\r\n2");
  ASSERT_TRUE(one.send("POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"));
  until(second, "ab");
  second.reset();
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502"));
  turns(5);
  EXPECT_FALSE(wait_ready(backend.fd(), POLLIN, 1ms)) << "it arrives at most once";
}

TEST_F(HttpTest, RefusedConnectionIsA502AfterAllAttemptsAndTheClientStaysConnected) {
  serve();
  backend.stop();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  EXPECT_TRUE(run_until([&] {
    advance(50ms);  // the pauses between the attempts
    return wait_ready(one.fd(), POLLIN, 0ms);
  }));
  EXPECT_THAT(until(one, "request "), HasSubstr("502 Bad Gateway\n"));
  EXPECT_EQ(backend_cells("c", backend.address().text()).connects.value, 3u);
  bytes(one, 17);
  backend.start();
  advance(3s);
  ASSERT_TRUE(one.send(get("/back")));
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /back"));
}

TEST_F(HttpTest, RouteDecidesWhatHappensToARequest) {
  serve(
      "routes: [{ match: { path: /ping }, respond: { status: 200, body: \"pong\" } }, "
      "{ match: { path_prefix: /old }, redirect: { path: /new, status: 301 } }, "
      "{ match: { path_prefix: /api }, cluster: c, rewrite: { strip_prefix: /api } }]");
  Socket one = client();
  ASSERT_TRUE(one.send(get("/ping")));
  EXPECT_THAT(until(one, "pong"), StartsWith("HTTP/1.1 200"));
  ASSERT_TRUE(one.send(get("/old/thing")));
  const std::string moved = message(one);
  EXPECT_THAT(moved, StartsWith("HTTP/1.1 301"));
  EXPECT_THAT(moved, HasSubstr("Location: http://example.com/new\r\n"));
  ASSERT_TRUE(one.send(get("/nowhere")));
  EXPECT_THAT(until(one, "404 Not Found\n"), StartsWith("HTTP/1.1 404"));
  ASSERT_TRUE(one.send(get("/api/./v1//x")));
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /./v1//x HTTP/1.1\r\n"));
}

TEST_F(HttpTest, ResponsesWithoutABodyEndWithTheirHead) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  EXPECT_THAT(message(one), HasSubstr("Content-Length: 1000\r\n"));
  ASSERT_TRUE(one.send(get("/")));
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 304 Not Modified\r\n\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 304"));
  ASSERT_TRUE(one.send(get("/")));
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 204"));
}

TEST_F(HttpTest, EarlyResponseIsDeliveredCompletelyWhileTheBodyArrives) {
  serve("cluster: c, limits: { max_body_size: 1KiB }");
  Socket one = client();
  ASSERT_TRUE(one.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
  const std::string body(1'000'000, 'x');
  size_t sent = 0;
  std::string got;
  EXPECT_TRUE(run_until([&] {
    sent += one.send_some(std::string_view(body).substr(sent, 65536));
    got += one.receive(1000, 0ms);
    return sent == body.size() || one.end() != Socket::End::open;
  }));
  EXPECT_THAT(got + until(one, "Too Large"), StartsWith("HTTP/1.1 413"));
  EXPECT_TRUE(ends_as(one, Socket::End::fin));
}

TEST_F(HttpTest, AcceptedUpgradeOpensATunnel) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n")));
  Socket server = accepted();
  EXPECT_THAT(message(server), HasSubstr("Upgrade: websocket\r\n"));
  ASSERT_TRUE(
      server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
                  "websocket\r\n\r\nfirst"));
  EXPECT_THAT(until(one, "first"), StartsWith("HTTP/1.1 101"));
  ASSERT_TRUE(one.send("up"));
  EXPECT_EQ(bytes(server, 2), "up");
  ASSERT_TRUE(server.send("down"));
  EXPECT_EQ(bytes(one, 4), "down");
  one.finish();
  EXPECT_TRUE(ends_as(server, Socket::End::fin));
  server.finish();
  EXPECT_TRUE(ends_as(one, Socket::End::fin));
}

TEST_F(HttpTest, DrainClosesIdleConnectionsAndAnnouncesTheCloseOnOthers) {
  serve();
  Socket idle = client(), busy = client();
  ASSERT_TRUE(busy.send(get("/")));
  Socket server = accepted();
  message(server);
  turns(5);
  advance(2s);
  worker.close_listeners();
  worker.begin_drain(loop.now(), 0s);
  EXPECT_TRUE(ends_as(idle, Socket::End::fin));
  ASSERT_TRUE(server.send(ok("last")));
  EXPECT_THAT(until(busy, "last"), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(ends_as(busy, Socket::End::fin));
  busy.close();
  idle.close();
  EXPECT_TRUE(run_until([&] { return empties == 1; }));
}

TEST_F(HttpTest, SlowHeadsAndSilentConnectionsTimeOut) {
  serve();
  Socket slow = client(), silent = client();
  ASSERT_TRUE(slow.send("GET / HT"));
  turns(5);
  advance(6s);
  ASSERT_TRUE(slow.send("TP/1.1\r\n"));
  turns(5);
  advance(5s);
  EXPECT_THAT(message(slow), StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(ends_as(silent, Socket::End::fin));
}

}  // namespace
}  // namespace weir::test
