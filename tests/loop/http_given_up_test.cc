// How a connection to a backend ends when its request is given up: with a reset while the backend
// may still work on it, and in order when the backend has answered.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::StartsWith;

class HttpGivenUpTest : public HttpFixture {};

TEST_F(HttpGivenUpTest, ResponseTimeoutResetsTheConnection) {
  serve("cluster: c", "timeouts: { response_header: 2s }");
  Sides sides = asked(get("/"));
  advance(3s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

TEST_F(HttpGivenUpTest, RequestTimeoutResetsTheConnection) {
  serve("routes: [{ match: { path_prefix: / }, cluster: c, timeouts: { request: 2s } }]");
  Sides sides = asked(get("/"));
  advance(3s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

TEST_F(HttpGivenUpTest, TimeoutThatIsRetriedResetsTheFirstConnection) {
  serve("cluster: c, retry: { on: [timeout] }", "timeouts: { response_header: 2s }");
  Sides sides = asked(get("/"));
  advance(3s);
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

TEST_F(HttpGivenUpTest, TimeoutOnAKeptConnectionResetsIt) {
  serve("cluster: c", "timeouts: { response_header: 2s }");
  Sides sides = asked(get("/1"));
  answered(sides, ok(""));
  turns(3);
  ask_again(sides, get("/2"));
  advance(3s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

TEST_F(HttpGivenUpTest, ResetOfTheClientResetsTheConnection) {
  serve();
  for (const char* part : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"}) {
    Sides sides = asked(get("/"));
    ASSERT_TRUE(sides.server.send(part));
    turns(5);
    sides.client.reset();
    EXPECT_TRUE(ends_with_reset(sides.server)) << part;
  }
}

TEST_F(HttpGivenUpTest, MalformedRequestBodyResetsTheConnection) {
  serve();
  Sides sides =
      asked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(sides.client.send("no size\r\n"));
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

// weir reads no body of a response that it does not relay: what has come of it is all it knows.
TEST_F(HttpGivenUpTest, ResponseThatLeadsToARetryIsResetUnlessItIsWhole) {
  struct Case {
    const char* response;
    Socket::End end;
  };
  for (const Case& c : {
           Case{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Socket::End::fin},
           Case{"HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nabc", Socket::End::fin},
           Case{"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nabc", Socket::End::reset},
           Case{"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n", Socket::End::reset},
       }) {
    serve("cluster: c, retry: { on: [\"503\"] }");
    Sides sides = asked(get("/"));
    ASSERT_TRUE(sides.server.send(c.response));
    EXPECT_TRUE(ends_as(sides.server, c.end)) << c.response;
    sides.client.reset();  // else it takes up the budget of retries
    EXPECT_TRUE(run_until([&] { return worker.active() == 0; }));
  }
}

TEST_F(HttpGivenUpTest, WholeResponseBeforeTheEndOfTheRequestClosesTheConnectionInOrder) {
  serve();
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  EXPECT_EQ(bytes(sides.server, 3), "abc");
  EXPECT_THAT(answered(sides, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::fin));
}

TEST_F(HttpGivenUpTest, WholeResponseThatClosesClosesTheConnectionInOrder) {
  serve();
  Sides sides = asked(get("/"));
  EXPECT_THAT(answered(sides, ok("", "Connection: close\r\n")), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(ends_as(sides.server, Socket::End::fin));
}

}  // namespace
}  // namespace weir::test
