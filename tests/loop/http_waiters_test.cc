// Requests that wait for a backend, and all events that make room for them.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class HttpWaitersTest : public HttpFixture {
 protected:
  // `backends`: YAML of the list; `cluster`: further keys of the cluster, each after a comma.
  void configure(const std::string& backends, const std::string& cluster) {
    apply("listeners:\n" + listener_text("cluster: c, timeouts: { keep_alive: 0s }") +
          fmt::format("clusters:\n  - {{ name: c, backends: [{}]{} }}\n", backends, cluster));
  }
  std::string first() const { return backend.address().text(); }
  std::string second() const { return other.address().text(); }
  std::string both() const { return first() + ", " + second(); }
  Backend& known(size_t i) { return *store.current()->clusters[0].hosts.at(i).backend; }
  int64_t waiting() { return cluster_cells("c").queue_length.value; }

  Socket asking(const std::string& path) {
    Socket one = client();
    EXPECT_TRUE(one.send(get(path)));
    turns(5);
    return one;
  }
  void ask(int from, int to) {
    for (int i = from; i <= to; ++i) clients.push_back(asking(fmt::format("/{}", i)));
  }
  // The paths of the requests that a backend receives now, each over its own connection.
  std::vector<std::string> arriving(Acceptor& at) {
    turns(20);
    std::vector<std::string> paths;
    while (wait_ready(at.fd(), POLLIN, 1ms)) {
      servers.push_back(at.accept(1s));
      const std::string head = message(servers.back());
      paths.push_back(head.substr(4, head.find(' ', 4) - 4));
    }
    return paths;
  }
  std::vector<std::string> arriving() { return arriving(backend); }

  Acceptor other;
  std::vector<Socket> clients, servers;
};

constexpr const char* kOne = ", pool: { max_connections: 1 }, queue: { timeout: 60s }";

TEST_F(HttpWaitersTest, RaisedLimitDispatchesAsManyWaitersAsFitInOrder) {
  configure(first(), kOne);
  ask(1, 6);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(first(), ", pool: { max_connections: 4 }, queue: { timeout: 60s }");
  EXPECT_THAT(arriving(), ElementsAre("/2", "/3", "/4"));
  EXPECT_EQ(waiting(), 2);
  ask(7, 7);
  EXPECT_THAT(arriving(), IsEmpty());
  configure(first(), ", queue: { timeout: 60s }");
  EXPECT_THAT(arriving(), ElementsAre("/5", "/6", "/7"));
  ask(8, 8);
  EXPECT_THAT(arriving(), ElementsAre("/8"));
  EXPECT_EQ(waiting(), 0);
}

TEST_F(HttpWaitersTest, AddedBackendGetsRequestsThatWaitForAnother) {
  configure(first(), kOne);
  ask(1, 3);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(both(), kOne);
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
  EXPECT_EQ(waiting(), 1);
  ASSERT_TRUE(servers.back().send(ok("")));
  EXPECT_THAT(message(servers.back()), StartsWith("GET /3 "));
}

TEST_F(HttpWaitersTest, WaitersOfARemovedClusterAreServedByIt) {
  configure(first(), kOne);
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  apply("listeners:\n" + listener_text("cluster: d") + "clusters:\n" +
        cluster_text("d", other.address()));
  EXPECT_THAT(arriving(other), IsEmpty());
  ASSERT_TRUE(servers.back().send(ok("")));
  EXPECT_THAT(message(servers.back()), StartsWith("GET /2 "));
}

TEST_F(HttpWaitersTest, BackendThatIsHealthyAgainGetsWaitingRequests) {
  configure(both(), kOne);
  known(1).set_health(Health::down);
  worker.health_changed();
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  known(1).set_health(Health::up);
  worker.health_changed();
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
}

TEST_F(HttpWaitersTest, BackendGetsWaitingAndNewRequestsAfterItsHoldOff) {
  configure(both(),
            ", backoff: { base: 2s }, pool: { max_connections: 2 }, queue: { timeout: 60s }");
  other.stop();
  ask(1, 4);
  EXPECT_THAT(arriving(), ElementsAre("/1", "/2"));
  other.start();
  EXPECT_EQ(waiting(), 2);
  advance(1500ms);
  EXPECT_THAT(arriving(other), IsEmpty()) << "it is held off still";
  advance(1s);
  EXPECT_THAT(arriving(other), ElementsAre("/3", "/4"));
}

