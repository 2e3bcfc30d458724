// A file with HTTP listeners: the model, the plan, the printed configuration.
#include <filesystem>
#include <fstream>

#include "config/print.h"
#include "config/route_tests.h"
#include "support/config_read.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

constexpr const char* kClusters = "clusters: [{ name: app, backends: ['a:1'] }]\n";

Listener listener(const std::string& routes) {
  return model("listeners:\n  - bind: ':80'\n    protocol: http\n    routes:\n" + routes +
               kClusters)
      .listeners.at(0);
}

TEST(Http2, IsEnabledWith100StreamsByDefault) {
  const Model read = model(std::string("listeners: [{ bind: ':80', protocol: http, cluster: app }, "
                                       "{ bind: ':81', protocol: http, cluster: app, http2: { "
                                       "enabled: false, max_streams: 7 } }]\n") +
                           kClusters);
  EXPECT_TRUE(read.listeners[0].http2.enabled);
  EXPECT_EQ(read.listeners[0].http2.max_streams, 100u);
  EXPECT_FALSE(read.listeners[1].http2.enabled);
  EXPECT_EQ(read.listeners[1].http2.max_streams, 7u);
}

TEST(Http2, OfClustersIsOffByDefault) {
  const Model read = model(
      "listeners: [{ bind: ':80', protocol: http, routes: [{ clusters: [app, two, any] }] }]\n"
      "clusters:\n"
      "  - { name: app, backends: ['a:1'] }\n"
      "  - { name: two, backends: ['a:2'], protocol: http2, pool: { max_streams: 9 } }\n"
      "  - { name: any, backends: ['a:3'], protocol: auto, tls: {} }\n");
  EXPECT_EQ(read.clusters[0].protocol, BackendProtocol::http1);
  EXPECT_EQ(read.clusters[0].pool.max_streams, 100u);
  EXPECT_EQ(read.clusters[1].protocol, BackendProtocol::http2);
  EXPECT_EQ(read.clusters[1].pool.max_streams, 9u);
  EXPECT_EQ(read.clusters[2].protocol, BackendProtocol::automatic);
}

TEST(HealthChecks, OfGrpcHaveAService) {
  const Model read = model(
      "listeners: [{ bind: ':80', protocol: http, cluster: app }]\nclusters: [{ name: app, "
      "backends: "
      "['a:1'], health_check: { type: grpc, service: shop.Cart } }]\n");
  EXPECT_EQ(read.clusters[0].health_check->type, HealthCheck::Type::grpc);
  EXPECT_EQ(read.clusters[0].health_check->service, "shop.Cart");
}

TEST(Routes, AreReadAsTheyAreWritten) {
  const Route route = listener(R"(
      - name: api
        match: { hosts: [API.example.com], path_prefix: /v1, methods: [GET], headers: { X-A: "1" }, query: { b: "*" } }
        cluster: app
        rewrite: { strip_prefix: /v1, host: app.internal:80 }
        headers: { request: { set: { X-Env: prod }, add: { x-b: "2" }, remove: x-debug } }
        timeouts: { request: 15s, response_header: 0s }
        retry: { on: [timeout, "503"] }
)")
                          .routes.at(0);
  EXPECT_THAT(route.match.hosts, ElementsAre("api.example.com"));
  EXPECT_THAT(route.match.headers, ElementsAre(NamedValue{"X-A", "1"}));
  EXPECT_THAT(route.match.query, ElementsAre(NamedValue{"b", "*"}));
  EXPECT_THAT(route.headers.request.set, ElementsAre(NamedValue{"X-Env", "prod"}));
  EXPECT_THAT(route.headers.request.remove, ElementsAre("x-debug"));
  EXPECT_EQ(route.timeouts.request.value, 15s);
  EXPECT_EQ(route.timeouts.request.location.line, 11u);
  ASSERT_TRUE(route.timeouts.response_header);
  EXPECT_FALSE(route.timeouts.response_header->enabled());
  EXPECT_EQ(route.timeouts.response_header->location.line, 11u);
  EXPECT_FALSE(route.timeouts.response_idle) << "that of the cluster";
  EXPECT_THAT(route.retry.on, ElementsAre("timeout", "503")) << "in place of the default";
  EXPECT_THAT(route.upgrade, ElementsAre("websocket")) << "the default";
}

TEST(Routes, WithoutANameAreNamedAfterTheirMatch) {
  const Listener web = listener(R"(
      - { match: { hosts: [a.example, b.example], path_prefix: /v1/, methods: [GET, HEAD] }, cluster: app }
      - { match: { path: /ping, headers: { x-a: "1" } }, cluster: app }
      - { match: { path: /ping }, cluster: app }
      - { name: "*", match: { path: /star }, cluster: app }
      - { cluster: app }
)");
  std::vector<std::string> names;
  for (const Route& route : web.routes) names.push_back(route.name);
  EXPECT_THAT(names, ElementsAre("GET,HEAD:a.example/v1/*", "/ping", "/ping#2", "*", "*#2"));
}

