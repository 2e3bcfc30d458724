// Requests that are sent again: only if they are provably unprocessed or safe, unless more is
// configured, and never a POST that may have arrived. Each decision is counted by its cause.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpRetryTest : public HttpFixture {
 protected:
  void serve_with(const std::string& retry, const std::string& cluster = "") {
    serve("cluster: c, retry: { " + retry + " }", cluster);
  }
  // Two backends, of which the first refuses.
  void serve_refusing_before(const Acceptor& other) {
    apply("listeners:\n" + listener_text("cluster: c") +
          fmt::format("clusters:\n  - {{ name: c, backends: [{}, {}] }}\n",
                      backend.address().text(), other.address().text()));
    backend.stop();
  }
  // A kept connection on which the backend has just received another request.
  Sides kept(const std::string& request) {
    Sides sides = asked(get("/first"));
    answered(sides, ok(""));
    turns(3);
    ask_again(sides, request);
    return sides;
  }
  // The next attempt, after its pause.
  Socket next_try() {
    Socket socket;
    EXPECT_TRUE(run_until([&] {
      advance(50ms);
      if (wait_ready(backend.fd(), POLLIN, 1ms)) socket = backend.accept(1s);
      return static_cast<bool>(socket);
    }));
    return socket;
  }
  bool no_further_try() {
    for (int i = 0; i < 20; ++i) advance(50ms);
    return no_connection_arrives();
  }
  uint64_t causes(RetryCause cause) { return cluster_cells("c").retry_causes[cause].value; }
  uint64_t results(RetryResult result) { return cluster_cells("c").retries[result].value; }
};

