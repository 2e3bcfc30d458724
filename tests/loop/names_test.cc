// Backends whose host names have several addresses, other ones later, or none: the effects on
// sessions and requests, and the times of lookups.
#include "control/names.h"

#include <algorithm>

#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Acceptors on one port of several addresses of the loopback network.
class NamesTest : public HttpFixture {
 protected:
  static constexpr const char* kAddresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3"};

  Address at(size_t i) const { return *Address::parse(fmt::format("{}:{}", kAddresses[i], port_)); }
  Acceptor& open(size_t i) { return *(acceptors_[i] = std::make_unique<Acceptor>(at(i))); }
  std::string name(const char* host = "app.test") const {
    return fmt::format("{}:{}", host, port_);
  }

  void serve_tcp(const std::string& cluster = "", const std::string& backends = {}) {
    apply(
        fmt::format("listeners: [{{ name: l, bind: \"127.0.0.1:0\", cluster: c }}]\n"
                    "clusters: [{{ name: c, backends: [{}]{}{} }}]\n",
                    backends.empty() ? name() : backends, cluster.empty() ? "" : ", ", cluster));
  }
  void serve_http(const std::string& cluster = "") {
    apply("listeners:\n" + listener_text("cluster: c") +
          fmt::format("clusters:\n  - {{ name: c, backends: [{}]{}{} }}\n", name(),
                      cluster.empty() ? "" : ", ", cluster));
  }
  // The actions of the control plane on results of lookups.
  void use_addresses() {
    ++changes_;
    auto next = store.readdress(lookups->known(store.current()->model));
    if (next) worker.apply(next->updates.at(0));
  }
  void watch_names() {
    watched_ = std::make_unique<Names>(loop, lookups, state_, [this] { use_addresses(); });
    watched_->use(store.current()->model);
    turns(2);
  }
  bool looked_up(size_t times, const char* host = "app.test") {
    return run_until([&] { return names.lookups(host) >= times; });
  }
  // The backend connection of a new client.
  Socket joined(Acceptor& from, Socket& client) {
    client = this->client();
    Socket arrived;
    EXPECT_TRUE(run_until([&] {
      if (wait_ready(from.fd(), POLLIN, 1ms)) arrived = from.accept(1s);
      return static_cast<bool>(arrived);
    }));
    return arrived;
  }

  const uint16_t port_ = free_address().port();
  std::array<std::unique_ptr<Acceptor>, 3> acceptors_;
  ProcessState state_;
  std::unique_ptr<Names> watched_;
  int changes_ = 0;
};

TEST_F(NamesTest, SessionsAreSpreadOverAllAddressesOfAName) {
  for (size_t i = 0; i < 3; ++i) open(i);
  names.set("app.test", {"127.0.0.3", "127.0.0.1", "127.0.0.2"});
  for (const char* balance : {"round_robin", "least_connections", "source_hash", "random"}) {
    serve_tcp(fmt::format("balance: {}", balance));
    if (std::string_view(balance) == "source_hash") continue;  // one client, one address
    std::array<size_t, 3> carried{};
    for (size_t n = 0; n < 30; ++n) {
      Socket one = client();
      run_until([&] {
        for (size_t i = 0; i < 3; ++i) {
          if (!wait_ready(acceptors_[i]->fd(), POLLIN, Duration::zero())) continue;
          acceptors_[i]->accept(1s);
          return ++carried[i] > 0;
        }
        return false;
      });
    }
    EXPECT_EQ(carried[0] + carried[1] + carried[2], 30u);
    for (size_t n : carried)
      EXPECT_GT(n, std::string_view(balance) == "random" ? 0u : 5u) << balance;
  }
}

TEST_F(NamesTest, SourceHashingSpreadsClientsOverTheAddressesOfOneName) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  serve_tcp("balance: source_hash");
  WorkerMetrics metrics(0);
  Cluster cluster(store.current()->clusters[0], metrics, 1);
  std::array<size_t, 3> picked{};
  for (uint64_t i = 0; i < 300; ++i) ++picked.at(cluster.pick(loop.now(), i * 7919, {}));
  for (size_t n : picked) EXPECT_GT(n, 60u);
}

TEST_F(NamesTest, SessionTriesTheOtherAddressesOfItsOnlyBackend) {
  open(2);
  names.set("app.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  serve_tcp("connect_attempts: 1");
  for (size_t n = 0; n < 6; ++n) {
    Socket one;
    EXPECT_TRUE(joined(*acceptors_[2], one)) << n;
  }
  EXPECT_EQ(ended("l", EndReason::connect_failed), 0u);
  EXPECT_TRUE(run_until([&] { return backend_cells("c", name()).sessions.value == 6; }))
      << "the series is the backend's";
}

TEST_F(NamesTest, SessionWithoutAReachableAddressEndsAsConnectFailed) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  serve_tcp("connect_attempts: 1");
  Socket one = client();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::connect_failed) == 1; }));
  EXPECT_EQ(backend_cells("c", name()).connects.value, 3u);
}

