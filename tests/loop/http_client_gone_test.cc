// Clients that close their side of the connection while their request waits: the work for them is
// cancelled, unless the FIN comes with the request or the listener is configured to serve them.
#include <sys/resource.h>

#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class HttpClientGoneTest : public TlsFixture {
 protected:
  uint64_t aborts() { return cells("l").request_errors[RequestError::client_abort].value; }
  int64_t open_to_backend() { return backend_cells("c", backend.address().text()).active.value; }
  int64_t waiting() { return cluster_cells("c").queue_length.value; }
  // A FIN from now on does not belong to the request.
  void let_the_request_end() {
    turns(3);
    advance(250ms);
  }
  bool forgotten() {
    return run_until([&] { return worker.active() == 0; }) && open_to_backend() == 0;
  }
};

constexpr const char* kServe = "cluster: c, cancel_on_close: false";

TEST_F(HttpClientGoneTest, LongPollOfAClientThatHasClosedIsCancelledAtTheBackend) {
  LogCapture log;
  serve();
  Sides sides = asked(get("/poll"));
  let_the_request_end();
  sides.client.finish();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
  EXPECT_TRUE(forgotten());
  EXPECT_EQ(ended("l", EndReason::client_closed), 1u);
  EXPECT_EQ(aborts(), 1u);
  EXPECT_TRUE(has_line(log.access(), {"path=/poll", "status=0", "reason=client_closed"}));
}

TEST_F(HttpClientGoneTest, FinThatComesWithTheRequestIsAHalfClose) {
  serve();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/1") + get("/2")));
  one.finish();
  Socket server = accepted();
  message(server);
  advance(5s);
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
  advance(5s);
  ASSERT_TRUE(server.send(ok("last")));
  EXPECT_THAT(rest(one), EndsWith("last"));
  EXPECT_EQ(aborts(), 0u);
}

TEST_F(HttpClientGoneTest, FinIsAHalfCloseUntilAQuarterOfASecondAfterTheRequest) {
  serve();
  for (const bool late : {false, true}) {
    Sides sides = asked(get("/"));
    turns(3);
    advance(late ? 250ms : 249ms);
    sides.client.finish();
    turns(5);
    advance(1s);
    EXPECT_EQ(aborts(), late ? 1u : 0u);
    if (!late) answered(sides, ok(""));
  }
}

TEST_F(HttpClientGoneTest, GraceOfAHalfCloseBeginsWithTheEndOfTheBody) {
  serve();
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_EQ(bytes(sides.server, 3), "abc");
  advance(5s);
  ASSERT_TRUE(sides.client.send("def"));
  EXPECT_EQ(bytes(sides.server, 3), "def");
  advance(100ms);
  sides.client.finish();
  turns(5);
  advance(5s);
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(aborts(), 0u);
}

TEST_F(HttpClientGoneTest, HalfCloseIsRememberedWhileTheRequestWaits) {
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { timeout: 60s }");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  second.finish();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  turns(3);
  advance(5s);
  EXPECT_EQ(waiting(), 1);
  answered(first, ok(""));
  EXPECT_THAT(message(first.server), StartsWith("GET /2 "));
  ASSERT_TRUE(first.server.send(ok("two")));
  EXPECT_THAT(rest(second), EndsWith("two"));
}

// The request of `one` waits for a connection that the backend does not take.
class HttpClientGoneWhileConnectingTest : public HttpClientGoneTest {
 protected:
  void begin() {
    apply("listeners:\n" + listener_text("cluster: c") + "clusters:\n" +
          cluster_text("c", full_.address()));
    one = client();
    ASSERT_TRUE(one.send(get("/")));
    ASSERT_TRUE(run_until([&] { return open() == 1; }));
  }
  int64_t open() { return backend_cells("c", full_.address().text()).active.value; }
  Socket one;

 private:
  Acceptor full_;
  const FullQueue queue_{full_};
};

