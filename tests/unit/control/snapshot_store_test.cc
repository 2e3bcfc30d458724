#include "control/snapshot_store.h"

#include <cstdlib>

#include "support/tls_peer.h"

namespace weir {
namespace {

using testing::ElementsAre;

constexpr const char* kYaml = R"(
listeners:
  - name: web
    bind: "127.0.0.1:0"
    protocol: http
    routes:
      - { match: { path: /a }, clusters: [c, { name: a, weight: 2 }, { name: b, weight: 0 }] }
      - { match: { path: /b }, cluster: c }
  - { name: rest, bind: "127.0.0.1:0", protocol: http, cluster: b }
  - { name: raw, bind: "127.0.0.1:0", cluster: b }
clusters:
  - { name: a, backends: ["127.0.0.1:9"] }
  - { name: b, backends: ["127.0.0.1:9"], timeouts: { response_header: 5s, idle: 9s }, pool: { max_idle: 7 } }
  - { name: c, backends: ["127.0.0.1:9"], outlier_detection: { consecutive_errors: 3 } }
)";

TEST(SnapshotStore, CompilesHttpListenersAndTheirClusters) {
  Candidate candidate;
  candidate.loaded =
      config::load_text(kYaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(candidate.loaded.valid());
  candidate.addresses["127.0.0.1:9"] = {{*Address::parse("127.0.0.1:9")}, {}};
  SnapshotStore store(1, 1024);
  Result<SnapshotStore::Prepared> prepared = store.prepare(candidate);
  ASSERT_TRUE(prepared) << prepared.error().text();
  const Snapshot& snapshot = *prepared->snapshot;

  const ListenerSpec& web = snapshot.listeners[0];
  EXPECT_EQ(web.protocol, config::Protocol::http);
  EXPECT_EQ(web.cluster, kNoCluster);
  EXPECT_THAT(web.clusters, ElementsAre(0u, 2u)) << "a cluster of weight 0 gets no requests";
  ASSERT_TRUE(web.http);
  EXPECT_EQ(web.http->routes.routes().size(), 2u);
  EXPECT_EQ(snapshot.cluster_names(web), "a, c");

  const ListenerSpec& rest = snapshot.listeners[1];
  EXPECT_EQ(rest.cluster, 1u);
  EXPECT_THAT(rest.clusters, ElementsAre(1u));
  EXPECT_EQ(rest.http->routes.routes().at(0).clusters.at(0).cluster, 1u);

  const ListenerSpec& raw = snapshot.listeners[2];
  EXPECT_EQ(raw.protocol, config::Protocol::tcp);
  EXPECT_THAT(raw.clusters, ElementsAre(1u));
  EXPECT_FALSE(raw.http);

  EXPECT_EQ(snapshot.clusters[1].response_header_timeout.value, 5s);
  EXPECT_EQ(snapshot.clusters[1].pool_idle_timeout.value, 9s);
  EXPECT_EQ(snapshot.clusters[1].pool.max_idle, 7u);
  EXPECT_FALSE(snapshot.clusters[1].outlier_detection);
  EXPECT_EQ(snapshot.clusters[2].outlier_detection->consecutive_errors, 3u);
  EXPECT_EQ(snapshot.place(snapshot.clusters[1].pool_idle_timeout.location), "weir.yaml:13:82");
}

TEST(SnapshotStore, ChecksUseTlsLikeTheirClusterUnlessTheyAreToldOtherwise) {
  test::TestAuthority authority;
  ::setenv("SSL_CERT_FILE", authority.file().c_str(), 1);
  const std::string tls = "tls: { ca: '" + authority.file() + "' }";
  const std::string yaml = R"(
listeners:
  - { bind: "127.0.0.1:0", protocol: http, routes: [{ clusters: [plain, secure, only_checks, no_checks] }] }
defaults: { health_check: {} }
clusters:
  - { name: plain, backends: ["127.0.0.1:9"] }
  - { name: secure, backends: ["127.0.0.1:9"], )" +
                           tls + R"( }
  - { name: only_checks, backends: ["127.0.0.1:9"], health_check: { tls: true } }
  - { name: no_checks, backends: ["127.0.0.1:9"], health_check: { tls: false }, )" +
                           tls + " }\n";
  Candidate candidate;
  candidate.loaded =
      config::load_text(yaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(candidate.loaded.valid()) << format_text(candidate.loaded.diagnostics, false);
  candidate.addresses["127.0.0.1:9"] = {{*Address::parse("127.0.0.1:9")}, {}};
  candidate.tls = load_tls(candidate.loaded);
  ::unsetenv("SSL_CERT_FILE");
  SnapshotStore store(1, 1024);
  const Result<SnapshotStore::Prepared> prepared = store.prepare(candidate);
  ASSERT_TRUE(prepared) << prepared.error().text();
  std::vector<std::string> found;
  for (size_t i = 0; i < 4; ++i) {
    const ClusterSpec& cluster = prepared->snapshot->clusters[i];
    found.push_back(cluster.name + (cluster.tls ? " requests" : "") +
                    (prepared->checks.at(i).tls ? " checks" : ""));
  }
  EXPECT_THAT(found, ElementsAre("plain", "secure requests checks", "only_checks checks",
                                 "no_checks requests"));
}

}  // namespace
}  // namespace weir
