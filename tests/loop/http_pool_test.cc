// Connections to backends: how long and for how many requests they are kept, and the queue for
// them.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpPoolTest : public HttpFixture {
 protected:
  BackendCells cells_of_backend() { return backend_cells("c", backend.address().text()); }
  // One request and its answer; the connection to the backend is idle then.
  Sides once() {
    Sides sides = asked(get("/"));
    answered(sides, ok(""));
    turns(3);
    return sides;
  }
  bool is_closed(Socket& server) {
    turns(3);
    return server.wait_end(1ms) != Socket::End::open;
  }
  // The next request of this client uses a new connection.
  void expect_new(Sides& sides) {
    ASSERT_TRUE(sides.client.send(get("/new")));
    sides.server = accepted();
    EXPECT_THAT(message(sides.server), StartsWith("GET /new "));
    EXPECT_EQ(answered(sides, ok("")).substr(9, 3), "200");
    turns(3);
  }
};

TEST_F(HttpPoolTest, KeepsNoMoreConnectionsThanAllowed) {
  serve("cluster: c", "pool: { max_idle: 1 }");
  Sides one = asked(get("/1")), two = asked(get("/2"));
  answered(one, ok(""));
  answered(two, ok(""));
  turns(3);
  EXPECT_EQ(cells_of_backend().idle.value, 2) << "the next moment may need both";
  advance(900ms);
  turns(3);
  EXPECT_FALSE(is_closed(one.server));
  EXPECT_FALSE(is_closed(two.server));
  advance(200ms);
  turns(3);
  EXPECT_EQ(cells_of_backend().idle.value, 1);
  EXPECT_NE(is_closed(one.server), is_closed(two.server));
}

TEST_F(HttpPoolTest, ConnectionThatWasSurplusIsKeptOnceAnotherIsInUse) {
  serve("cluster: c", "pool: { max_idle: 1 }");
  Sides one = asked(get("/1")), two = asked(get("/2"));
  answered(one, ok(""));
  answered(two, ok(""));
  turns(3);
  advance(900ms);
  ASSERT_TRUE(one.client.send(get("/again")));
  EXPECT_THAT(message(two.server), StartsWith("GET /again ")) << "the one that was used last";
  advance(200ms);
  turns(3);
  EXPECT_EQ(cells_of_backend().idle.value, 1);
  EXPECT_FALSE(is_closed(one.server));
}

TEST_F(HttpPoolTest, KeepsNoConnectionWithMaxIdleZero) {
  serve("cluster: c", "pool: { max_idle: 0 }");
  Sides sides = once();
  EXPECT_TRUE(is_closed(sides.server));
  expect_new(sides);
}

TEST_F(HttpPoolTest, ConnectionServesNoMoreRequestsThanAllowed) {
  serve("cluster: c", "pool: { max_requests: 2 }");
  Sides sides = once();
  ask_again(sides, get("/second"));
  answered(sides, ok(""));
  EXPECT_TRUE(is_closed(sides.server));
  expect_new(sides);
}

TEST_F(HttpPoolTest, ConnectionAboveItsMaximumAgeIsNotReused) {
  serve("cluster: c, timeouts: { keep_alive: 0s }", "pool: { max_age: 10s }");
  Sides sides = asked(get("/"));
  advance(11s);
  answered(sides, ok(""));
  EXPECT_TRUE(is_closed(sides.server)) << "above max_age when it was given back";
  expect_new(sides);
  advance(6s);
  ask_again(sides, get("/"));
  answered(sides, ok(""));
  advance(6s);
  EXPECT_TRUE(is_closed(sides.server)) << "reached max_age while it was idle";
  expect_new(sides);
}

TEST_F(HttpPoolTest, IdleConnectionIsClosedAfterItsTimeout) {
  serve("cluster: c", "timeouts: { idle: 5s }");
  Sides sides = once();
  EXPECT_EQ(cells_of_backend().idle.value, 1);
  advance(4s);
  EXPECT_FALSE(is_closed(sides.server));
  advance(2s);
  EXPECT_TRUE(is_closed(sides.server));
  EXPECT_EQ(cells_of_backend().idle.value, 0);
  EXPECT_EQ(cells_of_backend().active.value, 0);
}

TEST_F(HttpPoolTest, ConnectionClosedByTheBackendIsNotUsed) {
  serve();
  Sides sides = once();
  sides.server.close();
  turns(3);
  expect_new(sides);
  EXPECT_EQ(cluster_cells("c").retry_causes.sum(), 0u);
}

