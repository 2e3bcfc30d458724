// Reloads and drains under HTTP: a request uses the configuration in force, connections survive,
// and the end is announced as late as possible.
#include <sys/resource.h>

#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpReloadTest : public HttpFixture {
 protected:
  static std::string saying(const std::string& word) {
    return "routes: [{ match: { path: /say }, respond: { body: \"" + word +
           "\" } }, { match: { path_prefix: / }, cluster: c }]";
  }
  int64_t open(ConfigAge age) { return cells("l").active[age].value; }
};

TEST_F(HttpReloadTest, EachRequestUsesTheCurrentConfigurationAndItsConnectionStaysOpen) {
  serve(saying("first"));
  Socket one = client(), idle = client();
  ASSERT_TRUE(one.send(get("/say")));
  EXPECT_THAT(until(one, "first"), StartsWith("HTTP/1.1 200 "));
  turns(3);
  EXPECT_EQ(open(ConfigAge::current), 2);
  serve(saying("second"));
  turns(2);
  EXPECT_EQ(open(ConfigAge::current), 2);
  EXPECT_EQ(open(ConfigAge::old), 0);
  ASSERT_TRUE(one.send(get("/say")));
  EXPECT_THAT(until(one, "second"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpReloadTest, BusyConnectionUsesTheNewConfigurationWhenItsRequestHasEnded) {
  serve(saying("first"));
  Sides sides = asked(get("/"));
  serve(saying("second"));
  turns(2);
  EXPECT_EQ(open(ConfigAge::old), 1);
  answered(sides, ok(""));
  advance(100ms);
  EXPECT_EQ(open(ConfigAge::old), 0);
  EXPECT_EQ(open(ConfigAge::current), 1);
}

TEST_F(HttpReloadTest, IdleConnectionHasTheNewTimeoutsAtOnce) {
  serve(saying("first") + ", timeouts: { keep_alive: 60s }");
  Socket one = client();
  ASSERT_TRUE(one.send(get("/say")));
  EXPECT_THAT(until(one, "first"), StartsWith("HTTP/1.1 200 "));
  turns(3);
  serve(saying("second") + ", timeouts: { keep_alive: 5s }");
  turns(2);
  advance(4s);
  EXPECT_EQ(one.wait_end(1ms), Socket::End::open);
  advance(2s);
  EXPECT_TRUE(ends_as(one, Socket::End::fin));
  EXPECT_EQ(ended("l", EndReason::keep_alive_timeout), 1u);
}

// HTTP/1 has no other way to say so without the loss of a request that is on its way.
TEST_F(HttpReloadTest, IdleConnectionOfARemovedListenerEndsWithItsNextResponse) {
  serve(saying("first"));
  Socket one = client();
  ASSERT_TRUE(one.send(get("/say")));
  until(one, "first");
  apply(
      "listeners:\n  - { name: m, bind: \"127.0.0.1:0\", protocol: http, cluster: c }\n"
      "clusters:\n" +
      cluster_text("c", backend.address()));
  EXPECT_TRUE(receives_nothing(one));
  ASSERT_TRUE(one.send(get("/say")));
  EXPECT_THAT(rest(one), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpReloadTest, IdleConnectionsAreRenewedAThousandInATurn) {
  rlimit descriptors;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  descriptors.rlim_cur = descriptors.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &descriptors), 0);
  constexpr int64_t kMost = 1000, kAll = kMost + 50;
  serve("cluster: c, limits: { max_connections: 5000 }");
  std::vector<Socket> idle;
  for (int64_t i = 0; i < kAll; ++i) {
    idle.push_back(client());
    turns(1);
  }
  EXPECT_TRUE(run_until([&] { return open(ConfigAge::current) == kAll; }));
  serve("cluster: c, limits: { max_connections: 6000 }");
  int64_t left = kAll;
  for (int i = 0; i < 4; ++i) {
    const int64_t now = open(ConfigAge::old);
    EXPECT_LE(left - now, kMost);
    left = now;
    turns(1);
  }
  EXPECT_EQ(left, 0);
  EXPECT_EQ(open(ConfigAge::current), kAll);
}

TEST_F(HttpReloadTest, RequestKeepsTheConfigurationItBeganWith) {
  serve(saying("first"));
  Sides sides = asked(get("/"));
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: d, via: true") + "clusters:\n" +
        cluster_text("d", other.address()));
  EXPECT_THAT(answered(sides, ok("")), Not(HasSubstr("Via")));
  ASSERT_TRUE(sides.client.send(get("/next")));
  Socket server = accepted(other);
  EXPECT_THAT(message(server), StartsWith("GET /next "));
}