TEST(Defaults, FillInRetriesKeyByKeyAtEveryDepth) {
  const Model filled = model(R"(
defaults:
  retry: { attempts: 1, backoff: { base: 10ms, max: 20ms } }
  timeouts: { idle: 10m, keep_alive: 5s }
  health_check: { path: /healthz, headers: { x-probe: "1" } }
listeners:
  - bind: ":80"
    protocol: http
    cluster: app
    routes:
      - { match: { path: /a }, cluster: app, retry: { backoff: { max: 50ms } } }
      - { match: { path: /b }, cluster: app, retry: { attempts: 5 } }
  - { bind: ":81", cluster: raw }
clusters:
  - { name: app, backends: ["a:1"], health_check: { type: http } }
  - { name: raw, backends: ["a:1"], health_check: { type: tcp } }
)");
  const Listener& web = filled.listeners[0];
  EXPECT_EQ(web.retry.attempts, 1u);
  EXPECT_EQ(web.routes[0].retry.attempts, 1u);
  EXPECT_EQ(web.routes[0].retry.backoff.base, 10ms);
  EXPECT_EQ(web.routes[0].retry.backoff.max, 50ms);
  EXPECT_EQ(web.routes[1].retry.attempts, 5u);
  EXPECT_EQ(web.routes[1].retry.backoff.max, 20ms);
  EXPECT_EQ(web.timeouts.keep_alive.value, 5s);
  EXPECT_EQ(web.timeouts.idle.value, 1h) << "for TCP only";
  EXPECT_EQ(filled.listeners[1].timeouts.idle.value, 10min);
  EXPECT_EQ(filled.listeners[1].timeouts.keep_alive.value, 75s) << "for HTTP only";
  EXPECT_EQ(filled.listeners[1].retry.attempts, 2u) << "for HTTP only";
  EXPECT_EQ(filled.clusters[0].timeouts.idle.value, 60s) << "idle of the defaults is a listener's";
  EXPECT_EQ(filled.clusters[0].health_check->path, "/healthz");
  EXPECT_THAT(filled.clusters[0].health_check->headers, ElementsAre(NamedValue{"x-probe", "1"}));
  EXPECT_EQ(filled.clusters[1].health_check->path, "/") << "for HTTP only";
}

TEST(Defaults, AreCheckedEvenWhenNothingUsesThem) {
  const Loaded loaded = read(
      "defaults: { retry: { backof: {} } }\n"
      "listeners: [{ bind: ':80', cluster: app }]\n" +
      std::string(kClusters));
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "E103");
  EXPECT_THAT(loaded.diagnostics[0].hint, HasSubstr("'backoff'"));
}

constexpr const char* kRoutesBefore = R"(
listeners:
  - name: web
    bind: ":80"
    protocol: http
    routes:
      - { name: a, match: { path: /a, headers: { x-a: "1" } }, cluster: app }
      - { name: b, match: { path: /b }, clusters: [{ name: app, weight: 9 }, other] }
      - { name: c, match: { path: /c }, respond: { status: 204 } }
clusters:
  - { name: app, backends: ["a:1"] }
  - { name: other, backends: ["b:1"] }
)";

