#include "cli/explain.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/expectations.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kYaml = R"(listeners:
  - name: web
    bind: ":80"
    protocol: http
    cluster: main
    routes:
      - { name: ping, match: { path: /ping }, respond: { status: 204 } }
      - { name: old, match: { path_prefix: /old }, redirect: { prefix: /new, status: 308 } }
      - name: api
        match: { hosts: [api.example], path_prefix: /v1, methods: [GET], headers: { x-a: "1" }, query: { q: "*" } }
        clusters: [{ name: main, weight: 3 }, side]
        rewrite: { strip_prefix: /v1, host: app.internal }
  - { name: raw, bind: ":81", cluster: side }
clusters:
  - name: main
    backends: [{ name: one, address: "a:1", weight: 2 }, { address: "b:1", backup: true, state: drain }]
  - { name: side, backends: ["c:1"] }
)";

class Explain : public testing::Test {
 protected:
  const config::Loaded loaded_ =
      config::load_text(kYaml, "weir.yaml", [](const std::string&) { return std::nullopt; });

  Explanation only(const AskedRequest& request) {
    Result<std::vector<Explanation>> found = explain(loaded_, request);
    EXPECT_TRUE(found);
    return found ? found->at(0) : Explanation();
  }
};

TEST_F(Explain, ReportsWhyEachEarlierRouteDoesNotMatch) {
  EXPECT_EQ(explanation_text(only({.host = "api.example", .path = "/v1/x"})),
            "listener web, http, :80\n"
            "  route ping: no, the path is not /ping  (weir.yaml:7)\n"
            "  route old: no, the path is not under /old  (weir.yaml:8)\n"
            "  route api: no, header 'x-a' is missing  (weir.yaml:9)\n"
            "  route *: yes  (weir.yaml:2)\n"
            "  forwarded: /v1/x, host api.example\n"
            "  cluster main, least_connections\n"
            "    a:1 (one), weight 2\n"
            "    b:1, backup, drain: gets no new sessions\n");
  const auto why = [&](AskedRequest request) { return only(request).passed.at(2).why; };
  EXPECT_EQ(why({.host = "x", .path = "/v1"}), "the host is not api.example");
  EXPECT_EQ(why({.host = "api.example", .path = "/v1", .method = "PUT"}), "the method is not GET");
  EXPECT_EQ(why({.host = "api.example", .path = "/v1", .headers = {{"X-A", "2"}}}),
            "header 'x-a' is not '1'");
  EXPECT_EQ(why({.host = "api.example", .path = "/v1?p=1", .headers = {{"x-a", "1"}}}),
            "parameter 'q' is missing");
}

TEST_F(Explain, ShowsASplitAndTheRequestToTheBackend) {
  const Explanation api =
      only({.host = "API.example:8080", .path = "/v1/x?q=1", .headers = {{"X-A", "1"}}});
  EXPECT_THAT(explanation_text(api),
              AllOf(HasSubstr("  route api: yes  (weir.yaml:9)\n"),
                    HasSubstr("  forwarded: /x?q=1, host app.internal\n"),
                    HasSubstr("  cluster main, least_connections, 3 of 4 requests\n"),
                    HasSubstr("  cluster side, round_robin, 1 of 4 requests\n    c:1\n")));
}

TEST_F(Explain, ShowsAnswersAndRedirects) {
  EXPECT_THAT(explanation_text(only({.host = "x", .path = "/ping"})), HasSubstr("answered: 204\n"));
  EXPECT_THAT(explanation_text(only({.host = "x:8080", .path = "/old/y?a=1"})),
              HasSubstr("redirected: 308 http://x:8080/new/y?a=1\n"));
  EXPECT_THAT(explanation_text(only({.path = "/old"})),
              HasSubstr("  refused: 400, a redirect needs a Host field\n"));
}

