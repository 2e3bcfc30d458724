// Limits of what is under way at a backend and in a cluster: requests of both versions, tunnels and
// TCP sessions.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ConcurrencyTest : public HttpFixture {
 protected:
  int64_t waiting() { return cluster_cells("c").queue_length.value; }
  void serve_tcp(const std::string& cluster) {
    apply(
        "listeners:\n  - { name: l, bind: \"127.0.0.1:0\", protocol: tcp, cluster: c }\n"
        "clusters:\n" +
        cluster_text("c", backend.address(), cluster));
  }
};

TEST_F(ConcurrencyTest, RequestWaitsUntilTheOnlyOneThatIsAllowedIsOver) {
  serve("cluster: c", "concurrency: 1");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  EXPECT_TRUE(no_connection_arrives()) << "though connections are not limited";
  ASSERT_TRUE(first.server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbod"));
  EXPECT_THAT(message(first.client), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(receives_nothing(first.server)) << "its response is not over";
  ASSERT_TRUE(first.server.send("yy"));
  EXPECT_THAT(message(first.server), StartsWith("GET /2 ")) << "over the kept connection";
  EXPECT_EQ(waiting(), 0);
}

TEST_F(ConcurrencyTest, BackendOfItsOwnNumberGetsMoreThanTheOthers) {
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: c") +
        fmt::format("clusters:\n  - {{ name: c, concurrency: 1, backends: [{}, {{ address: '{}', "
                    "concurrency: 2 }}] }}\n",
                    backend.address().text(), other.address().text()));
  std::vector<Socket> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(get("/")));
    turns(5);
  }
  accepted(backend);
  accepted(other);
  accepted(other);
  EXPECT_EQ(waiting(), 1);
}

TEST_F(ConcurrencyTest, RequestThatFailsGivesItsPlaceBack) {
  serve("cluster: c, retry: { attempts: 0 }", "concurrency: 1");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  first.server.reset();
  EXPECT_THAT(message(first.client), StartsWith("HTTP/1.1 502 "));
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
}

