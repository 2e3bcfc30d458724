// Connections on which a user logs in (NTLM, Negotiate) belong to that user's client.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::StartsWith;

constexpr const char* kChallenge =
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";

class HttpPrivateTest : public HttpFixture {
 protected:
  static std::string with(const std::string& credentials, const std::string& path = "/") {
    return get(path, "Authorization: " + credentials + "\r\n");
  }
  // A client that has logged in: 401, then 401 with a challenge, then 200, over one connection.
  Sides logged_in() {
    Sides sides = asked(get("/"));
    EXPECT_THAT(answered(sides, kChallenge), StartsWith("HTTP/1.1 401 "));
    log_in(sides);
    return sides;
  }
  void log_in(Sides& sides) {
    ask_again(sides, with("NTLM TlRMTVNTUAABAAAA"));
    answered(sides,
             "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"
             "Content-Length: 0\r\n\r\n");
    ask_again(sides, with("NTLM TlRMTVNTUAADAAAA"));
    EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
    turns(3);
  }
  // Another client is served over a connection of its own.
  Sides another(const std::string& path = "/other") {
    Sides sides = asked(get(path));
    EXPECT_THAT(sides.request, StartsWith("GET " + path + " "));
    answered(sides, ok(""));
    turns(3);
    return sides;
  }
  BackendCells cells_of_backend() { return backend_cells("c", backend.address().text()); }
};

TEST_F(HttpPrivateTest, AuthenticatedConnectionServesNoOtherClient) {
  serve();
  Sides user = logged_in();
  another();
  EXPECT_THAT(ask_again(user, get("/mine")), StartsWith("GET /mine "))
      << "the connection still belongs to the user";
  answered(user, ok(""));
  EXPECT_EQ(cells_of_backend().connects.value, 2u);
}

TEST_F(HttpPrivateTest, ChallengesAreRecognizedInEveryForm) {
  for (const char* fields :
       {"WWW-Authenticate: NTLM\r\n", "www-authenticate: nTlM\r\n",
        "WWW-Authenticate: Negotiate\r\n", "WWW-Authenticate: Basic realm=\"a, b\", Negotiate\r\n",
        "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: NTLM\r\n",
        "WWW-Authenticate: Negotiate oYG2MIGz, Basic\r\n"}) {
    serve();
    Sides user = asked(get("/"));
    answered(user,
             std::string("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n") + fields + "\r\n");
    turns(3);
    another();
    EXPECT_THAT(ask_again(user, with("NTLM x")), StartsWith("GET / ")) << fields;
    answered(user, ok(""));
    user.client.close();
    turns(5);
    apply("listeners:\n" + listener_text("cluster: d") + "clusters:\n" +
          cluster_text("d", backend.address()));  // without the connections of the clients before
  }
}

// weir does not relay the field, so no user logs in with it.
TEST_F(HttpPrivateTest, ProxyChallengeMakesNoConnectionPrivate) {
  serve();
  Sides first = asked(get("/"));
  answered(first,
           "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n");
  turns(3);
  Sides second{client(), std::move(first.server), {}};
  EXPECT_THAT(ask_again(second, get("/second")), StartsWith("GET /second "));
  EXPECT_THAT(answered(second, ok("")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpPrivateTest, CredentialsOfTheClientMakeAConnectionPrivate) {
  serve();
  Sides first = another("/shared");
  Sides user{client(), std::move(first.server), {}};
  ask_again(user, with("Negotiate YIIZ"));
  EXPECT_THAT(answered(user, ok("")), StartsWith("HTTP/1.1 200 "));
  turns(3);
  ASSERT_TRUE(first.client.send(get("/again")));
  Socket other = accepted();
  EXPECT_THAT(message(other), StartsWith("GET /again ")) << "not over the user's connection";
}

TEST_F(HttpPrivateTest, OtherSchemesAndSimilarNamesShareConnections) {
  serve();
  Sides first = asked(get("/"));
  answered(first,
           "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n"
           "WWW-Authenticate: Basic realm=\"NTLM\", NTLMv2, Digest Negotiate=1\r\n\r\n");
  turns(3);
  ASSERT_TRUE(first.client.send(with("Basic TlRMTQ==")));
  message(first.server);
  answered(first, ok(""));
  turns(3);
  Sides second{client(), std::move(first.server), {}};
  EXPECT_THAT(ask_again(second, get("/second")), StartsWith("GET /second "));
  answered(second, ok(""));
}

TEST_F(HttpPrivateTest, ConnectionIsClosedWithItsClient) {
  serve();
  for (const bool reset : {false, true}) {
    Sides user = logged_in();
    if (reset)
      user.client.reset();
    else
      user.client.close();
    EXPECT_TRUE(run_until([&] { return user.server.wait_end(1ms) != Socket::End::open; }));
    EXPECT_EQ(cells_of_backend().active.value, 0);
    EXPECT_EQ(cells_of_backend().idle.value, 0);
  }
}

TEST_F(HttpPrivateTest, ConnectionIsClosedWhenTheClientsLastRequestIsAnswered) {
  serve();
  Sides user = logged_in();
  ask_again(user, get("/last", "Connection: close\r\n"));
  answered(user, ok(""));
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin));
}

TEST_F(HttpPrivateTest, ClientStaysWithItsBackendDespiteTheBalancer) {
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: c") +
        fmt::format("clusters:\n  - {{ name: c, backends: [{}, {}] }}\n", backend.address().text(),
                    other.address().text()));
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  turns(5);
  Acceptor& chosen = wait_ready(backend.fd(), POLLIN, 10ms) ? backend : other;
  Sides user{std::move(one), accepted(chosen), {}};
  message(user.server);
  answered(user, kChallenge);
  for (int i = 0; i < 4; ++i) log_in(user);
}