TEST_F(NamesTest, UnresponsiveAddressIsReplacedByTheNextOne) {
  Acceptor& mute = open(0);
  const FullQueue queue(mute);
  open(1);
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_tcp("connect_attempts: 1, timeouts: { connect: 2s }");
  std::vector<Socket> clients, backends;
  for (int n = 0; n < 2; ++n) clients.push_back(client());
  ASSERT_TRUE(run_until([&] { return worker.active() == 2; }));
  for (int i = 0; i < 5; ++i) advance(500ms);
  EXPECT_TRUE(run_until([&] {
    if (wait_ready(acceptors_[1]->fd(), POLLIN, 1ms)) backends.push_back(acceptors_[1]->accept(1s));
    return backends.size() == 2;
  }));
}

TEST_F(NamesTest, RequestTriesTheOtherAddressesOfItsOnlyBackendWithoutARetry) {
  open(1);
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  apply("listeners:\n" + listener_text("cluster: c, retry: { attempts: 0 }") +
        fmt::format("clusters:\n  - {{ name: c, backends: [{}] }}\n", name()));
  for (size_t n = 0; n < 4; ++n) {
    Socket one = client();
    ASSERT_TRUE(one.send(post("/", "abc")));
    Socket server = accepted(*acceptors_[1]);
    EXPECT_THAT(until(server, "abc"), StartsWith("POST / "));
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_EQ(cluster_cells("c").retries.sum(), 0u);
}

TEST_F(NamesTest, RequestsSucceedWhenABackendListensOnOneAddressFamily) {
  open(0);
  names.set("app.test", {"::1", "127.0.0.1"});
  serve_http();
  for (size_t n = 0; n < 4; ++n) {
    Socket one = client();
    ASSERT_TRUE(one.send(get("/")));
    Socket server = accepted(*acceptors_[0]);
    EXPECT_THAT(message(server), StartsWith("GET / "));
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_GT(backend_cells("c", name()).connects.value, 4u) << "the other address was tried, too";
}

TEST_F(NamesTest, RequestThatMayNotBeRetriedTriesTheHeldOffAddressOfItsBackend) {
  Acceptor& held_off = open(1);
  Acceptor& backup = open(2);
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  apply(
      "listeners:\n" + listener_text("cluster: c, retry: { attempts: 0 }") +
      fmt::format("clusters:\n  - {{ name: c, backends: [{}, {{ address: {}, backup: true }}] }}\n",
                  name(), at(2).text()));
  const auto& hosts = store.current()->clusters[0].hosts;
  hosts[1].backend->note_connect_failure(loop.now(), {30s, 30s});
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted(held_off);
  EXPECT_THAT(message(server), StartsWith("GET / "));
  EXPECT_TRUE(no_connection_arrives(backup));
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 200 "));
}

TEST_F(NamesTest, RequestWithoutAReachableAddressIsAnswered502) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_http();
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  EXPECT_TRUE(run_until([&] {
    advance(50ms);
    return ended("l", EndReason::client_closed) > 0 || wait_ready(one.fd(), POLLIN, 1ms);
  }));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
}

TEST_F(NamesTest, AddressWithFailingChecksReceivesNoTraffic) {
  for (size_t i = 0; i < 3; ++i) open(i);
  names.set("app.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  serve_tcp("health_check: { type: tcp }");
  const std::vector<CheckTarget> targets = store.check_targets();
  ASSERT_EQ(targets.size(), 3u);
  targets[0].backend->set_health(Health::down);
  targets[2].backend->set_health(Health::down);
  worker.health_changed();
  for (size_t n = 0; n < 3; ++n) {
    Socket one;
    EXPECT_TRUE(joined(*acceptors_[1], one));
  }
}

TEST_F(NamesTest, BackendWithoutAnAddressReceivesNoTrafficEvenInPanic) {
  Acceptor other;
  serve_tcp("panic_threshold: 100%",
            fmt::format("{}, {}", name("gone.test"), other.address().text()));
  EXPECT_TRUE(store.check_targets().empty());
  for (size_t n = 0; n < 4; ++n) {
    Socket one;
    EXPECT_TRUE(joined(other, one));
  }
  EXPECT_EQ(backend_cells("c", name("gone.test")).connects.value, 0u);
  const ClusterSpec& cluster = store.current()->clusters[0];
  EXPECT_THAT(cluster.hosts[0].failure, HasSubstr("gone.test"));
}

TEST_F(NamesTest, BackendWhoseNameResolvesLaterComesIntoServiceWithoutAReload) {
  serve_tcp();
  Socket refused = client();
  ASSERT_TRUE(run_until([&] { return ended("l", EndReason::no_backend) == 1; }));
  watch_names();
  names.set("app.test", {"127.0.0.1"});
  open(0);
  const uint64_t generation = store.current()->generation;
  advance(1200ms);
  ASSERT_TRUE(run_until([&] { return changes_ > 0; }));
  Socket one;
  EXPECT_TRUE(joined(*acceptors_[0], one));
  EXPECT_EQ(store.current()->generation, generation);
}

TEST_F(NamesTest, NewSessionsUseTheNewAddressAndOpenOnesStay) {
  open(0);
  open(1);
  names.set("app.test", {"127.0.0.1"});
  serve_tcp();
  watch_names();
  Socket before;
  Socket old = joined(*acceptors_[0], before);
  names.set("app.test", {"127.0.0.2"});
  advance(12s);
  ASSERT_TRUE(
      run_until([&] { return store.current()->clusters[0].hosts[0].backend->address() == at(1); }));
  Socket after;
  EXPECT_TRUE(joined(*acceptors_[1], after));
  ASSERT_TRUE(old.send("still here"));
  EXPECT_EQ(until(before, "here"), "still here");
  EXPECT_EQ(backend_cells("c", name()).sessions.value, 2u);
}

TEST_F(NamesTest, FailedLookupKeepsTheAddressesAndIsRepeatedSooner) {
  open(0);
  names.set("app.test", {"127.0.0.1"});
  serve_tcp();
  watch_names();
  names.set("app.test", {});
  const size_t before = names.lookups("app.test");
  advance(12s);
  ASSERT_TRUE(looked_up(before + 1));
  ASSERT_TRUE(run_until([&] { return state_.name_lookups[LookupResult::failed].value == 1; }));
  advance(1200ms);
  ASSERT_TRUE(looked_up(before + 2));
  ASSERT_TRUE(run_until([&] { return state_.name_lookups[LookupResult::failed].value == 2; }));
  advance(1200ms);
  EXPECT_EQ(names.lookups("app.test"), before + 2) << "twice as long the second time";
  advance(1200ms);
  EXPECT_TRUE(looked_up(before + 3));
  Socket one;
  EXPECT_TRUE(joined(*acceptors_[0], one));
}

TEST_F(NamesTest, SameAddressesInAnotherOrderChangeNothing) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_tcp();
  watch_names();
  const std::shared_ptr<const Snapshot> before = store.current();
  names.set("app.test", {"127.0.0.2", "127.0.0.1"});
  const size_t asked = names.lookups("app.test");
  advance(12s);
  ASSERT_TRUE(looked_up(asked + 1));
  turns(5);
  EXPECT_EQ(store.current(), before);
}

TEST_F(NamesTest, DoesNotReportChangesBeforeTheFirstConfigurationIsActive) {
  names.set("app.test", {"127.0.0.1"});
  serve_tcp();
  watched_ = std::make_unique<Names>(loop, lookups, state_, [this] { use_addresses(); });
  turns(2);
  EXPECT_EQ(changes_, 0);
  watched_->use(store.current()->model);
  turns(2);
  EXPECT_EQ(changes_, 1);
}

TEST_F(NamesTest, ReportsSuccessiveChangesOnce) {
  names.set("app.test", {"127.0.0.1"});
  serve_tcp();
  watch_names();
  advance(Names::kCoalesce + 50ms);
  const int before = changes_;
  for (const char* address : {"127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.2"}) {
    names.set("app.test", {address});
    lookups->resolve(store.current()->model);
    turns(2);
    EXPECT_EQ(changes_, before + 1) << "the first one at once";
  }
  advance(Names::kCoalesce + 50ms);
  EXPECT_EQ(changes_, before + 2);
  EXPECT_EQ(store.current()->clusters[0].hosts[0].backend->address(), at(1));
  advance(Names::kCoalesce + 50ms);
  EXPECT_EQ(changes_, before + 2);
}

TEST_F(NamesTest, NameResolvedByAReloadIsNotLookedUpAgainBeforeItsInterval) {
  names.set("app.test", {"127.0.0.1"});
  names.set("new.test", {"127.0.0.2"});
  serve_tcp();
  watch_names();
  serve_tcp("", name("new.test"));
  watched_->use(store.current()->model);
  ASSERT_EQ(names.lookups("new.test"), 1u);
  for (int i = 0; i < 8; ++i) advance(1s);
  EXPECT_EQ(names.lookups("new.test"), 1u);
  advance(4s);
  EXPECT_TRUE(looked_up(2, "new.test"));
}

TEST_F(NamesTest, FailedLookupKeepsTheAddresses) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_tcp();
  lookups->keep_only({});
  EXPECT_FALSE(store.readdress(lookups->known(store.current()->model)));
  EXPECT_FALSE(store.readdress({}));
  EXPECT_EQ(store.current()->clusters[0].hosts.size(), 2u);
}