TEST_F(ConcurrencyTest, TunnelCountsUntilItEnds) {
  serve("cluster: c", "concurrency: 1");
  Sides tunnel = asked(get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
  ASSERT_TRUE(tunnel.server.send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
  EXPECT_THAT(message(tunnel.client), StartsWith("HTTP/1.1 101 "));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  tunnel.client.close();
  ASSERT_TRUE(ends_as(tunnel.server, Socket::End::fin));
  tunnel.server.close();
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
}

TEST_F(ConcurrencyTest, WaitEndsByDefaultWhenTheBackendsTimeForAResponseWouldBeOver) {
  serve("cluster: c", "concurrency: 1, timeouts: { response_header: 3s }");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  ASSERT_TRUE(first.server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbod"));
  message(first.client);
  advance(2900ms);
  EXPECT_TRUE(receives_nothing(second));
  advance(200ms);
  EXPECT_THAT(message(second), StartsWith("HTTP/1.1 503 "));
}

TEST_F(ConcurrencyTest, ClusterWithItsRequestsRefusesOneMoreAtOnceAndSaysWhy) {
  LogCapture log;
  serve("cluster: c", "concurrency: 1, limits: { requests: 2 }");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  EXPECT_THAT(answer_to(get("/3")), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(has_line(log.access(), {"path=/3", "reason=cluster_requests"}));
  EXPECT_EQ(cluster_cells("c").queue_rejected[QueueRejection::cluster_requests].value, 1u);
  EXPECT_THAT(answered(first, ok("")), StartsWith("HTTP/1.1 200 "));
  Socket fourth = client();
  ASSERT_TRUE(fourth.send(get("/4")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; })) << "there is room in the cluster again";
}

TEST_F(ConcurrencyTest, RetriesAboveTheirLimitAreNotMade) {
  serve("cluster: c, retry: { attempts: 1, on: [reset_before_response], budget: 100% }",
        "limits: { retries: 1 }, timeouts: { response_header: 60s }");
  Sides first = asked(get("/1"));
  first.server.reset();
  turns(5);
  advance(300ms);  // the pause before the same backend is tried again
  first.server = accepted();
  EXPECT_THAT(message(first.server), StartsWith("GET /1 ")) << "the second try";
  Sides second = asked(get("/2"));
  second.server.reset();
  EXPECT_THAT(message(second.client), StartsWith("HTTP/1.1 502 "));
}

TEST_F(ConcurrencyTest, ConnectionsOfTheClusterAreThoseOfAllItsBackends) {
  Acceptor other;
  apply(
      "listeners:\n" + listener_text("cluster: c") +
      fmt::format("clusters:\n  - {{ name: c, balance: round_robin, limits: {{ connections: 1 }}, "
                  "backends: [{}, {}] }}\n",
                  backend.address().text(), other.address().text()));
  Socket first = client();
  ASSERT_TRUE(first.send(get("/1")));
  turns(5);
  const bool at_first = wait_ready(backend.fd(), POLLIN, 1ms);
  Socket server = accepted(at_first ? backend : other);
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  EXPECT_TRUE(no_connection_arrives(at_first ? other : backend));
  message(server);
  ASSERT_TRUE(server.send(ok("", "Connection: close\r\n")));
  ASSERT_TRUE(run_until([&] { return waiting() == 0; }));
}

TEST_F(ConcurrencyTest, TcpSessionWaitsForAPlaceAndLosesNoByte) {
  serve_tcp("concurrency: 1");
  Socket first = client();
  Socket first_server = accepted();
  Socket second = client();
  ASSERT_TRUE(second.send("hello"));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  EXPECT_TRUE(no_connection_arrives());
  first.close();
  ASSERT_TRUE(ends_as(first_server, Socket::End::fin));
  first_server.close();
  Socket second_server = accepted();
  EXPECT_EQ(bytes(second_server, 5), "hello");
  EXPECT_EQ(waiting(), 0);
}

TEST_F(ConcurrencyTest, TcpSessionThatWaitsTooLongIsResetWithAReason) {
  serve_tcp("concurrency: 1, queue: { timeout: 2s }");
  Socket first = client();
  Socket first_server = accepted();
  Socket second = client();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  advance(2100ms);
  EXPECT_TRUE(ends_as(second, Socket::End::reset));
  EXPECT_EQ(ended("l", EndReason::queue_timeout), 1u);
  EXPECT_EQ(cluster_cells("c").queue_rejected[QueueRejection::timeout].value, 1u);
}

TEST_F(ConcurrencyTest, TcpSessionIsRefusedWhenTheQueueIsFull) {
  serve_tcp("concurrency: 1, queue: { max: 1 }");
  Socket first = client();
  Socket first_server = accepted();
  Socket second = client();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  Socket third = client();
  EXPECT_TRUE(ends_as(third, Socket::End::reset));
  EXPECT_EQ(ended("l", EndReason::queue_full), 1u);
}

TEST_F(ConcurrencyTest, TcpClientThatGoesWhileItWaitsLeavesTheQueue) {
  serve_tcp("concurrency: 1");
  Socket first = client();
  Socket first_server = accepted();
  Socket second = client();
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  Socket third = client();
  ASSERT_TRUE(run_until([&] { return waiting() == 2; }));
  second.reset();
  ASSERT_TRUE(run_until([&] {
    advance(10ms);
    return waiting() == 1;
  }));
}

TEST_F(ConcurrencyTest, RaisedLimitServesThoseThatWait) {
  serve("cluster: c", "concurrency: 1");
  Sides first = asked(get("/1"));
  Socket second = client();
  ASSERT_TRUE(second.send(get("/2")));
  ASSERT_TRUE(run_until([&] { return waiting() == 1; }));
  serve("cluster: c", "concurrency: 2");
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
}

}  // namespace
}  // namespace weir::test