// tests/unit/routing/path_choice_test.cc covers all readings.
TEST_F(Explain, ReportsWhichReadingOfThePathDecided) {
  const Explanation ping = only({.host = "x", .path = "//a/..//ping"});
  EXPECT_EQ(ping.route.name, "ping");
  EXPECT_EQ(ping.path, "/ping");
  EXPECT_THAT(explanation_text(ping),
              HasSubstr("note: the path is matched and forwarded in its normal form /ping: as "
                        "received, or normalized in part, it would match route *\n"));
  const Explanation same = only({.host = "x", .path = "/a//b/./c?d=//"});
  EXPECT_EQ(same.target, "/a//b/./c?d=//");
  EXPECT_THAT(explanation_text(same),
              HasSubstr("note: the path is matched and forwarded as received: all its readings "
                        "match the same route\n"));
  EXPECT_EQ(only({.host = "x", .path = "/old/./y"}).location, "http://x/new/./y");
  EXPECT_EQ(only({.host = "x", .path = "/plain"}).note, "");
  const Explanation refused = only({.host = "x", .path = "/a%2f..%2fping"});
  EXPECT_THAT(explanation_text(refused),
              AllOf(HasSubstr("note: some servers read the path as /ping, which would match route "
                              "ping\n"),
                    HasSubstr("refused: 400, an encoded slash in the path changes its route\n")));
  const auto document = nlohmann::json::parse(explanation_json({ping, same, refused}));
  EXPECT_EQ(document.at("listeners").at(0).at("reading"), "normal");
  EXPECT_EQ(document.at("listeners").at(1).at("reading"), "as_sent");
  EXPECT_EQ(document.at("listeners").at(2).at("reading"), "refused");
}

TEST_F(Explain, UsesTheSchemeOfTheClientForRedirects) {
  const config::Loaded loaded = config::load_text(
      "listeners:\n"
      "  - { name: secure, bind: ':443', protocol: http, tls: { certificates: [{ cert: a, key: b "
      "}] "
      "}, routes: [{ match: { path_prefix: /blog }, redirect: { prefix: /news } }] }\n"
      "  - { name: inner, bind: ':80', protocol: http, trusted_proxies: 10.0.0.1, redirect_https: "
      "true }\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  EXPECT_EQ(explain(loaded, {.listener = "secure", .host = "a.test", .path = "/blog/x?y=1"})
                ->at(0)
                .location,
            "https://a.test/news/x?y=1");
  AskedRequest request{.listener = "inner", .host = "a.test"};
  EXPECT_EQ(explain(loaded, request)->at(0).location, "https://a.test/");
  request.headers = {{"X-Forwarded-Proto", "https"}};
  const Explanation spoken = explain(loaded, request)->at(0);
  EXPECT_EQ(spoken.status, 404u);
  EXPECT_THAT(explanation_text(spoken),
              HasSubstr("route *: no, its redirect leads back to the URL of the request"));
}

TEST_F(Explain, ReportsWhyAPathIsRefused) {
  const Explanation above = only({.host = "x", .path = "/../etc"});
  EXPECT_EQ(explanation_text(above),
            "listener web, http, :80\n"
            "  refused: 400, the path goes above its root\n");
  EXPECT_FALSE(above.taken);
  EXPECT_EQ(only({.host = "x", .path = "/a%2fb"}).refusal, "");
  const auto document = nlohmann::json::parse(explanation_json({above}));
  const auto& web = document.at("listeners").at(0);
  EXPECT_EQ(web.at("action"), "refuse");
  EXPECT_EQ(web.at("status"), 400);
  EXPECT_EQ(web.at("reason"), "the path goes above its root");
}

