// The time of a reload per backend, route and cluster does not depend on their number: four times
// as many cost about four times as much.
#include "config/findings.h"
#include "config/load.h"
#include "config/validate.h"
#include "control/snapshot_store.h"
#include "control/touched_sessions.h"
#include "metrics/series_budget.h"
#include "support/growth.h"

#include <set>

namespace weir::test {
namespace {

constexpr size_t kMany = 5'000;  // and four times as many

std::string numbered(const char* name, size_t i) {
  return name + std::to_string(i);
}

// One HTTP listener; `n` routes, clusters and backends.
Candidate candidate(size_t clusters, const std::string& changed_address = {}) {
  Candidate result;
  config::Model& model = result.loaded.model;
  config::Listener& listener = model.listeners.emplace_back();
  listener.name = "web";
  listener.bind = {"127.0.0.1:0"};
  listener.protocol = config::Protocol::http;
  for (size_t i = 0; i < clusters; ++i) {
    config::Route& route = listener.routes.emplace_back();
    route.name = route.cluster = numbered("c", i);
    route.match.path = numbered("/", i);
    config::Cluster& cluster = model.clusters.emplace_back();
    cluster.name = route.cluster;
    config::Backend& backend = cluster.backends.emplace_back();
    backend.name = "b";
    backend.address = i == 0 && !changed_address.empty() ? changed_address : "127.0.0.1:9";
    result.addresses[backend.address] = {{*Address::parse(backend.address)}, {}};
  }
  return result;
}

void put_in_force(SnapshotStore& store, const Candidate& candidate) {
  Result<SnapshotStore::Prepared> prepared = store.prepare(candidate);
  ASSERT_TRUE(prepared) << prepared.error().text();
  for (const WorkerUpdate& update : store.commit(std::move(*prepared), TimePoint{1h}))
    for (const SocketAssignment& socket : update.sockets)
      if (socket.fd >= 0) ::close(socket.fd);
}

TEST(LargeConfiguration, IsCompiledInLinearTime) {
  const auto cost_of_a_reload = [](size_t size) {
    SnapshotStore store(1, 1024);
    put_in_force(store, candidate(size));
    const Candidate next = candidate(size, "127.0.0.1:10");
    return cost_of([&] { put_in_force(store, next); });
  };
  EXPECT_LT(growth(kMany, cost_of_a_reload), kNearlyLinear);
}

TEST(LargeConfiguration, UnchangedClusterIsSharedWithThePreviousSnapshot) {
  SnapshotStore store(1, 1024);
  put_in_force(store, candidate(3));
  const std::shared_ptr<const Snapshot> before = store.current();
  put_in_force(store, candidate(3, "127.0.0.1:10"));
  const Snapshot& now = *store.current();
  EXPECT_NE(now.clusters.shared(0), before->clusters.shared(0));
  EXPECT_EQ(now.clusters.shared(1), before->clusters.shared(1));
  EXPECT_EQ(now.clusters_before, (std::vector<size_t>{0, 1, 2}));
}

TEST(LargeConfiguration, BackendIsMatchedByItsContents) {
  SnapshotStore store(1, 1024);
  put_in_force(store, candidate(3));
  const std::shared_ptr<const Snapshot> before = store.current();
  const HostSpec& first = before->clusters[0].hosts[0];
  EXPECT_EQ(before->host_of(*first.backend), &first);
  put_in_force(store, candidate(3, "127.0.0.1:10"));
  EXPECT_EQ(store.current()->host_of(*first.backend), nullptr) << "it has another address now";
  EXPECT_NE(store.current()->host_of(*before->clusters[2].hosts[0].backend), nullptr);
}

TEST(LargeConfiguration, SessionsUnderManyChangesAreCountedInLinearTime) {
  const auto cost_of_counting = [](size_t size) {
    SnapshotStore store(1, 1024);
    put_in_force(store, candidate(size));
    WorkerMetrics metrics(0);
    for (const ClusterSpec& cluster : store.current()->clusters)
      metrics.backend(cluster.hosts[0].series).active.add();
    metrics.load(store.current()->clusters[7].hosts[0].series) = 3;
    const WorkerReports reports{std::make_shared<const WorkerReport>(metrics.report())};
    uint64_t sessions = 0;
    const Duration cost = cost_of([&] {
      const TouchedSessions touched(*store.current(), reports);
      config::Change change;
      change.backend = "b";
      for (size_t i = 0; i < size; ++i) {
        change.cluster = numbered("c", i);
        sessions += touched.of(change);
      }
    });
    EXPECT_EQ(sessions, 3u) << "an idle connection to a backend is no session";
    return cost;
  };
  EXPECT_LT(growth(kMany, cost_of_counting), kNearlyLinear);
}

TEST(LargeConfiguration, RoutesBeyondTheSeriesLimitShareOneSeries) {
  SnapshotStore store(1, 1024);
  Candidate many = candidate(100);
  const SeriesDemand demand{.workers = 1,
                            .listeners = 1,
                            .clusters = 100,
                            .backends = 100,
                            .routes = 100,
                            .http_listeners = 1,
                            .http_clusters = 100,
                            .http_backends = 100};
  uint64_t& most = many.loaded.model.metrics.max_series;
  for (most = 1; routes_with_series(demand, most) < 40;) most += 10;
  // A backend has one series, however many addresses.
  for (const char* address : {"127.0.0.2:9", "127.0.0.3:9"})
    many.addresses["127.0.0.1:9"].addresses.push_back(*Address::parse(address));
  put_in_force(store, many);
  const Snapshot& snapshot = *store.current();
  const std::vector<uint32_t>& series = snapshot.listeners[0].route_series;
  ASSERT_EQ(series.size(), 101u);
  ASSERT_EQ(snapshot.folded_routes, 60u);
  const size_t own = 40;
  EXPECT_EQ(std::set<uint32_t>(series.begin(), series.end()).size(), own + 2);
  EXPECT_EQ(store.series().routes().all()[series[own]].name.route, numbered("c", own - 1));
  EXPECT_EQ(store.series().routes().all()[series.back()].name.route, kOtherRoute);
}

TEST(LargeConfiguration, SeriesAreNumberedInLinearTime) {
  const auto cost_of_numbering = [](size_t size) {
    SeriesRegistry registry;
    return cost_of([&] {
      for (size_t i = 0; i < size; ++i) registry.backend("c", numbered("b", i));
    });
  };
  EXPECT_LT(growth(kMany / 2, cost_of_numbering), kNearlyLinear);
}

TEST(LargeConfiguration, RoutesWithTheSameMatchAreNamedInLinearTime) {
  const auto cost_of_loading = [](size_t size) {
    std::string yaml =
        "clusters: [{ name: c, backends: ['127.0.0.1:9'] }]\n"
        "listeners:\n  - bind: ':80'\n    protocol: http\n    routes:\n";
    for (size_t i = 0; i < size; ++i) yaml += "      - { match: { path: /a }, cluster: c }\n";
    return cost_of([&] {
      const config::Loaded loaded = config::load_text(yaml, "weir.yaml", {});
      ASSERT_EQ(loaded.model.listeners.at(0).routes.size(), size);
      EXPECT_EQ(loaded.model.listeners[0].routes.back().name, "/a#" + std::to_string(size));
    });
  };
  EXPECT_LT(growth(kMany / 4, cost_of_loading), kNearlyLinear);
}

TEST(LargeConfiguration, ClustersWithProxyProtocolAreCheckedInLinearTime) {
  const auto cost_of_checking = [](size_t size) {
    config::Model model = candidate(size).loaded.model;
    for (config::Route& route : model.listeners[0].routes) route.cluster = "c0";
    for (config::Cluster& cluster : model.clusters)
      cluster.proxy_protocol = config::ProxyVersion::v2;
    config::Sources sources;
    sources.add("weir.yaml", "");
    config::Findings findings(sources);
    return cost_of([&] { config::validate(model, {}, findings); });
  };
  EXPECT_LT(growth(kMany / 2, cost_of_checking), kNearlyLinear);
}

}  // namespace
}  // namespace weir::test