TEST_F(HttpReloadTest, PipelinedRequestsUseTheNewConfiguration) {
  serve(saying("first"));
  Sides sides = asked(get("/") + get("/say"));
  serve(saying("second"));
  answered(sides, ok(""));
  EXPECT_THAT(until(sides.client, "second"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpReloadTest, KeptConnectionsToBackendsSurvive) {
  serve(saying("first"));
  Sides sides = asked(get("/"));
  answered(sides, ok(""));
  for (int i = 0; i < 5; ++i) serve(saying("next"));
  EXPECT_THAT(ask_again(sides, get("/again")), StartsWith("GET /again "));
  answered(sides, ok(""));
  EXPECT_EQ(backend_cells("c", backend.address().text()).connects.value, 1u);
}

TEST_F(HttpReloadTest, InvalidHeadAfterAReloadIsCountedForTheCurrentListener) {
  serve("cluster: c");
  Socket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\n"));
  turns(3);
  std::string before =
      "listeners:\n  - { name: before, bind: \"127.0.0.1:0\", protocol: http, routes: [";
  for (int i = 0; i < 20; ++i)
    before += fmt::format("{{ match: {{ path: /{} }}, respond: {{ }} }}, ", i);
  apply(before + "] }\n" + listener_text("cluster: c") + "clusters:\n" +
        cluster_text("c", backend.address()));
  ASSERT_TRUE(one.send("no field\r\n\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(route_cells("l", "none").requests.sum(), 1u);
}

class HttpDrainTest : public HttpFixture {
 protected:
  void SetUp() override { serve(); }
  void drain(Duration spread = 0s) {
    worker.close_listeners();
    worker.begin_drain(loop.now(), spread);
    turns(3);
  }
  Sides idle() {
    Sides sides = asked(get("/", "Connection: x\r\n"));
    EXPECT_TRUE(
        sides.server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    message(sides.client);
    turns(3);
    return sides;
  }
};

// A close without Connection: close could lose the next request of a client that reuses its
// connections.
TEST_F(HttpDrainTest, ResponseInProgressIsCompletedAndTheNextOneHasConnectionClose) {
  Sides sides = asked(get("/"));
  EXPECT_THAT(answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"),
              Not(HasSubstr("Connection")));
  drain();
  ASSERT_TRUE(sides.server.send("def"));
  until(sides.client, "def");
  ASSERT_TRUE(sides.client.send(get("/next")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("last")));
  const std::string all = rest(sides.client);
  EXPECT_THAT(all, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(all, EndsWith("last"));
}

TEST_F(HttpDrainTest, RequestPipelinedAfterTheLastOneIsNotProcessed) {
  Sides sides = asked(post("/1", "abc") + get("/2"));
  until(sides.server, "abc");
  drain();
  ASSERT_TRUE(sides.server.send(ok("last")));
  const std::string all = rest(sides.client);
  EXPECT_THAT(all, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(all, EndsWith("last"));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
  turns(5);
  EXPECT_THAT(rest(sides.server), Not(HasSubstr("GET /2")));
}

TEST_F(HttpDrainTest, RequestWhoseHeadHasBegunIsServedWithConnectionClose) {
  Socket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\n"));
  turns(3);
  advance(3s);
  drain();
  ASSERT_TRUE(one.send("Host: a\r\n\r\n"));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(rest(one), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpDrainTest, IdleConnectionMaySendOneMoreRequest) {
  Sides closed_first = idle();
  advance(1s);
  Sides sides = idle();
  advance(2s);
  drain(10s);
  ASSERT_TRUE(sides.client.send(get("/more")));
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /more "));
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(rest(sides.client), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpDrainTest, IdleConnectionsAreClosedOverTheSpreadLongestIdleFirst) {
  std::vector<Sides> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(idle());
    advance(2s);
  }
  drain(10s);
  const auto closed = [&](Sides& sides) { return !receives_nothing(sides.client); };
  for (size_t gone = 1; gone <= 4; ++gone) {  // the first at once
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(closed(all[i]), i < gone) << gone << " " << i;
    for (int i = 0; i < 5; ++i) advance(510ms);
  }
  for (Sides& sides : all) sides.client.close();
  EXPECT_TRUE(run_until([&] { return empties == 1; }));
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::idle_spread].value, 4u);
}

TEST_F(HttpDrainTest, ClientThatNeverSendsItsFinCountsAsIdle) {
  serve();
  Socket one = client();
  turns(3);
  advance(2s);
  drain();
  EXPECT_TRUE(ends_as(one, Socket::End::fin));
  EXPECT_TRUE(run_until([&] {  // its kernel takes a moment to acknowledge the FIN
    advance(500ms);
    return empties == 1;
  }));
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::idle_spread].value, 1u);
}

TEST_F(HttpDrainTest, RequestThatCrossesTheFinIsCounted) {
  Sides sides = idle();
  advance(2s);
  drain();
  EXPECT_TRUE(run_until([&] {  // its FIN is in transit
    advance(100ms);
    return wait_ready(sides.client.fd(), POLLIN, 1ms);
  }));
  ASSERT_TRUE(sides.client.send(get("/crossing")));
  EXPECT_TRUE(run_until([&] { return cells("l").drain_races.value == 1; }));
  EXPECT_EQ(rest(sides.client), "");
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
}

TEST_F(HttpDrainTest, SlowReaderGetsTheWholeLastResponse) {
  const std::string body(60'000, 'b');
  serve("routes: [{ match: { path_prefix: / }, respond: { body: \"" + body + "\" } }]");
  Socket one = client();
  one.shrink_buffers();
  ASSERT_TRUE(one.send(get("/")));
  turns(5);
  drain();
  std::string got;
  for (int i = 0; i < 20; ++i) {
    got += one.receive(3000, 0ms);
    advance(3s);
  }
  EXPECT_TRUE(run_until([&] {
    advance(500ms);
    got += one.receive_all(1ms);
    return one.end() != Socket::End::open;
  }));
  EXPECT_EQ(one.end(), Socket::End::fin);
  EXPECT_THAT(got, EndsWith("bbb"));
  EXPECT_GE(got.size(), body.size());
}

TEST_F(HttpDrainTest, SlowReaderGetsTheWholeLongResponse) {
  Sides sides = asked(get("/"));
  drain();
  const std::string body(6'000'000, 'b');
  const std::string response = ok(body);
  size_t sent = 0;
  for (int i = 0; i < 50; ++i) {
    sent += sides.server.send_some(std::string_view(response).substr(sent, 65536));
    turns(3);
  }
  std::string got;
  EXPECT_TRUE(run_until(
      [&] {
        if (sent < response.size())
          sent += sides.server.send_some(std::string_view(response).substr(sent, 65536));
        else
          advance(500ms);
        got += sides.client.receive(100'000, 0ms);
        return sides.client.end() != Socket::End::open;
      },
      5000));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
  EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, body.size());
}

TEST_F(HttpDrainTest, AtTheDeadlineRequestsWithoutAResponseGetA503) {
  Sides waiting = asked(get("/"));
  Sides expecting =
      asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  Sides uploading = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
  ASSERT_TRUE(uploading.client.send(std::string(30'000, 'u')));
  turns(2);
  ASSERT_TRUE(uploading.client.send(std::string(30'000, 'u')));  // not read yet
  drain();
  worker.cut_sessions(EndReason::drain_deadline);
  for (Sides* sides : {&waiting, &expecting, &uploading}) {
    const std::string answer = rest(sides->client);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(sides->client.end(), Socket::End::fin);
    rest(sides->server);
    sides->client.close();
  }
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::drain_deadline) == 3; }));
}

TEST_F(HttpDrainTest, AtTheDeadlineAResponseInProgressIsAborted) {
  Sides sides = asked(get("/"));
  answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  drain();
  worker.cut_sessions(EndReason::drain_deadline);
  EXPECT_TRUE(ends_as(sides.client, Socket::End::reset));
  rest(sides.server);
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::deadline_rst].value, 1u);
}

TEST_F(HttpDrainTest, ConnectionToABackendFirstUsedDuringTheDrainIsNotKept) {
  Socket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: a\r\n"));
  turns(3);
  drain();
  ASSERT_TRUE(one.send("\r\n"));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("last")));
  EXPECT_THAT(rest(one), EndsWith("last"));
  EXPECT_TRUE(ends_as(server, Socket::End::fin));
}

TEST_F(HttpDrainTest, ConnectionsOfTheLastRequestsAreNotPooled) {
  Sides sides = asked(get("/"));
  drain();
  answered(sides, ok(""));
  rest(sides.server);
  EXPECT_EQ(backend_cells("c", backend.address().text()).idle.value, 0);
}

}  // namespace
}  // namespace weir::test