TEST_F(HttpClientGoneWhileConnectingTest, FinWhileTheBackendIsConnectedCancelsTheRequest) {
  begin();
  let_the_request_end();
  one.finish();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 1u; }));
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(aborts(), 1u);
}

TEST_F(HttpClientGoneWhileConnectingTest, ResetWhileTheBackendIsConnectedEndsTheRequestAtOnce) {
  begin();
  one.reset();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1u; }));
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(aborts(), 1u);
}

TEST_F(HttpClientGoneTest, SilentStreamOfAClientThatHasClosedIsCancelled) {
  for (const char* framing : {"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "\r\nabc",
                              "Content-Length: 100\r\n\r\nabc"}) {
    LogCapture log;
    serve();
    Sides sides = asked(get("/events"));
    ASSERT_TRUE(sides.server.send(std::string("HTTP/1.1 200 OK\r\n") + framing));
    until(sides.client, "abc");
    const uint64_t before = aborts();
    let_the_request_end();
    sides.client.finish();
    EXPECT_TRUE(run_until([&] { return sides.server.wait_end(1ms) != Socket::End::open; }))
        << framing;
    EXPECT_TRUE(forgotten()) << framing;
    EXPECT_EQ(aborts(), before + 1) << framing;
    EXPECT_TRUE(has_line(log.access(), {"path=/events", "status=200", "reason=client_closed"}));
  }
}

TEST_F(HttpClientGoneTest, QueuedRequestOfAClientThatHasClosedIsNotSent) {
  LogCapture log;
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { timeout: 60s }");
  Sides first = asked(get("/1"));
  Socket second = client(), third = client();
  ASSERT_TRUE(second.send(post("/2", "abc")));
  turns(5);
  ASSERT_TRUE(third.send(get("/3")));
  ASSERT_TRUE(run_until([&] { return waiting() == 2; }));
  let_the_request_end();
  second.finish();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  EXPECT_TRUE(ends_as(second, Socket::End::fin));
  answered(first, ok(""));
  EXPECT_THAT(message(first.server), StartsWith("GET /3 "));
  EXPECT_TRUE(has_line(log.access(), {"path=/2", "status=0", "reason=client_closed"}));
}