TEST_F(HttpWaitersTest, HoldOffThatAnotherWorkerEndsIsDetected) {
  configure(both(),
            ", backoff: { base: 30s }, pool: { max_connections: 1 }, queue: { timeout: 60s }");
  known(1).note_connect_failure(loop.now(), {30s, 30s});
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  EXPECT_THAT(arriving(other), IsEmpty()) << "there is something to wait for";
  known(1).note_connect_success();
  advance(150ms);
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
}

TEST_F(HttpWaitersTest, WaitingRequestIsTheTrialOfAnEjectedBackend) {
  const char* rules =
      ", outlier_detection: { base_ejection: 5s }, pool: { max_connections: 1 }, "
      "queue: { timeout: 60s }";
  configure(both(), rules);
  known(1).outlier().eject(loop.now(), {.base_ejection = 5s});
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  EXPECT_THAT(arriving(other), IsEmpty());
  known(1).outlier().confirm(loop.now(), loop.now());
  advance(4s);
  EXPECT_THAT(arriving(other), IsEmpty());
  advance(1200ms);
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
  ask(3, 3);
  EXPECT_THAT(arriving(other), IsEmpty()) << "the trial is not over";
  ASSERT_TRUE(servers.back().send(ok("")));
  EXPECT_THAT(message(servers.back()), StartsWith("GET /3 "));
}

TEST_F(HttpWaitersTest, ConfigurationWithoutOutlierDetectionEndsTheEjection) {
  configure(both(), std::string(", outlier_detection: {}") + kOne);
  known(1).outlier().eject(loop.now(), {.base_ejection = 50s});
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(both(), kOne);
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
}

TEST_F(HttpWaitersTest, BackendThatIsActiveAgainGetsWaitingRequests) {
  for (const char* state : {"drain", "maintenance"}) {
    configure(fmt::format("{}, {{ address: {}, state: {} }}", first(), second(), state), kOne);
    ask(1, 2);
    EXPECT_THAT(arriving(), ElementsAre("/1")) << state;
    EXPECT_THAT(arriving(other), IsEmpty()) << state;
    configure(both(), kOne);
    EXPECT_THAT(arriving(other), ElementsAre("/2")) << state;
    clients.clear();
    servers.clear();
    turns(20);
    while (wait_ready(other.fd(), POLLIN, 1ms)) other.accept(1s);
  }
}

TEST_F(HttpWaitersTest, ReplacementBackendGetsWaitingRequests) {
  configure(first(), kOne);
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(second(), kOne);
  EXPECT_THAT(arriving(other), ElementsAre("/2"));
}

TEST_F(HttpWaitersTest, NewTlsSettingsOpenNewConnectionsForWaitingRequests) {
  configure(first(), kOne);
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(first(), std::string(", tls: { verify: false }") + kOne);
  ASSERT_TRUE(servers.back().send(ok("")));  // the connection without TLS counts until then
  Socket server = accepted();
  EXPECT_EQ(bytes(server, 1), "\x16") << "a ClientHello";
}

TEST_F(HttpWaitersTest, WaitersAreAnsweredWhenTheLastBackendIsDown) {
  configure(both(), kOne);
  known(1).set_health(Health::down);
  worker.health_changed();
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  known(0).set_health(Health::down);
  worker.health_changed();
  EXPECT_THAT(message(clients.back()), StartsWith("HTTP/1.1 503 ")) << "no backend is left";
}