TEST_F(Explain, AppliesThePathRulesOfTheListener) {
  const config::Loaded loaded = config::load_text(
      "listeners:\n  - bind: ':80'\n    protocol: http\n"
      "    paths: { encoded_slashes: decode, dot_segments: keep, double_slashes: keep }\n"
      "    routes: [{ name: a, match: { path: /a/b }, respond: {} }]\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid());
  EXPECT_EQ(explain(loaded, {.path = "/a%2fb"})->at(0).route.name, "a");
  EXPECT_EQ(explain(loaded, {.path = "/a/./b"})->at(0).path, "/a/./b");
  EXPECT_EQ(explain(loaded, {.path = "//a"})->at(0).path, "//a");
}

TEST_F(Explain, RefusesRequestsThatTheDataPathRefuses) {
  const auto refusal = [&](const AskedRequest& request) {
    const Explanation found = only(request);
    EXPECT_FALSE(found.taken);
    return fmt::format("{}: {}", found.status, found.refusal);
  };
  EXPECT_EQ(refusal({.host = "x:443", .method = "CONNECT"}),
            "405: CONNECT is not allowed on this listener");
  EXPECT_EQ(refusal({.host = "x", .method = "CONNECT"}),
            "400: CONNECT needs host:port as its request-target");
  EXPECT_EQ(refusal({.host = "x", .path = "*"}), "400: the request-target * is for OPTIONS only");
  EXPECT_EQ(refusal({.host = "x", .headers = {{"Expect", "tea"}}}),
            "417: the only expectation is 100-continue");
  EXPECT_EQ(refusal({.host = "x", .headers = {{"Host", "y"}}}), "400: more than one Host field");
}

TEST_F(Explain, AppliesTheLimitsOfTheListener) {
  const config::Loaded loaded = config::load_text(
      "listeners:\n  - bind: ':80'\n    protocol: http\n"
      "    limits: { max_body_size: 10B, max_headers: 10 }\n"
      "    routes: [{ name: a, match: { headers: { host: a.test } }, respond: {} }]\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  AskedRequest request{.host = "a.test", .method = "POST", .headers = {{"Content-Length", "10"}}};
  EXPECT_EQ(explain(loaded, request)->at(0).route.name, "a") << "Host is a field of the request";
  request.headers[0].value = "11";
  EXPECT_EQ(explain(loaded, request)->at(0).status, 413u);
  request.headers.assign(10, {"x", "1"});
  EXPECT_EQ(explain(loaded, request)->at(0).status, 431u);
}

TEST_F(Explain, ShowsTheTargetOfConnectAndOfTheAsterisk) {
  const config::Loaded loaded = config::load_text(
      "listeners: [{ bind: ':80', protocol: http, cluster: a, allow_connect: true }]\n"
      "clusters: [{ name: a, backends: ['a:1'] }]\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  EXPECT_EQ(explain(loaded, {.host = "x:443", .method = "CONNECT"})->at(0).target, "x:443");
  const Explanation options =
      explain(loaded, {.host = "x", .path = "*", .method = "OPTIONS"})->at(0);
  EXPECT_EQ(options.target, "*");
  EXPECT_EQ(options.note, "");
}

TEST_F(Explain, ReportsAnUpgradeThatIsNotForwarded) {
  AskedRequest request{.host = "x", .headers = {{"Connection", "upgrade"}, {"Upgrade", "tea"}}};
  EXPECT_THAT(only(request).note, HasSubstr("the Upgrade field is removed"));
  request.headers[1].value = "websocket";
  EXPECT_EQ(only(request).note, "");
}

TEST_F(Explain, RefusesAmbiguousHostsWhereClientsAuthenticate) {
  const auto status = [](const char* mode, const char* host) {
    const config::Loaded loaded =
        config::load_text(fmt::format("listeners:\n  - bind: ':443'\n    protocol: http\n    tls:\n"
                                      "      certificates: [{{ cert: a, key: b }}]\n"
                                      "      client_auth: {{ mode: {}{} }}\n"
                                      "    routes: [{{ name: a, match: {{}}, respond: {{}} }}]\n",
                                      mode, mode == std::string_view("none") ? "" : ", ca: c"),
                          "weir.yaml", [](const std::string&) { return std::nullopt; });
    EXPECT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    return explain(loaded, {.host = host})->at(0).status;
  };
  EXPECT_EQ(status("none", "%61.test"), 200u);
  EXPECT_EQ(status("require", "%61.test"), 421u);
  EXPECT_EQ(status("require", "a.test"), 200u);
}

TEST_F(Explain, ReportsBackendsThatGetRequests) {
  const auto text_with = [](const char* backends) {
    const config::Loaded loaded =
        config::load_text(fmt::format("listeners: [{{ bind: ':80', protocol: http, cluster: a }}]\n"
                                      "clusters: [{{ name: a, backends: {} }}]\n",
                                      backends),
                          "weir.yaml", [](const std::string&) { return std::nullopt; });
    EXPECT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
    return explanation_text(explain(loaded, {.host = "x"})->at(0));
  };
  EXPECT_THAT(text_with("['a:1', { address: 'b:1', backup: true }]"),
              HasSubstr("    a:1\n    b:1, backup: used only while no other backend is up\n"));
  EXPECT_THAT(
      text_with("[{ address: 'a:1', state: maintenance }, { address: 'b:1', backup: true }]"),
      HasSubstr("    a:1, maintenance: gets no new sessions\n    b:1, backup\n"));
  EXPECT_THAT(text_with("[{ address: 'a:1', state: drain }]"),
              HasSubstr("    a:1, drain: gets no new sessions\n    no backend serves it: 503\n"));
}

TEST_F(Explain, PrintsPassthroughRulesOfTcpListeners) {
  const config::Loaded loaded = config::load_text(
      "listeners:\n  - bind: ':443'\n    cluster: a\n    passthrough:\n"
      "      - { hosts: [x.test, '*.y.test'], cluster: b }\n"
      "      - { alpn: [h2], cluster: b }\n"
      "clusters: [{ name: a, backends: ['a:1'] }, { name: b, backends: ['b:1'] }]\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  const std::string listener = loaded.model.listeners[0].name;
  EXPECT_THAT(explanation_text(explain(loaded, {.listener = listener})->at(0)),
              HasSubstr("  TLS for x.test, *.y.test: cluster b\n"
                        "  TLS for any host with ALPN h2: cluster b\n"
                        "  every other session\n"
                        "  cluster a, round_robin\n"));
}

TEST_F(Explain, FindsTcpListenersByName) {
  EXPECT_EQ(explanation_text(only({.listener = "raw"})),
            "listener raw, tcp, :81\n"
            "  every session\n"
            "  cluster side, round_robin\n"
            "    c:1\n");
  const Result<std::vector<Explanation>> unknown = explain(loaded_, {.listener = "ray"});
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("web, raw"));
}

TEST_F(Explain, PrintsJson) {
  Result<std::vector<Explanation>> found = explain(loaded_, {.host = "x", .path = "/old"});
  ASSERT_TRUE(found);
  const auto document = nlohmann::json::parse(explanation_json(*found));
  const auto& web = document.at("listeners").at(0);
  EXPECT_EQ(web.at("route"), "old");
  EXPECT_EQ(web.at("action"), "redirect");
  EXPECT_EQ(web.at("status"), 308);
  EXPECT_EQ(web.at("location"), "http://x/new");
  EXPECT_EQ(web.at("place"), "weir.yaml:8");
  EXPECT_EQ(web.at("passed").at(0).at("why"), "the path is not /ping");
  EXPECT_THAT(web.at("clusters"), IsEmpty());
  found = explain(loaded_, {.listener = "raw"});
  const auto raw = nlohmann::json::parse(explanation_json(*found)).at("listeners").at(0);
  EXPECT_TRUE(raw.at("route").is_null());
  const auto& backend = raw.at("clusters").at(0).at("backends").at(0);
  EXPECT_EQ(backend.at("address"), "c:1");
  EXPECT_EQ(backend.at("serves"), true);
}

TEST_F(Explain, ReportsThatNoRouteMatches) {
  const config::Loaded loaded = config::load_text(
      "listeners:\n  - bind: ':80'\n    protocol: http\n"
      "    routes: [{ name: a, match: { path: /a }, respond: {} }]\n",
      "weir.yaml", [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(loaded.valid());
  const Result<std::vector<Explanation>> found = explain(loaded, {.path = "/b"});
  ASSERT_TRUE(found);
  EXPECT_THAT(explanation_text(found->at(0)),
              HasSubstr("  refused: 404, no route matches the request\n"));
  EXPECT_EQ(found->at(0).status, 404u);
}

TEST(ParseHeader, SplitsNameAndValue) {
  EXPECT_EQ(*parse_header("x-a: 1"), (config::NamedValue{"x-a", "1"}));
  EXPECT_EQ(*parse_header("x-a:b:c"), (config::NamedValue{"x-a", "b:c"}));
  EXPECT_EQ(*parse_header("x-a:"), (config::NamedValue{"x-a", ""}));
  for (const char* wrong : {"", "x-a", ": 1", "x a: 1"}) EXPECT_FALSE(parse_header(wrong)) << wrong;
}

class Expectations : public Explain {
 protected:
  // The failed expectations of one test.
  std::vector<std::string> of(config::TestRequest request, config::TestOutcome expect) {
    config::RouteTests tests;
    tests.tests.push_back({"", std::move(request), std::move(expect), {0, 4, 5}});
    std::vector<std::string> result;
    for (const FailedExpectation& failure : failed_expectations(loaded_, tests, "tests.yaml")) {
      EXPECT_EQ(failure.place, "tests.yaml:4:5");
      EXPECT_EQ(failure.test, "test 1");
      result.push_back(failure.what);
    }
    return result;
  }
};

TEST_F(Expectations, PassIfTheRoutesMeetThem) {
  EXPECT_THAT(of({.host = "x", .path = "/ping"}, {.route = "ping", .status = 204}), IsEmpty());
  EXPECT_THAT(of({.host = "x", .path = "/old/a"}, {.status = 308, .location = "http://x/new/a"}),
              IsEmpty());
  EXPECT_THAT(of({.host = "api.example", .path = "/v1/x?q=1", .headers = {{"X-A", "1"}}},
                 {.route = "api", .cluster = "side", .path = "/x?q=1"}),
              IsEmpty())
      << "any cluster of a split";
  EXPECT_THAT(of({.listener = "raw"}, {.cluster = "side", .backend = "c:1"}), IsEmpty());
  EXPECT_THAT(of({.host = "x", .path = "//ping"}, {.route = "ping"}), IsEmpty())
      << "the normal form is matched";
  EXPECT_THAT(of({.host = "x", .path = "/.."}, {.route = "none", .status = 400}), IsEmpty());
}

TEST_F(Expectations, ReportEachDifference) {
  EXPECT_THAT(of({.host = "x", .path = "/"}, {.route = "api", .cluster = "side", .status = 200}),
              ElementsAre("route: expected 'api', got '*'", "cluster: expected 'side', got 'main'",
                          "status: expected '200', got none"));
  EXPECT_THAT(of({.host = "x", .path = "/old"}, {.route = "none", .location = "http://x/"}),
              ElementsAre("route: expected 'none', got 'old'",
                          "location: expected 'http://x/', got 'http://x/new'"));
  EXPECT_THAT(of({.host = "x"}, {.backend = "b:1"}),
              ElementsAre("backend: expected 'b:1', got 'one'"))
      << "b:1 is draining";
  EXPECT_THAT(of({.host = "x"}, {}), ElementsAre("the test expects nothing"));
  EXPECT_THAT(of({.listener = "nowhere"}, {.route = "a"}),
              ElementsAre(HasSubstr("there is no listener 'nowhere'")));
}

}  // namespace
}  // namespace weir::cli
