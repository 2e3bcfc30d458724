// Successive clients and successive requests: order, memory, early responses, tunnels.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpExchangeTest : public HttpFixture {
 protected:
  void SetUp() override { serve(); }
  int64_t buffered() { return worker.report().self.buffer_bytes.value; }
  // Sends as long as weir accepts bytes. Returns how many it accepted. The receiver reads nothing.
  size_t stuff(Socket& from, const std::string& chunk) {
    size_t sent = 0;
    for (int quiet = 0; quiet < 5;) {
      const size_t n = from.send_some(chunk);
      sent += n;
      quiet = n > 0 ? 0 : quiet + 1;
      turns(3);
    }
    return sent;
  }
  static constexpr int64_t kBounded = 256 * 1024;
};

TEST_F(HttpExchangeTest, PipelinedBodiesGoToTheirRequests) {
  Socket one = client();
  ASSERT_TRUE(one.send(post("/1", "first") +
                       "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n" +
                       post("/3", "third") + get("/4")));
  Socket server = accepted();
  EXPECT_THAT(until(server, "first"), StartsWith("POST /1 "));
  EXPECT_TRUE(receives_nothing(server)) << "one at a time";
  ASSERT_TRUE(server.send(ok("one")));
  EXPECT_THAT(until(server, "0\r\n\r\n"), EndsWith("6\r\nsecond\r\n0\r\n\r\n"));
  ASSERT_TRUE(server.send(ok("two")));
  EXPECT_THAT(until(server, "third"), StartsWith("POST /3 "));
  ASSERT_TRUE(server.send(ok("three")));
  EXPECT_THAT(message(server), StartsWith("GET /4 "));
  ASSERT_TRUE(server.send(ok("four")));
  const std::string all = until(one, "four");
  EXPECT_LT(all.find("one"), all.find("two"));
  EXPECT_LT(all.find("two"), all.find("three"));
}

TEST_F(HttpExchangeTest, ManyPipelinedRequestsAreAllAnswered) {
  serve("routes: [{ match: { path_prefix: / }, respond: { status: 200, body: \"pong\" } }]");
  Socket one = client();
  std::string all;
  for (int i = 0; i < 500; ++i) all += get(fmt::format("/{}", i));
  size_t sent = 0, pongs = 0;
  std::string got;
  EXPECT_TRUE(run_until([&] {
    sent += one.send_some(std::string_view(all).substr(sent));
    got += one.receive(65536, 0ms);
    pongs = 0;
    for (size_t at = 0; (at = got.find("\r\n\r\npong", at)) != std::string::npos; ++at) ++pongs;
    return pongs == 500;
  })) << pongs;
}

