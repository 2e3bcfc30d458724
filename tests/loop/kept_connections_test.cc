// Connections that are kept for the next request, on both sides: how long they are kept, and the
// causes of their end.
#include <fmt/format.h>
#include <poll.h>

#include "support/worker_fixture.h"

namespace weir::test {
namespace {

class KeptConnectionsTest : public testing::Test, public WorkerFixture {
 protected:
  struct Pair {
    Socket client, server;
  };

  void serve(const std::string& listener = "", const std::string& cluster = "") {
    apply(fmt::format(
        "listeners:\n  - {{ name: l, bind: \"127.0.0.1:0\", protocol: http, cluster: c{} }}\n"
        "clusters:\n  - {{ name: c, backends: [{}]{} }}\n",
        listener, backend_.address().text(), cluster));
  }
  std::string receive(Socket& socket, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      for (std::string byte; !(byte = socket.receive(1, 1ms)).empty();) {
        got += byte;
        if (got.ends_with(end)) return true;
      }
      return false;
    })) << got;
    return got;
  }
  // One request and its response, at the backend on a connection that is kept or on a new one.
  std::string exchange(Pair& pair) {
    EXPECT_TRUE(pair.client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(run_until([&] {
      const bool fresh = wait_ready(backend_.fd(), POLLIN, 1ms);
      if (fresh) pair.server = backend_.accept(1s);
      return fresh || (pair.server && wait_ready(pair.server.fd(), POLLIN, 1ms));
    }));
    receive(pair.server, "\r\n\r\n");
    EXPECT_TRUE(pair.server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    return receive(pair.client, "\r\n\r\nok");
  }
  Pair opened() {
    Pair pair;
    pair.client = client();
    exchange(pair);
    return pair;
  }
  BackendCells cells_of_backend() { return backend_cells("c", backend_.address().text()); }
  bool await_idle(int64_t n) {
    return run_until([&] { return cells_of_backend().idle.value == n; });
  }
  // The backend closes it after this time without a request.
  void close_after(Pair& pair, Duration idle) {
    advance(idle);
    pair.server.close();
    EXPECT_TRUE(await_idle(0));
  }

  Acceptor backend_;
};

TEST_F(KeptConnectionsTest, IdleConnectionStaysOpenForTheConfiguredTime) {
  serve("", ", timeouts: {idle: 30s}");
  Pair pair = opened();
  for (int i = 0; i < 5; ++i) {
    advance(5s);
    EXPECT_TRUE(await_idle(1)) << i;
  }
  exchange(pair);
  EXPECT_EQ(cells_of_backend().connects.value, 1u);
  advance(31s);
  EXPECT_TRUE(await_idle(0));
}

TEST_F(KeptConnectionsTest, ConnectionWithUnexpectedBytesIsClosed) {
  serve();
  Pair pair = opened();
  ASSERT_TRUE(pair.server.send("x"));
  EXPECT_TRUE(await_idle(0));
}

// The reset follows the response; the next request detects it without waiting.
TEST_F(KeptConnectionsTest, ConnectionResetAfterItsResponseDoesNotDelayTheNextRequest) {
  serve();
  Pair pair;
  pair.client = client();
  ASSERT_TRUE(pair.client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(run_until([&] { return wait_ready(backend_.fd(), POLLIN, 1ms); }));
  pair.server = backend_.accept(1s);
  receive(pair.server, "\r\n\r\n");
  ASSERT_TRUE(pair.server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  pair.server.reset();
  receive(pair.client, "\r\n\r\nok");
  exchange(pair);  // the clock does not advance
  EXPECT_EQ(cells_of_backend().connects.value, 2u);
}

TEST_F(KeptConnectionsTest, LearnsTheIdleLimitOfABackendThatClosesTwiceAfterTheSameTime) {
  serve();
  for (int i = 0; i < 2; ++i) {
    Pair pair = opened();
    close_after(pair, 10s);
  }
  Pair pair = opened();
  advance(8s);
  EXPECT_TRUE(await_idle(1));
  advance(1500ms);
  EXPECT_TRUE(await_idle(0)) << "a tenth before the backend would";
}

TEST_F(KeptConnectionsTest, RestartOfABackendIsNotLearnedAsItsIdleLimit) {
  serve();
  for (int restart = 0; restart < 2; ++restart) {
    Pair pairs[3];
    for (Pair& pair : pairs) pair.client = client();
    for (Pair& pair : pairs) ASSERT_TRUE(pair.client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (Pair& pair : pairs) {
      ASSERT_TRUE(run_until([&] { return wait_ready(backend_.fd(), POLLIN, 1ms); }));
      pair.server = backend_.accept(1s);
    }
    for (Pair& pair : pairs) {
      receive(pair.server, "\r\n\r\n");
      ASSERT_TRUE(pair.server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    }
    for (Pair& pair : pairs) receive(pair.client, "\r\n\r\nok");
    ASSERT_TRUE(await_idle(3));
    advance(restart == 0 ? 300ms : 3s);
    for (Pair& pair : pairs) pair.server.close();
    ASSERT_TRUE(await_idle(0));
  }
  Pair pair = opened();
  advance(20s);
  EXPECT_TRUE(await_idle(1));
}

TEST_F(KeptConnectionsTest, ConnectionWithoutBytesIsNoRequest) {
  serve(", limits: {max_requests_per_connection: 3}");
  Pair pair = opened();
  advance(5s);
  EXPECT_EQ(exchange(pair).find("Connection: close"), std::string::npos) << "its second";
  advance(5s);
  EXPECT_NE(exchange(pair).find("Connection: close"), std::string::npos) << "its third";
}

TEST_F(KeptConnectionsTest, SilentClientIsClosedAfterItsTimeout) {
  serve(", timeouts: {keep_alive: 10s}");
  Pair pair = opened();
  advance(9s);
  advance(2s);
  EXPECT_TRUE(run_until([&] { return pair.client.wait_end(1ms) == Socket::End::fin; }));
}

}  // namespace
}  // namespace weir::test