TEST(Plan, ReportsWhatChangesForRequests) {
  const std::vector<Change> changes = plan(model(kRoutesBefore), model(R"(
listeners:
  - name: web
    bind: ":80"
    protocol: http
    cluster: app
    limits: { max_body_size: 1MiB }
    routes:
      - { name: c, match: { path: /c }, redirect: { path: /d } }
      - { name: a, match: { path: /a, headers: { x-a: "2", x-b: "1" } }, cluster: app }
      - { name: b, match: { path: /b }, clusters: [{ name: app, weight: 5 }, other], upgrade: none }
clusters:
  - { name: app, backends: ["a:1"], pool: { max_idle: 5 }, outlier_detection: {} }
  - { name: other, backends: ["b:1"] }
)"));
  EXPECT_THAT(
      lines(changes),
      ElementsAre("new_sessions listeners.web.cluster: (none) → app",
                  "new_requests listeners.web.routes: a, b, c → c, a, b",
                  "new_requests listeners.web.routes.c.respond removed",
                  "new_requests listeners.web.routes.c.redirect added",
                  "new_requests listeners.web.routes.a.match.headers: x-a: 1 → x-a: 2, x-b: 1",
                  "new_requests listeners.web.routes.b.clusters.app.weight: 9 → 5",
                  "new_requests listeners.web.routes.b.upgrade: websocket → none",
                  "new_requests listeners.web.limits.max_body_size: 0 → 1MiB",
                  "new_sessions clusters.app.outlier_detection added",
                  "new_requests clusters.app.pool.max_idle: 64 → 5"));
  EXPECT_EQ(changes[5].listener, "web");
}

TEST(Print, WritesMapsThatLoadAgain) {
  const Loaded loaded = read(R"(
listeners:
  - bind: ":80"
    protocol: http
    routes:
      - match: { query: { "a b": "*", "": x } }
        cluster: app
      - match: { headers: { x-a: "${A:-1}" }, query: { "true": "a: b", "1": "" } }
        cluster: app
        upgrade: none
)" + std::string(kClusters));
  EXPECT_EQ(loaded.diagnostics.size(), 1u) << "a parameter without a name";
  Loaded good = read(R"(
listeners:
  - bind: ":80"
    protocol: http
    routes:
      - match: { headers: { x-a: "${A:-1}" }, query: { "true": "a: b", "1": "", "a b": "*" } }
        cluster: app
        upgrade: none
)" + std::string(kClusters));
  ASSERT_TRUE(good.valid()) << format_text(good.diagnostics, false);
  const Loaded again = read(to_yaml(good.model));
  ASSERT_TRUE(again.valid()) << format_text(again.diagnostics, false) << to_yaml(good.model);
  EXPECT_EQ(again.hash, good.hash);
  EXPECT_THAT(effective_yaml(good), HasSubstr("x-a: \"1\"  # weir.yaml:6 (environment: A)\n"));
}

TEST(Print, EffectiveValuesAreThoseOfTheProtocol) {
  const Loaded loaded = read(
      "listeners: [{ bind: ':80', cluster: app }, { bind: ':81', protocol: http, cluster: app "
      "}]\n" +
      std::string(kClusters));
  ASSERT_TRUE(loaded.valid());
  const std::string yaml = effective_yaml(loaded);
  const std::string http = yaml.substr(yaml.find("bind: :81"));
  const std::string tcp = yaml.substr(0, yaml.find("bind: :81"));
  EXPECT_THAT(tcp, HasSubstr(" idle: 1h"));
  EXPECT_THAT(tcp, Not(HasSubstr("keep_alive")));
  EXPECT_THAT(http.substr(0, http.find("clusters:")), Not(HasSubstr(" idle: 1h")));
  EXPECT_THAT(http, HasSubstr("keep_alive: 1m15s"));
  const Loaded again = read(yaml);
  ASSERT_TRUE(again.valid()) << format_text(again.diagnostics, false);
  EXPECT_EQ(again.hash, loaded.hash);
}

TEST(Validation, FileWithoutClustersMayAnswerAndRedirect) {
  const Model redirects =
      model("listeners: [{ bind: ':80', protocol: http, redirect_https: true }]\n");
  EXPECT_TRUE(redirects.listeners[0].redirect_https);
}

TEST(Validation, ComparesABoundedNumberOfRoutes) {
  std::string yaml = "listeners:\n  - bind: ':80'\n    protocol: http\n    routes:\n";
  for (int i = 0; i < 5000; ++i)
    yaml += "      - { match: { path: /" + std::to_string(i) + " }, cluster: app }\n";
  EXPECT_TRUE(read(yaml + kClusters).valid());
}

class RouteTestFile : public testing::Test {
 protected:
  LoadedRouteTests load(std::string_view yaml) {
    std::ofstream(path_) << yaml;
    return load_route_tests(path_, [](const std::string&) { return std::nullopt; });
  }
  ~RouteTestFile() override { fs::remove(path_); }

  const std::string path_ =
      (fs::temp_directory_path() / ("weir_route_tests_" + std::to_string(::getpid()) + ".yaml"))
          .string();
};

TEST_F(RouteTestFile, IsReadWithPlaces) {
  const LoadedRouteTests loaded = load(R"(tests:
  - request: { host: A.example, path: "/x?y=1", headers: { x-a: "1" } }
    expect: { route: none }
  - name: moved
    request: { method: POST }
    expect: { status: 308, location: https://a.example/ }
)");
  ASSERT_TRUE(loaded.valid()) << format_text(loaded.diagnostics, false);
  ASSERT_EQ(loaded.file.tests.size(), 2u);
  EXPECT_EQ(loaded.file.tests[0].request.host, "a.example");
  EXPECT_EQ(loaded.file.tests[0].expect.route, "none");
  EXPECT_EQ(loaded.file.tests[0].location.line, 2u);
  EXPECT_EQ(loaded.file.tests[1].expect.status, 308u);
  EXPECT_EQ(loaded.file.tests[1].location.line, 4u);
}

TEST_F(RouteTestFile, ReportsItsErrors) {
  const auto codes = [](const LoadedRouteTests& loaded) {
    std::vector<std::string> result;
    for (const Diagnostic& d : loaded.diagnostics) result.push_back(d.code);
    return result;
  };
  EXPECT_THAT(codes(load("tests:\n  - { request: { hots: a }, expect: { status: x } }\n")),
              ElementsAre("E103", "E110"));
  EXPECT_THAT(codes(load("- request: {}\n")), ElementsAre("E102"));
  EXPECT_THAT(codes(load("test: []\n")), ElementsAre("E103", "E101"));
  EXPECT_THAT(codes(load("")), ElementsAre("E003"));
  const LoadedRouteTests flat = load("tests:\n  - { path: /a, cluster: app }\n");
  EXPECT_THAT(format_text(flat.diagnostics, false),
              AllOf(HasSubstr("'path' belongs under 'request' of tests"),
                    HasSubstr("'cluster' belongs under 'expect' of tests")));
  fs::remove(path_);
  EXPECT_THAT(codes(load_route_tests("/nowhere/tests.yaml", {})), ElementsAre("E001"));
}

}  // namespace
}  // namespace weir::config
