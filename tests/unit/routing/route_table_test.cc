#include "routing/route_table.h"
#include "http/semantics.h"

#include <cstdlib>
#include <new>

#include "unit/routing/routing_model.h"

namespace {
thread_local uint64_t allocations = 0;
}

// Counts the allocations of this thread. The operators replace those of the whole binary.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  std::abort();
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace weir {
namespace {

using testing::SizeIs;

RouteQuery request(std::string_view host, std::string_view path, std::string_view method = "GET") {
  RouteQuery query;
  query.host = host;
  query.path = path;
  query.method = method;
  return query;
}
std::string name(const Route* route) {
  return route ? route->name : "none";
}

TEST(RouteTable, ReturnsTheFirstMatchWithOrWithoutExactHost) {
  const RouteTable table = routing_table(R"(
    routes:
      - { name: early, match: { path: /early }, cluster: a }
      - { name: exact, match: { hosts: [a.example, A.example], path_prefix: /x }, cluster: a }
      - { name: wild, match: { hosts: ["*.example"] }, cluster: a }
      - { name: behind, match: { hosts: [b.example], path: /y }, cluster: a }
      - { name: other, match: { hosts: [other.test, "*.other.test"] }, cluster: a })");
  EXPECT_EQ(name(table.match(request("a.example", "/early"))), "early");
  EXPECT_EQ(name(table.match(request("a.example", "/x"))), "exact");
  EXPECT_EQ(name(table.match(request("a.example", "/y"))), "wild");
  EXPECT_EQ(name(table.match(request("b.example", "/y"))), "wild")
      << "the wildcard route is listed before the exact host";
  EXPECT_EQ(name(table.match(request("other.test", "/"))), "other");
  EXPECT_EQ(name(table.match(request("x.y.other.test", "/"))), "other");
  EXPECT_EQ(name(table.match(request("unknown.test", "/"))), "none");
  EXPECT_EQ(name(table.match(request("", "/early"))), "early");
  EXPECT_EQ(name(table.match(request("", "/"))), "none");
}

// The index by host must find the same route as trying all routes in order.
TEST(RouteTable, FindsTheSameRouteAsALinearSearch) {
  std::string routes = "    routes:\n";
  for (int i = 0; i < 60; ++i) {
    const char* hosts[] = {"[a.test]", "['*.test']", "[b.test, c.test]", "[c.test, '*.b.test']"};
    routes += "      - { name: r" + std::to_string(i) + ", match: { path_prefix: /" +
              std::to_string(i * 7 % 20) +
              (i % 5 == 4 ? "" : std::string(", hosts: ") + hosts[i % 4]) + " }, cluster: a }\n";
  }
  const RouteTable table = routing_table(routes);
  for (const char* host : {"a.test", "b.test", "c.test", "d.test", "x.b.test", "", "test"})
    for (int i = 0; i < 21; ++i) {
      const std::string path = "/" + std::to_string(i) + "/x";
      const RouteQuery query = request(host, path);
      const Route* found = nullptr;
      for (const Route& route : table.routes())
        if (!found && matches(route.match, query)) found = &route;
      EXPECT_EQ(table.match(query), found) << host << path;
    }
}

TEST(RouteTable, DoesNotAllocateInMatch) {
  const RouteTable table = routing_table(R"(
    routes:
      - match:
          hosts: [a-host-that-does-not-fit-into-a-short-string.example]
          path_prefix: /a/path/that/does/not/fit/either
          headers: { x-a-header-that-is-as-long: "*" }
          query: { a-parameter-that-is-as-long: "*" }
        cluster: a
      - { match: { hosts: ["*.example"] }, clusters: [a, b] })");
  TestFields fields{{{"x-a-header-that-is-as-long", "1"}}};
  RouteQuery query = request("a-host-that-does-not-fit-into-a-short-string.example",
                             "/a/path/that/does/not/fit/either/way");
  query.fields = fields.lookup();
  for (const char* text : {"b=2&a-parameter-that-is-as-long=1", "b=2"}) {
    query.query = text;
    const uint64_t before = allocations;
    const Route* route = table.match(query);
    const size_t cluster = route ? route->pick(7) : 9;
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(cluster, 0u);
  }
}

TEST(RouteTable, TheDefaultRouteComesLast) {
  const RouteTable cluster = routing_table(
      "    cluster: b\n    routes: [{ match: { path: /a }, cluster: a }]\n    retry: { attempts: 4 "
      "}");
  const Route* rest = cluster.match(request("x", "/other"));
  ASSERT_EQ(name(rest), "*");
  EXPECT_EQ(rest->clusters[0].cluster, 1u);
  EXPECT_EQ(rest->index, 1u);
  EXPECT_EQ(rest->retry.attempts(), 4u);
  EXPECT_EQ(cluster.match(request("x", "/a"))->retry.attempts(), 2u);
  EXPECT_TRUE(allows_protocol(rest->upgrades, "websocket"));

  const RouteTable secure = routing_table("    redirect_https: true");
  const Route* redirect = secure.match(request("x", "/"));
  ASSERT_EQ(redirect->action, Route::Action::redirect);
  EXPECT_EQ(redirect->redirect.scheme, "https");
  EXPECT_EQ(redirect->redirect.status, 308);

  const RouteTable named = routing_table(
      "    cluster: b\n    routes: [{ name: '*', match: { path: /a }, cluster: a }]\n");
  EXPECT_EQ(name(named.match(request("x", "/"))), "*#2");
}

TEST(RouteTable, MatchesNothingWithoutRoutes) {
  EXPECT_EQ(RouteTable().match(request("x", "/")), nullptr);
}

TEST(RouteTable, CompilesAllKeysOfARoute) {
  const RouteTable table = routing_table(R"(
    routes:
      - name: all
        match: { headers: { X-A: "1" } }
        cluster: c
        timeouts: { request: 15s, response_idle: 0s }
        headers: { response: { set: { server: weir } } }
        upgrade: [websocket, x-proto]
      - { name: answer, match: { path: /ping }, respond: { status: 204 } }
      - { name: plain, cluster: a, upgrade: none })");
  const Route& all = table.routes()[0];
  EXPECT_EQ(all.match.headers[0].name, "x-a");
  EXPECT_EQ(all.request_timeout.value, 15s);
  ClusterSpec cluster;
  cluster.response_header_timeout.value = 7s;
  cluster.response_idle_timeout.value = 60s;
  EXPECT_EQ(all.response_header_timeout(cluster).value, 7s);
  EXPECT_EQ(all.response_idle_timeout(cluster).value, 0s);
  EXPECT_EQ(all.response_fields.set[0].value, "weir");
  EXPECT_TRUE(allows_protocol(all.upgrades, "WebSocket"));
  EXPECT_TRUE(allows_protocol(all.upgrades, "x-proto"));
  EXPECT_FALSE(allows_protocol(all.upgrades, "x-prot"));
  EXPECT_EQ(table.routes()[1].action, Route::Action::respond);
  EXPECT_EQ(table.routes()[1].respond.status, 204u);
  EXPECT_FALSE(allows_protocol(table.routes()[2].upgrades, "websocket"));
  EXPECT_FALSE(allows_protocol(table.routes()[2].upgrades, "none"));
}

TEST(Split, DistributesByWeight) {
  const RouteTable table = routing_table(R"(
    routes:
      - clusters: [{ name: a, weight: 95 }, { name: b, weight: 5 }, { name: c, weight: 0 }])");
  const Route& route = table.routes()[0];
  EXPECT_THAT(route.clusters, SizeIs(2)) << "clusters of weight 0 are left out";
  uint64_t counts[3] = {};
  constexpr uint64_t kDraws = 1000;
  for (uint64_t i = 0; i < kDraws; ++i) ++counts[route.pick(i * (~uint64_t{0} / kDraws))];
  EXPECT_NEAR(static_cast<double>(counts[0]), 950, 1);
  EXPECT_NEAR(static_cast<double>(counts[1]), 50, 1);
  EXPECT_EQ(route.pick(0), 0u);
  EXPECT_EQ(route.pick(~uint64_t{0}), 1u);
}

TEST(RetryPolicy, AlwaysRetriesRequestsThatNoBackendProcessed) {
  using config::RetryReason;
  const RetryPolicy standard;
  EXPECT_EQ(standard.tries(), 3u);
  for (RetryReason reason : {RetryReason::safe, RetryReason::connect_failure,
                             RetryReason::refused_stream, RetryReason::reused_connection})
    EXPECT_TRUE(standard.on(reason));
  for (RetryReason reason :
       {RetryReason::reset_before_response, RetryReason::timeout, RetryReason::gateway_error})
    EXPECT_FALSE(standard.on(reason));
  for (uint32_t status = 0; status < 700; ++status) EXPECT_FALSE(standard.on_status(status));

  config::Retry more;
  more.on = {"timeout", "gateway_error", "429"};
  const RetryPolicy wide(more);
  EXPECT_TRUE(wide.on(RetryReason::connect_failure)) << "listed or not";
  EXPECT_TRUE(wide.on(RetryReason::timeout));
  for (uint32_t status : {429, 502, 503, 504}) EXPECT_TRUE(wide.on_status(status));
  EXPECT_FALSE(wide.on_status(500));

  more.attempts = 0;
  const RetryPolicy off(more);
  EXPECT_FALSE(off.on(RetryReason::safe) || off.on_status(503));
}

TEST(RetryPolicy, RetriesUnsafeMethodsOnlyIfListedAndAlwaysUnprocessedRequests) {
  using config::RetryReason;
  const auto listing = [](std::vector<std::string> on) {
    config::Retry retry;
    retry.on = std::move(on);
    return RetryPolicy(retry);
  };
  EXPECT_FALSE(RetryPolicy().repeats_changes());
  EXPECT_FALSE(listing({"timeout", "503"}).repeats_changes());
  EXPECT_TRUE(listing({"timeout", "503"}).on(RetryReason::reused_connection)) << "as by default";
  EXPECT_TRUE(listing({"reused_connection"}).repeats_changes());
  EXPECT_TRUE(listing({"reset_before_response"}).repeats_changes());
  const RetryPolicy least = listing({"unprocessed"});
  EXPECT_TRUE(least.on(RetryReason::connect_failure));
  EXPECT_TRUE(least.on(RetryReason::unprocessed));
  EXPECT_FALSE(least.on(RetryReason::safe));
  EXPECT_FALSE(least.on(RetryReason::reused_connection));
  EXPECT_TRUE(listing({"unprocessed", "safe"}).on(RetryReason::reused_connection));
}

TEST(RetryPolicy, PausesGrowUpToTheirMaximum) {
  const RetryPolicy policy;
  EXPECT_EQ(policy.pause(1), 25ms);
  EXPECT_EQ(policy.pause(2), 50ms);
  EXPECT_EQ(policy.pause(4), 200ms);
  EXPECT_EQ(policy.pause(5), 250ms);
  EXPECT_EQ(policy.pause(4'000'000'000u), 250ms);
}

}  // namespace
}  // namespace weir