TEST_F(HttpClientGoneTest, RequestThatPausesBeforeARetryIsCancelled) {
  serve("cluster: c, retry: { on: [\"503\"], backoff: { base: 1s, max: 1s } }");
  Sides sides = asked(get("/"));
  let_the_request_end();
  ASSERT_TRUE(sides.server.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"));
  turns(5);
  EXPECT_TRUE(receives_nothing(sides.client)) << "it pauses before the next try";
  sides.client.finish();
  EXPECT_TRUE(run_until([&] { return aborts() == 1; }));
  advance(2s);
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(HttpClientGoneTest, RequestIsCancelledOnceItsBodyIsComplete) {
  serve();
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  EXPECT_EQ(bytes(sides.server, 3), "abc");
  ASSERT_TRUE(sides.client.send("def"));
  EXPECT_EQ(bytes(sides.server, 3), "def");
  let_the_request_end();
  sides.client.finish();
  EXPECT_TRUE(run_until([&] { return aborts() == 1; }));
  EXPECT_TRUE(forgotten());
}

TEST_F(HttpClientGoneTest, PipelinedRequestsOfAClientThatHasClosedAreCancelled) {
  serve();
  Sides sides = asked(get("/1") + get("/2") + get("/3"));
  let_the_request_end();
  sides.client.finish();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
  EXPECT_TRUE(forgotten());
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(HttpClientGoneTest, ResponseBeforeACancelledRequestArrives) {
  serve();
  Sides sides = asked(get("/1") + get("/2"));
  ASSERT_TRUE(sides.server.send(ok("first")));
  message(sides.server);
  let_the_request_end();
  sides.client.finish();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
  EXPECT_THAT(rest(sides.client), EndsWith("first"));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
}

TEST_F(HttpClientGoneTest, ClientsThatHaveFinishedSendingAreServedWhenConfigured) {
  serve(kServe, "pool: { max_connections: 1 }, queue: { timeout: 60s }");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2") + get("/3")));
  let_the_request_end();
  second.finish();
  first.client.finish();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  ASSERT_TRUE(first.server.send(ok("one")));
  EXPECT_THAT(rest(first.client), EndsWith("one"));
  for (const char* path : {"/2", "/3"}) {
    EXPECT_THAT(message(first.server), StartsWith(std::string("GET ") + path));
    ASSERT_TRUE(first.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    turns(5);
    ASSERT_TRUE(first.server.send("3\r\nend\r\n0\r\n\r\n"));
  }
  EXPECT_THAT(rest(second), EndsWith("end\r\n0\r\n\r\n"));
  EXPECT_EQ(second.end(), Socket::End::fin);
  EXPECT_EQ(aborts(), 0u);
}

// The FIN stays to be read all the while: it is reported once.
TEST_F(HttpClientGoneTest, IgnoredFinDoesNotKeepTheWorkerBusy) {
  serve(kServe);
  Sides sides = asked(get("/"));
  sides.client.finish();
  turns(5);
  const uint64_t before = loop.turn();
  const TimePoint until = std::chrono::steady_clock::now() + 200ms;
  while (std::chrono::steady_clock::now() < until) loop.run_turn(50ms);
  EXPECT_LE(loop.turn() - before, 6u);
  answered(sides, ok(""));
}

TEST_F(HttpClientGoneTest, TunnelOutlivesTheFinOfItsClient) {
  serve();
  Sides sides = asked(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  answered(sides, "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  sides.client.finish();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::fin));
  ASSERT_TRUE(sides.server.send("bye"));
  EXPECT_EQ(bytes(sides.client, 3), "bye");
}

class TlsClientGoneTest : public TlsListenerFixture {
 protected:
  // A client whose request has arrived at the backend, `since` ago.
  void ask(const std::string& listener = "protocol: http, cluster: c", Duration since = 250ms) {
    secure(certificate(site), listener);
    one = peer({.sni = "a.test"});
    ASSERT_EQ(handshake(*one), TlsPeer::State::done);
    ASSERT_TRUE(one->send(get("/1")));
    server = accepted();
    message(server);
    turns(5);
    advance(since);
  }
  std::unique_ptr<TlsPeer> one;
  Socket server;
};

TEST_F(TlsClientGoneTest, CloseNotifyWithoutAFinIsDetected) {
  ask();
  one->close_notify();
  EXPECT_TRUE(ends_as(server, Socket::End::reset));
  EXPECT_EQ(cells("l").request_errors[RequestError::client_abort].value, 1u);
}

TEST_F(TlsClientGoneTest, CloseNotifyThatComesWithTheRequestIsAHalfClose) {
  ask("protocol: http, cluster: c", 0ms);
  one->close_notify();
  turns(10);
  advance(5s);
  ASSERT_TRUE(server.send(ok("hello")));
  EXPECT_THAT(text(*one, "hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TlsClientGoneTest, FinWithoutCloseNotifyIsDetected) {
  ask();
  one->socket().finish();
  EXPECT_TRUE(ends_as(server, Socket::End::reset));
}

TEST_F(TlsClientGoneTest, PipelinedRequestIsNoEnd) {
  ask();
  ASSERT_TRUE(one->send(get("/2")));
  turns(5);
  ASSERT_TRUE(server.send(ok("first")));
  EXPECT_THAT(text(*one, "first"), HasSubstr("200 OK"));
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
  ASSERT_TRUE(server.send(ok("second")));
  EXPECT_THAT(text(*one, "second"), HasSubstr("200 OK"));
}

TEST_F(TlsClientGoneTest, ClientsThatHaveFinishedSendingAreServedWhenConfigured) {
  ask("protocol: http, cluster: c, cancel_on_close: false");
  one->close_notify();
  turns(10);
  ASSERT_TRUE(server.send(ok("hello")));
  EXPECT_THAT(text(*one, "hello"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace weir::test