TEST_F(HttpPoolTest, IdleConnectionWithUnexpectedBytesIsNotReused) {
  serve();
  Sides sides = once();
  ASSERT_TRUE(sides.server.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"));
  turns(3);
  EXPECT_TRUE(is_closed(sides.server));
  expect_new(sides);
}

// The FIN of the backend is in the kernel, and no event has reported it yet.
TEST_F(HttpPoolTest, PostIsNotSentOnAConnectionThatTheBackendHasClosed) {
  serve();
  Sides sides = once();
  ASSERT_TRUE(sides.client.send(post("/", "abc")));
  sides.server.close();
  sides.server = accepted();
  EXPECT_THAT(until(sides.server, "abc"), StartsWith("POST / "));
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpPoolTest, ClosesBeforeTheKeepAliveTimeoutOfTheBackend) {
  serve();
  Sides sides = asked(get("/"));
  answered(sides, ok("", "Keep-Alive: timeout=5, max=100\r\n"));
  advance(4s);
  EXPECT_FALSE(is_closed(sides.server));
  advance(600ms);
  EXPECT_TRUE(is_closed(sides.server)) << "before the backend does";
  expect_new(sides);
}

TEST_F(HttpPoolTest, ConnectionWithAKeepAliveTimeoutOfZeroIsNotKept) {
  serve();
  Sides sides = asked(get("/"));
  answered(sides, ok("", "Keep-Alive: timeout=0\r\n"));
  EXPECT_TRUE(is_closed(sides.server));
}

TEST_F(HttpPoolTest, LearnsTheIdleTimeoutOfABackendAndWarns) {
  LogCapture log;
  serve("cluster: c, timeouts: { keep_alive: 0s }", "timeouts: { idle: 60s }");
  Sides sides = once();
  for (int i = 0; i < 2; ++i) {
    advance(10s);
    sides.server.close();
    turns(3);
    expect_new(sides);
  }
  advance(8900ms);
  EXPECT_FALSE(is_closed(sides.server));
  advance(200ms);
  EXPECT_TRUE(is_closed(sides.server)) << "a second before the backend";
  EXPECT_TRUE(has_line(log.events(), {"event=backend.closes_idle_connections", " after=10 ",
                                      " idle=60 ", " config=test.yaml:"}));
}

TEST_F(HttpPoolTest, RestartOfABackendIsNotLearnedAsItsIdleTimeout) {
  serve("cluster: c, timeouts: { keep_alive: 0s }");
  Sides sides = once();
  for (Duration after : {3s, 10s, 6s}) {
    advance(after);
    sides.server.close();
    turns(3);
    expect_new(sides);
  }
  advance(50s);
  EXPECT_FALSE(is_closed(sides.server));
}

class HttpQueueTest : public HttpPoolTest {
 protected:
  Socket asking(const std::string& path) {
    Socket one = client();
    EXPECT_TRUE(one.send(get(path)));
    turns(5);
    return one;
  }
};

TEST_F(HttpQueueTest, RequestsWaitInTheOrderOfArrival) {
  serve("cluster: c", "pool: { max_connections: 1 }");
  Sides first = asked(get("/1"));
  Socket second = asking("/2"), third = asking("/3");
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_EQ(worker.survey(1).listeners.begin()->second.waiting[WaitingFor::backend_connect], 2u);
  answered(first, ok("1"));
  EXPECT_THAT(message(first.server), StartsWith("GET /2 "));
  ASSERT_TRUE(first.server.send(ok("2")));
  EXPECT_THAT(message(first.server), StartsWith("GET /3 "));
  ASSERT_TRUE(first.server.send(ok("3")));
  EXPECT_THAT(until(second, "\r\n\r\n2"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(until(third, "\r\n\r\n3"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpQueueTest, RequestsGoToABackendWithRoomInsteadOfWaiting) {
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: c") +
        fmt::format("clusters:\n  - {{ name: c, backends: [{}, {}], "
                    "pool: {{ max_connections: 1 }} }}\n",
                    backend.address().text(), other.address().text()));
  Socket first = client(), second = client();
  ASSERT_TRUE(first.send(get("/1")));
  turns(5);
  const bool full = wait_ready(backend.fd(), POLLIN, 1ms);  // the backend that was chosen
  ASSERT_TRUE(second.send(get("/2")));
  Socket server = accepted(full ? other : backend);
  for (int i = 2; i < 6; ++i) {  // round_robin chooses the full backend every other time
    EXPECT_THAT(message(server), StartsWith(fmt::format("GET /{} ", i)));
    ASSERT_TRUE(server.send(ok("")));
    EXPECT_THAT(message(second), StartsWith("HTTP/1.1 200 "));
    ASSERT_TRUE(second.send(get(fmt::format("/{}", i + 1))));
  }
}

TEST_F(HttpQueueTest, QueuedRequestsAreServedInOrder) {
  serve("cluster: c", "pool: { max_connections: 1 }");
  Sides first = asked(get("/1") + get("/pipelined"));
  Socket second = asking("/2"), third = asking("/3");
  answered(first, ok(""));
  for (const std::string path : {"/2", "/3", "/pipelined"}) {
    EXPECT_THAT(message(first.server), StartsWith("GET " + path + " "));
    ASSERT_TRUE(first.server.send(ok("")));
  }
}

TEST_F(HttpQueueTest, LostConnectionMakesRoomForAnother) {
  serve("cluster: c", "pool: { max_connections: 1 }");
  Sides first = asked(get("/1"));
  Socket second = asking("/2"), third = asking("/3");
  first.client.reset();
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\n\r\nwith its connection"));
  server.close();
  server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /3 "));
}

TEST_F(HttpQueueTest, WaiterThatLeavesIsSkipped) {
  serve("cluster: c", "pool: { max_connections: 1 }");
  Sides first = asked(get("/1"));
  Socket second = asking("/2"), third = asking("/3");
  second.reset();
  turns(5);
  answered(first, ok(""));
  EXPECT_THAT(message(first.server), StartsWith("GET /3 "));
}

TEST_F(HttpQueueTest, RequestBeyondTheQueueLimitIsA503AtOnce) {
  LogCapture log;
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { max: 1 }");
  Sides first = asked(get("/1"));
  Socket second = asking("/2"), third = asking("/3");
  EXPECT_THAT(message(third), StartsWith("HTTP/1.1 503 "));
  third.close();
  turns(5);
  answered(first, ok(""));
  EXPECT_THAT(message(first.server), StartsWith("GET /2 "));
  EXPECT_TRUE(has_line(log.access(), {"path=/3", "status=503", "reason=queue_full"}));
}

TEST_F(HttpQueueTest, RequestThatWaitsTooLongGetsA503) {
  LogCapture log;
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { timeout: 2s }");
  Sides first = asked(get("/1"));
  Socket second = asking("/2");
  advance(1s);
  EXPECT_TRUE(receives_nothing(second));
  advance(1100ms);
  EXPECT_THAT(until(second, "503 Service Unavailable\n"), StartsWith("HTTP/1.1 503 "));
  answered(first, ok(""));
  EXPECT_TRUE(receives_nothing(first.server)) << "it waits no longer";
  EXPECT_TRUE(has_line(log.access(),
                       {"path=/2", "status=503", "reason=queue_timeout", "config=test.yaml:"}));
}

// The descriptor of weir's end of the connection, which is in this process, too.
int other_end(const Socket& client) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    auto* name = reinterpret_cast<sockaddr*>(&peer);
    if (::getpeername(fd, name, &size) == 0 && Address::from(name, size) == client.local())
      return fd;
  }
  return -1;
}

// The request that has the only connection may be cut before or after the queued one.
TEST_F(HttpQueueTest, QueuedRequestThatIsCutIsAnsweredOnceAndNotForwarded) {
  const std::string page(60'000, 'x');
  serve("cluster: c, errors: { 503: \"" + page + "\" }", "pool: { max_connections: 1 }");
  for (const bool older : {true, false}) {
    Socket waiting = older ? client() : Socket();
    turns(5);
    Sides first = asked(get("/1"));
    if (!older) waiting = client();
    ASSERT_TRUE(waiting.send(post("/2", "0123456789")));
    ASSERT_TRUE(run_until([&] { return cluster_cells("c").queue_length.value == 1; }));
    const int least = 1;  // so that its answer does not go out at once
    ASSERT_EQ(::setsockopt(other_end(waiting), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least)), 0);
    worker.cut_sessions(EndReason::drain_deadline);
    EXPECT_TRUE(no_connection_arrives());
    const std::string got = rest(waiting);
    EXPECT_THAT(got, StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, page.size());
    EXPECT_TRUE(no_connection_arrives());
  }
}

}  // namespace
}  // namespace weir::test