TEST_F(NamesTest, RemainingAddressKeepsItsHealthWhenOthersChange) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_tcp();
  const std::shared_ptr<Backend> stays = store.current()->clusters[0].hosts[1].backend;
  stays->set_health(Health::down);
  names.set("app.test", {"127.0.0.2", "127.0.0.3"});
  lookups->resolve(store.current()->model);
  use_addresses();
  const ClusterSpec& cluster = store.current()->clusters[0];
  ASSERT_EQ(cluster.hosts.size(), 2u);
  EXPECT_EQ(cluster.hosts[0].backend, stays);
  EXPECT_EQ(cluster.hosts[1].backend->health(), Health::unknown);
}

TEST_F(NamesTest, LoadsAreKeptOnlyForAddressesOfClusters) {
  names.set("app.test", {"127.0.0.1", "127.0.0.2"});
  serve_tcp();
  WorkerMetrics metrics(0);
  auto cluster = std::make_unique<Cluster>(store.current()->clusters[0], metrics, 1);
  for (int i = 3; i < 20; ++i) {
    names.set("app.test", {"127.0.0.1", fmt::format("127.0.0.{}", i)});
    lookups->resolve(store.current()->model);
    const std::shared_ptr<const Snapshot> last = store.current();
    use_addresses();
    auto next = std::make_unique<Cluster>(store.current()->clusters[0], metrics, 1);
    EXPECT_EQ(metrics.loads_of_addresses(), 3u) << "while both clusters are there";
    ++next->load(0);
    EXPECT_EQ(cluster->load(0), 1) << "the address that stays has one load";
    --next->load(0);
    cluster = std::move(next);
    EXPECT_EQ(metrics.loads_of_addresses(), 2u);
  }
}