TEST_F(HttpRetryTest, RefusingBackendIsReplacedAlsoForAPost) {
  Acceptor other;
  serve_refusing_before(other);
  for (int i = 0; i < 2; ++i) {
    Socket one = client();
    ASSERT_TRUE(one.send(post("/", "abc")));
    Socket server = accepted(other);
    EXPECT_THAT(until(server, "abc"), StartsWith("POST / "));
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_EQ(causes(RetryCause::connect_failure), 1u) << "there are no further attempts";
  EXPECT_EQ(results(RetryResult::ok), 1u);
  EXPECT_EQ(cluster_cells("c").retries.sum(), 1u);
}

TEST_F(HttpRetryTest, ChunkedUploadIsSentToTheNextBackendWhenOneRefuses) {
  Acceptor other;
  serve_refusing_before(other);
  for (int i = 0; i < 2; ++i) {
    Socket one = client();
    ASSERT_TRUE(one.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    Socket server = accepted(other);
    EXPECT_THAT(until(server, "0\r\n\r\n"), HasSubstr("3\r\nabc\r\n0\r\n\r\n"));
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(HttpRetryTest, RequestNotSentOnAKeptConnectionIsSentOnANewOneEvenAPost) {
  serve();
  Sides sides = asked(get("/first"));
  answered(sides, ok(""));
  turns(3);
  ASSERT_TRUE(sides.client.send(post("/", "abc")));
  sides.server.reset();  // known to the kernel, not yet to weir
  Socket server = next_try();
  EXPECT_THAT(until(server, "abc"), StartsWith("POST / "));
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpRetryTest, GetIsSentAgainWhenAKeptConnectionCloses) {
  for (bool reset : {false, true}) {
    serve();
    const uint64_t before = causes(RetryCause::reused_connection);
    Sides sides = kept(get("/again"));
    if (reset)
      sides.server.reset();
    else
      sides.server.close();
    Socket server = next_try();
    EXPECT_THAT(message(server), StartsWith("GET /again "));
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(causes(RetryCause::reused_connection), before + 1);
  }
  EXPECT_EQ(results(RetryResult::ok), 2u);
}

TEST_F(HttpRetryTest, PutIsSentAgainWithItsBody) {
  serve_with("on: reused_connection");
  const std::string put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  Sides sides = kept(put);
  bytes(sides.server, 3);
  sides.server.close();
  Socket server = next_try();
  EXPECT_THAT(until(server, "abc"), StartsWith("PUT / "));
}

// A backend may have processed a request that it has read completely.
TEST_F(HttpRetryTest, KeptConnectionThatClosesIsNoProofThatNothingWasDone) {
  const std::string put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  const std::string erase = "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string options = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
  struct Case {
    const char* retry;
    std::string request;
    bool again;
  };
  for (const Case& c :
       {Case{"attempts: 2", get("/"), true}, Case{"attempts: 2", options, true},
        Case{"attempts: 2", put, false}, Case{"attempts: 2", erase, false},
        Case{"on: [timeout, \"503\"]", get("/"), true},
        Case{"on: [timeout, \"503\"]", erase, false}, Case{"on: unprocessed", get("/"), false},
        Case{"on: [unprocessed, timeout]", get("/"), false},
        Case{"on: [unprocessed, safe]", get("/"), true}, Case{"on: reused_connection", erase, true},
        Case{"on: [unprocessed, reused_connection]", put, true},
        Case{"on: reset_before_response", erase, true},
        Case{"attempts: 0, on: reused_connection", get("/"), false}}) {
    serve_with(c.retry);
    Sides sides = kept(c.request);
    if (c.request == put) bytes(sides.server, 3);
    sides.server.close();
    if (c.again) {
      Socket server = next_try();
      EXPECT_EQ(message(server).substr(0, 4), c.request.substr(0, 4)) << c.retry;
      server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 ")) << c.retry;
    } else {
      EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 ")) << c.retry << c.request;
      EXPECT_TRUE(no_further_try()) << c.retry << c.request;
    }
  }
}

TEST_F(HttpRetryTest, ProvablyUnprocessedRequestIsRetriedForAnyListedReasons) {
  for (const char* retry : {"on: unprocessed", "on: timeout"}) {
    serve_with(retry);
    Sides sides = asked(get("/first"));
    answered(sides, ok(""));
    turns(3);
    ASSERT_TRUE(sides.client.send("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n"));
    sides.server.reset();  // known to the kernel, not yet to weir
    Socket server = next_try();
    EXPECT_THAT(message(server), StartsWith("DELETE /x ")) << retry;
    server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(HttpRetryTest, UnsafeRequestThatMayHaveArrivedIsNotRetried) {
  serve_with("on: [reset_before_response, timeout, gateway_error]");
  for (const std::string& request :
       {post("/", "abc"), std::string("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("FOO / HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}) {
    Sides sides = kept(request);
    turns(3);
    sides.server.close();
    EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 ")) << request;
    EXPECT_TRUE(no_further_try());
    sides = asked(request);
    turns(3);
    sides.server.close();
    EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 ")) << request;
    EXPECT_TRUE(no_further_try());
  }
  EXPECT_EQ(cluster_cells("c").retry_causes.sum(), 0u);
}

TEST_F(HttpRetryTest, RequestWhoseBodyIsNotBufferedIsNotSentAgain) {
  serve();
  Sides sides = asked(get("/"));
  answered(sides, ok(""));
  turns(3);
  ask_again(sides, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  bytes(sides.server, 3);
  ASSERT_TRUE(sides.client.send("def"));
  bytes(sides.server, 3);
  sides.server.close();
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(no_further_try());
}

TEST_F(HttpRetryTest, NewConnectionThatEndsIsA502UnlessARetryIsConfigured) {
  serve();
  Sides sides = asked(get("/"));
  sides.server.close();
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(no_further_try());

  serve_with("on: reset_before_response");
  sides = asked(get("/"));
  sides.server.close();
  Socket server = next_try();
  EXPECT_THAT(message(server), StartsWith("GET / "));
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(causes(RetryCause::reset_before_response), 1u);
}

TEST_F(HttpRetryTest, RequestIsNotSentAgainOnceAResponseHasBegun) {
  serve_with("on: reset_before_response");
  for (const std::string begun :
       {"HTTP/1.1 200", "HTTP/1.1 200 OK\r\nX: 1\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"}) {
    Sides sides = asked(get("/"));
    ASSERT_TRUE(sides.server.send(begun));
    turns(5);
    sides.server.close();
    EXPECT_THAT(until(sides.client, "502 Bad Gateway\n"), HasSubstr("HTTP/1.1 502 ")) << begun;
    EXPECT_TRUE(no_further_try());
  }
}

TEST_F(HttpRetryTest, TimeoutIsAReasonWhenConfigured) {
  serve_with("on: timeout, attempts: 1", "timeouts: { response_header: 2s }");
  Sides sides = asked(get("/"));
  advance(3s);
  Socket server = next_try();
  EXPECT_THAT(message(server), StartsWith("GET / "));
  EXPECT_NE((rest(sides.server), sides.server.end()), Socket::End::open) << "the first is given up";
  EXPECT_EQ(causes(RetryCause::timeout), 1u);
  advance(3s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(results(RetryResult::failed), 1u);
}

TEST_F(HttpRetryTest, EachAttemptMayHaveItsOwnTimeout) {
  serve_with("on: timeout, per_try_timeout: 1s", "timeouts: { response_header: 10s }");
  Sides sides = asked(get("/"));
  advance(1100ms);
  Socket server = next_try();
  message(server);
  advance(500ms);
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpRetryTest, StatusIsAReasonWhenConfigured) {
  serve_with("on: [\"503\"], attempts: 1");
  const std::string busy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nX-From: it\r\n\r\nbusy";
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send(busy));
  Socket server = next_try();
  EXPECT_THAT(message(server), StartsWith("GET / "));
  ASSERT_TRUE(server.send(busy));
  const std::string last = until(sides.client, "busy");
  EXPECT_THAT(last, StartsWith("HTTP/1.1 503 Busy\r\n"));
  EXPECT_THAT(last, HasSubstr("X-From: it\r\n"))
      << "the response of the backend after the last attempt";
  EXPECT_EQ(causes(RetryCause::status), 1u);

  sides.server = std::move(server);
  ask_again(sides, post("/", "abc"));
  bytes(sides.server, 3);
  EXPECT_THAT(answered(sides, busy), StartsWith("HTTP/1.1 503 Busy\r\n"));
  EXPECT_TRUE(no_further_try());
}

TEST_F(HttpRetryTest, NothingIsSentAgainWithoutAttempts) {
  serve_with("attempts: 0");
  Sides sides = kept(get("/again"));
  sides.server.close();
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(no_further_try());
  backend.stop();
  EXPECT_THAT(answer_to(get("/")), StartsWith("HTTP/1.1 502 "));
}

TEST_F(HttpRetryTest, ThreeRequestsMayBeRetriedAtATimeAndAShareOfMore) {
  serve_with("budget: 20%");
  backend.stop();
  std::vector<Socket> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(get("/")));
    turns(3);
  }
  turns(5);
  EXPECT_EQ(results(RetryResult::budget_exhausted), 2u);
  EXPECT_THAT(message(clients[3]), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(receives_nothing(clients[0])) << "it waits for its next try";
  for (int i = 0; i < 20; ++i) advance(50ms);
  EXPECT_THAT(message(clients[0]), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(causes(RetryCause::connect_failure), 6u);
  EXPECT_EQ(results(RetryResult::failed), 6u);
}

}  // namespace
}  // namespace weir::test