TEST_F(HttpExchangeTest, BackendThatDoesNotReadStopsItsClient) {
  for (const std::string framing :
       {"Content-Length: 1000000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
    Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\n" + framing);
    const bool chunked = framing[0] == 'T';
    const std::string data(65536, 'd');
    ASSERT_TRUE(sides.client.send(chunked ? "7fffffff\r\n" : ""));
    const size_t sent = stuff(sides.client, data);
    EXPECT_LT(sent, 100'000'000u);
    EXPECT_LT(buffered(), kBounded);
    size_t got = 0;
    EXPECT_TRUE(run_until([&] {
      got += sides.server.receive(1 << 20, 0ms).size();
      return got >= sent;
    }));
    sides.client.reset();
    rest(sides.server);
  }
}

TEST_F(HttpExchangeTest, ClientThatDoesNotReadStopsItsBackend) {
  for (const std::string framing : {"Content-Length: 1000000000\r\n\r\n",
                                    "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "\r\n"}) {
    Sides sides = asked(get("/"));
    ASSERT_TRUE(sides.server.send("HTTP/1.1 200 OK\r\n" + framing));
    message(sides.client);
    const size_t sent = stuff(sides.server, std::string(65536, 'd'));
    EXPECT_LT(sent, 100'000'000u);
    EXPECT_LT(buffered(), kBounded);
    const Session::View session = worker.survey(1).oldest.at(0);
    EXPECT_EQ(session.waiting_for, WaitingFor::client_read);
    EXPECT_EQ(session.version, HttpMajor::h1);
    EXPECT_EQ(session.streams, 1u);
    size_t got = 0;
    EXPECT_TRUE(run_until([&] {
      got += sides.client.receive(1 << 20, 0ms).size();
      return got >= sent;
    }));
    sides.client.reset();
    rest(sides.server);
  }
}

TEST_F(HttpExchangeTest, IdleConnectionsHoldNoBuffers) {
  Sides sides = asked(post("/", "abc"));
  bytes(sides.server, 3);
  answered(sides, ok("x"));
  turns(3);
  const int64_t spare = buffered();
  std::vector<Socket> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(client());
    ASSERT_TRUE(clients.back().send(post("/", "abc")));
    until(sides.server, "abc");
    ASSERT_TRUE(sides.server.send(ok("x")));
    message(clients.back());
  }
  turns(3);
  EXPECT_EQ(buffered(), spare);
}

TEST_F(HttpExchangeTest, ResponseBeforeTheEndOfTheUploadIsDeliveredCompletely) {
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  ASSERT_TRUE(sides.client.send(std::string(1000, 'u')));
  bytes(sides.server, 1000);
  const std::string body(300'000, 'b');
  size_t sent = 0, up = 1000;
  const std::string response =
      fmt::format("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", body.size()) + body;
  std::string got;
  EXPECT_TRUE(run_until(
      [&] {  // the client sends all the time
        sent += sides.server.send_some(std::string_view(response).substr(sent, 32768));
        up += sides.client.send_some(std::string(1000, 'u'));
        sides.server.receive(4096, 0ms);
        got += sides.client.receive(65536, 0ms);
        return sides.client.end() != Socket::End::open;
      },
      5000));
  EXPECT_EQ(sides.client.end(), Socket::End::fin) << "not a reset, which would destroy the answer";
  EXPECT_THAT(got, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(got.substr(0, got.find("\r\n\r\n") + 4), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, body.size());
}

TEST_F(HttpExchangeTest, ResponseBeforeTheRequestIsReadIsForwarded) {
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  ASSERT_TRUE(sides.server.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"));
  sides.server.close();
  size_t sent = 0;
  std::string got;
  EXPECT_TRUE(run_until(
      [&] {
        sent += sides.client.send_some(std::string(65536, 'u'));
        got += sides.client.receive(65536, 0ms);
        return sides.client.end() != Socket::End::open;
      },
      5000));
  EXPECT_THAT(got, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(got, EndsWith("\r\n\r\nbig"));
}

class HttpTunnelTest : public HttpExchangeTest {
 protected:
  Sides open(const std::string& behind_request = "", const std::string& behind_answer = "") {
    Sides sides = asked(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + behind_request);
    EXPECT_THAT(answered(sides,
                         "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
                         "websocket\r\n\r\n" +
                             behind_answer),
                StartsWith("HTTP/1.1 101 "));
    return sides;
  }
};

TEST_F(HttpTunnelTest, BytesAfterEitherHeadAreTheFirstOfTheTunnel) {
  Sides sides = open("early", "first");
  EXPECT_EQ(bytes(sides.server, 5), "early");
  EXPECT_EQ(bytes(sides.client, 5), "first");
}

TEST_F(HttpTunnelTest, BytesAfterTheRequestWaitForTheResponse) {
  Sides sides = asked(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + get("/smuggled"));
  EXPECT_TRUE(receives_nothing(sides.server));
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 ")) << "no upgrade, then";
  EXPECT_THAT(message(sides.server), StartsWith("GET /smuggled ")) << "a request like any other";
}

TEST_F(HttpTunnelTest, TunnelThatAwaitsAResponseAtTheDrainDeadlineIsResetAndCounted) {
  Sides sides = open();
  ASSERT_TRUE(sides.client.send("question"));
  EXPECT_EQ(bytes(sides.server, 8), "question");
  worker.close_listeners();
  worker.begin_drain(loop.now(), 0s);
  for (int i = 0; i < 50; ++i) advance(100ms);
  EXPECT_EQ(worker.active(), 1u);
  worker.cut_sessions(EndReason::drain_deadline);
  EXPECT_TRUE(ends_as(sides.client, Socket::End::reset))
      << "a FIN would look like an empty response";
  EXPECT_EQ(ended("l", EndReason::drain_deadline), 1u);
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::deadline_rst].value, 1u);
}

TEST_F(HttpTunnelTest, EitherSideMayFinishFirst) {
  Sides sides = open();
  sides.server.finish();
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));
  ASSERT_TRUE(sides.client.send("still"));
  EXPECT_EQ(bytes(sides.server, 5), "still");
  sides.client.finish();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::fin));
  EXPECT_TRUE(run_until([&] { return worker.active() == 0; }));
}

TEST_F(HttpTunnelTest, ResetOfOneSideResetsTheOther) {
  Sides sides = open();
  sides.server.reset();
  EXPECT_TRUE(ends_as(sides.client, Socket::End::reset));
  sides = open();
  sides.client.reset();
  EXPECT_TRUE(ends_as(sides.server, Socket::End::reset));
}

TEST_F(HttpTunnelTest, SilentTunnelEndsAfterItsTimeout) {
  serve("cluster: c, timeouts: { tunnel_idle: 30s }");
  Sides sides = open();
  advance(20s);
  ASSERT_TRUE(sides.client.send("x"));
  bytes(sides.server, 1);
  advance(20s);
  EXPECT_TRUE(receives_nothing(sides.client));
  advance(11s);
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));
  sides.client.close();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::idle_timeout) == 1; }));
}

TEST_F(HttpTunnelTest, ConnectOpensATunnelWhenAllowed) {
  serve("cluster: c, allow_connect: true");
  Sides sides = asked("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\nhello");
  EXPECT_THAT(sides.request,
              StartsWith("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n"));
  const std::string head = answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(head, Not(testing::ContainsRegex("Content-Length|Transfer-Encoding")));
  EXPECT_EQ(bytes(sides.server, 5), "hello");
  EXPECT_EQ(bytes(sides.client, 5), "world");
}

TEST_F(HttpTunnelTest, RefusedConnectIsAnsweredAndClosesTheConnection) {
  serve("cluster: c, allow_connect: true");
  Sides sides = asked("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
  EXPECT_THAT(answered(sides, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
              HasSubstr("Content-Length: 2\r\n"));
  EXPECT_EQ(bytes(sides.client, 2), "no");
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));
}

// The memory of a burst is not kept until the next one.
TEST_F(HttpExchangeTest, MemoryOfABurstIsReleasedAfterIt) {
  std::vector<Sides> burst;
  for (int i = 0; i < 20; ++i) burst.push_back(asked(get("/")));
  const int64_t during = buffered();
  EXPECT_GE(during, 20 * static_cast<int64_t>(kBlockSize));
  for (Sides& sides : burst) answered(sides, ok("x"));
  turns(3);
  EXPECT_GE(buffered(), during) << "kept for the next one, at first";
  advance(600ms);
  advance(600ms);
  EXPECT_EQ(buffered(), 0);
}

}  // namespace
}  // namespace weir::test