TEST_F(HttpPrivateTest, PrivateConnectionCountsAsOpenAndNeedsNoRoom) {
  serve("cluster: c", "pool: { max_connections: 1, max_idle: 0 }, queue: { timeout: 60s }");
  Sides user = logged_in();
  Socket waits = client();
  ASSERT_TRUE(waits.send(get("/waits")));
  ASSERT_TRUE(run_until([&] { return cluster_cells("c").queue_length.value == 1; }));
  ask_again(user, get("/mine"));
  answered(user, ok(""));
  EXPECT_EQ(cluster_cells("c").queue_length.value, 1);
  user.client.close();
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /waits "));
}

TEST_F(HttpPrivateTest, PrivateConnectionIdleForASecondGivesItsRoomToARequestThatWaits) {
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { timeout: 60s }");
  Sides user = logged_in();
  Socket waits = client();
  ASSERT_TRUE(waits.send(get("/waits")));
  ASSERT_TRUE(run_until([&] { return cluster_cells("c").queue_length.value == 1; }));
  for (int i = 0; i < 4; ++i) advance(200ms);
  EXPECT_EQ(cluster_cells("c").queue_length.value, 1) << "it may be in the middle of a login";
  for (int i = 0; i < 2; ++i) advance(200ms);
  Socket server = accepted();
  EXPECT_THAT(message(server), StartsWith("GET /waits "));
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin));
}

TEST_F(HttpPrivateTest, PrivateConnectionGivesItsRoomToARequestThatMayNotWait) {
  serve("cluster: c", "pool: { max_connections: 1 }, queue: { max: 0 }");
  Sides user = logged_in();
  EXPECT_THAT(answer_to(get("/early")), StartsWith("HTTP/1.1 503 "));
  advance(1s);
  Sides other = asked(get("/late"));
  EXPECT_THAT(answered(other, ok("")), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin));
}

TEST_F(HttpPrivateTest, LoweredLimitsCloseIdlePrivateConnectionsLongestIdleFirst) {
  serve();
  Sides first = logged_in(), second = logged_in();
  serve("cluster: c", "pool: { max_connections: 1 }");
  EXPECT_TRUE(ends_as(first.server, Socket::End::fin));
  ask_again(second, get("/mine"));
  answered(second, ok(""));
  turns(3);
  serve("cluster: c", "pool: { max_connections: 1, max_requests: 2 }");
  EXPECT_TRUE(ends_as(second.server, Socket::End::fin));
}

TEST_F(HttpPrivateTest, PrivateConnectionIsNotUsedUnderOtherTlsSettings) {
  serve();
  Sides user = logged_in();
  const uint64_t reuses = cells_of_backend().reuses.value;
  serve("cluster: c", "tls: { verify: false }");
  ASSERT_TRUE(user.client.send(get("/secret")));
  Socket fresh = accepted();
  EXPECT_EQ(rest(user.server), "") << "not without TLS";
  EXPECT_EQ(user.server.end(), Socket::End::fin);
  EXPECT_EQ(cells_of_backend().reuses.value, reuses);
}

TEST_F(HttpPrivateTest, IdlePrivateConnectionIsClosedAfterItsTimeoutAndReplaced) {
  serve("cluster: c, timeouts: { keep_alive: 0s }", "timeouts: { idle: 10s }");
  Sides user = logged_in();
  advance(11s);
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin));
  ASSERT_TRUE(user.client.send(get("/later")));
  user.server = accepted();
  EXPECT_THAT(message(user.server), StartsWith("GET /later "));
}

TEST_F(HttpPrivateTest, PrivateConnectionThatTheBackendClosesIsReplaced) {
  serve();
  Sides user = logged_in();
  user.server.close();
  turns(5);
  ASSERT_TRUE(user.client.send(get("/later")));
  user.server = accepted();
  EXPECT_THAT(message(user.server), StartsWith("GET /later "));
}

TEST_F(HttpPrivateTest, LoginInProgressSurvivesAReload) {
  serve();
  Sides user = asked(get("/"));
  answered(user, kChallenge);
  turns(3);
  serve("cluster: c, via: true", "pool: { max_idle: 5 }");
  log_in(user);
  Acceptor other;
  apply("listeners:\n" + listener_text("cluster: c") + "clusters:\n" +
        cluster_text("c", other.address()));
  ASSERT_TRUE(user.client.send(get("/moved")));
  Socket server = accepted(other);
  EXPECT_THAT(message(server), StartsWith("GET /moved ")) << "its backend is no longer there";
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin));
}

TEST_F(HttpPrivateTest, LoginInProgressSurvivesTheBeginningOfADrain) {
  serve();
  Sides user = asked(get("/") + with("NTLM 1"));
  answered(user, kChallenge);
  message(user.server);
  worker.close_listeners();
  worker.begin_drain(loop.now(), 30s);
  EXPECT_THAT(answered(user, ok("")), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(ends_as(user.server, Socket::End::fin)) << "closed with its client";
}

TEST_F(HttpPrivateTest, GatewayErrorOverAPrivateConnectionIsRelayed) {
  serve("cluster: c, retry: { on: [gateway_error] }");
  Sides user = logged_in();
  ask_again(user, get("/"));
  EXPECT_THAT(answered(user, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
              StartsWith("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace weir::test