TEST_F(NamesTest, SourceHashingKeepsClientsOfABackendWhoseAddressesChange) {
  names.set("app.test", {"127.0.0.1"});
  serve_tcp("balance: source_hash",
            fmt::format("{0}, 127.0.0.7:{1}, 127.0.0.8:{1}", name(), port_));
  WorkerMetrics metrics(0);
  const auto backends = [&] {
    const ClusterSpec& spec = store.current()->clusters[0];
    Cluster cluster(spec, metrics, 1);
    std::vector<std::string> picked;
    for (uint64_t i = 0; i < 300; ++i)
      picked.push_back(spec.hosts[cluster.pick(loop.now(), i * 7919, {})].backend->name());
    return picked;
  };
  const auto resolve_to = [&](const std::vector<std::string>& addresses) {
    names.set("app.test", addresses);
    lookups->resolve(store.current()->model);
    use_addresses();
  };
  const std::vector<std::string> before = backends();
  resolve_to({"127.0.0.2"});
  EXPECT_EQ(backends(), before) << "under another address";
  resolve_to({"127.0.0.1", "127.0.0.2"});
  const std::vector<std::string> after = backends();
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] == before[i]) continue;
    EXPECT_EQ(after[i], name()) << "which has the weight of two now";
  }
  EXPECT_NEAR(static_cast<double>(std::ranges::count(after, name())), 150, 45);
}

TEST_F(NamesTest, EveryClusterThatUsesANameGetsItsNewAddresses) {
  names.set("app.test", {"127.0.0.1"});
  apply(
      fmt::format("listeners: [{{ name: l, bind: \"127.0.0.1:0\", cluster: a }}, {{ name: m, bind: "
                  "\"127.0.0.1:0\", cluster: b }}]\n"
                  "clusters: [{{ name: a, backends: [{0}] }}, {{ name: b, backends: [{{ name: x, "
                  "address: {0} }}, "
                  "127.0.0.9:1] }}]\n",
                  name()));
  names.set("app.test", {"127.0.0.3"});
  lookups->resolve(store.current()->model);
  const auto next = store.readdress(lookups->known(store.current()->model));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->changes.size(), 2u);
  EXPECT_EQ(next->changes[1].path, "clusters.b.backends.x");
  EXPECT_EQ(next->changes[1].from, at(0).text());
  EXPECT_EQ(next->changes[1].to, at(2).text());
  EXPECT_EQ(store.current()->clusters[0].hosts[0].backend->address(), at(2));
  EXPECT_EQ(store.current()->clusters[1].hosts[0].backend->address(), at(2));
}

}  // namespace
}  // namespace weir::test