TEST_F(HttpWaitersTest, LoweredLimitClosesKeptConnectionsAtOnce) {
  configure(first(), "");
  ask(1, 4);
  EXPECT_THAT(arriving(), ElementsAre("/1", "/2", "/3", "/4"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(servers[static_cast<size_t>(i)].send(ok("")));
  ASSERT_TRUE(run_until([&] { return backend_cells("c", first()).idle.value == 3; }));
  configure(first(), ", pool: { max_connections: 2 }, queue: { timeout: 60s }");
  EXPECT_EQ(backend_cells("c", first()).active.value, 2);
  EXPECT_EQ(backend_cells("c", first()).idle.value, 1);
  configure(first(), kOne);
  EXPECT_EQ(backend_cells("c", first()).active.value, 1);
  ask(5, 5);
  EXPECT_EQ(waiting(), 1) << "the one that is left carries a request";
  ASSERT_TRUE(servers[3].send(ok("")));
  EXPECT_THAT(message(servers[3]), StartsWith("GET /5 "));
}

TEST_F(HttpWaitersTest, ConnectionsOverALoweredLimitAreNotKept) {
  configure(first(), "");
  ask(1, 3);
  EXPECT_THAT(arriving(), ElementsAre("/1", "/2", "/3"));
  configure(first(), kOne);
  ask(4, 4);
  for (size_t i : {0u, 1u}) {
    ASSERT_TRUE(servers[i].send(ok("")));
    EXPECT_TRUE(ends_as(servers[i], Socket::End::fin));
    EXPECT_EQ(waiting(), 1);
  }
  ASSERT_TRUE(servers[2].send(ok("")));
  EXPECT_THAT(message(servers[2]), StartsWith("GET /4 "));
}

TEST_F(HttpWaitersTest, LoweredLimitsOfKeptConnectionsApplyToOpenOnes) {
  for (const char* pool : {"pool: { max_idle: 0 }", "pool: { max_requests: 1 }",
                           "pool: { max_age: 1s }", "timeouts: { idle: 1s }"}) {
    configure(first(), "");
    ask(1, 1);
    EXPECT_THAT(arriving(), ElementsAre("/1"));
    ASSERT_TRUE(servers.back().send(ok("")));
    ASSERT_TRUE(run_until([&] { return backend_cells("c", first()).idle.value == 1; }));
    advance(2s);
    configure(first(), std::string(", ") + pool);
    advance(20ms);
    EXPECT_EQ(backend_cells("c", first()).active.value, 0) << pool;
    EXPECT_TRUE(ends_as(servers.back(), Socket::End::fin)) << pool;
  }
}

// More backends than the picks that a request makes before it stops.
TEST_F(HttpWaitersTest, OneFreeBackendAmongManyIsFound) {
  std::vector<Acceptor> many(40);
  std::string list;
  for (const Acceptor& one : many) list += (list.empty() ? "" : ", ") + one.address().text();
  configure(list, std::string(", balance: source_hash") + kOne);
  ask(1, 40);
  EXPECT_EQ(waiting(), 0);
  ask(41, 42);
  EXPECT_EQ(waiting(), 2);
  for (Acceptor& one : many) EXPECT_EQ(arriving(one).size(), 1u) << one.address().text();
  for (const size_t i : {39u, 0u}) {
    ASSERT_TRUE(servers[i].send(ok("")));
    EXPECT_THAT(message(servers[i]), StartsWith(i == 39 ? "GET /41 " : "GET /42 "));
  }
}

TEST_F(HttpWaitersTest, RequestThatWaitsHasTheTimeoutsOfTheConfigurationInForce) {
  LogCapture log;
  configure(first(), kOne);
  ask(1, 2);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  configure(first(), ", pool: { max_connections: 1 }, queue: { timeout: 5s }");
  turns(5);
  advance(5100ms);
  EXPECT_THAT(message(clients.back()), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(has_line(log.access(), {"path=/2", "reason=queue_timeout", "config=test.yaml:"}));
}

TEST_F(HttpWaitersTest, RetryAfterAReloadUsesTheCurrentBackends) {
  const auto use = [&](const std::string& backends) {
    apply("listeners:\n" + listener_text("cluster: c, retry: { on: reset_before_response }") +
          fmt::format("clusters:\n  - {{ name: c, backends: [{}] }}\n", backends));
  };
  use(first());
  ask(1, 1);
  EXPECT_THAT(arriving(), ElementsAre("/1"));
  use(second());
  servers.back().reset();
  for (int i = 0; i < 30; ++i) advance(50ms);  // the pause before the retry
  EXPECT_THAT(arriving(other), ElementsAre("/1"));
  EXPECT_TRUE(no_connection_arrives());
}

}  // namespace
}  // namespace weir::test
