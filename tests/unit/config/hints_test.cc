// What a new user writes, and what the message tells to write instead: the right place and the
// right words.
#include "config/hints.h"

#include "config/diagnostic.h"
#include "config/load.h"
#include "config/visible.h"

namespace weir::config {
namespace {

using testing::HasSubstr;

struct Mistake {
  std::string yaml;  // in place of a key of the file below
  std::string told;  // in the diagnostics
};

// A listener, a route, a cluster and whatever stands at the top, one of which is wrong.
std::string file(const std::string& top, const std::string& listener, const std::string& route,
                 const std::string& cluster) {
  return "listeners:\n  - { bind: \":8080\", protocol: http, routes: [{ cluster: app" + route +
         " }]" + listener + " }\nclusters:\n  - { name: app, backends: [\"10.0.0.1:80\"]" +
         cluster + " }\n" + top;
}
std::string told(const std::string& yaml) {
  const Loaded loaded =
      load_text(yaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
  return loaded.diagnostics.empty() ? "valid" : format_text(loaded.diagnostics, false);
}

TEST(Hints, TheFileOfTheseTestsIsValid) {
  EXPECT_EQ(told(file("", "", "", "")), "valid");
}

TEST(Hints, ForAPlainValueWhereAMapOrAListStands) {
  for (const Mistake& mistake : std::vector<Mistake>{
           {"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: 10.0.0.1:80 "
            "}]\n",
            "write a list: backends: [10.0.0.1:80]"},
           {"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: '[::1]:80' "
            "}]\n",
            "write a list: backends: [\"[::1]:80\"]"},
           {"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: { address: "
            "a:80 } }]\n",
            "write a list: backends: [a:80]"},
           {"listeners: { web: { bind: ':1' } }\n", "begin each element with '- '"},
           {"listeners: 10.0.0.1:80\n", "begin each element with '- '"},
           {file("", "", "", ", health_check: /healthz"),
            "write health_check: { type: http, path: /healthz }"},
           {file("", "", "", ", health_check: http"), "write health_check: { type: http }"},
           {file("", "", "", ", health_check: 5s"), "write health_check: { interval: 5s }"},
           {file("", "", "", ", health_check: true"), "write health_check: {}"},
           {file("", "", "", ", health_check: false"), "write health_check: none"},
           {file("", "", "", ", health_check: 'http://10.0.0.1/up'"),
            "write health_check: { type: http, path: /up }"},
           {file("", "", ", match: /api", ""), "write match: { path_prefix: /api }"},
           {file("", "", ", match: a.example", ""), "write match: { hosts: [\"a.example\"] }"},
           {file("", "", ", match: GET", ""), "write match: { methods: [GET] }"},
           {file("", "", ", match: [/a, /b]", ""), "write match: { key: value }"},
           {file("", "", ", retry: 3", ""), "write retry: { attempts: 3 }"},
           {file("", "", ", rewrite: /new", ""), "write rewrite: { replace_prefix: /new }"},
           {file("", "", ", timeouts: 30s", ""), "write timeouts: { request: 30s }"},
           {file("", ", timeouts: 30s", "", ""), "write timeouts: { idle: 30s }"},
           {file("", ", limits: 10MiB", "", ""), "write limits: { max_body_size: 10MiB }"},
           {file("", ", tls: true", "", ""), "write tls: { certificates: [/path/cert.pem] }"},
           {file("", ", tls: /etc/a.pem", "", ""), "write tls: { certificates: [/etc/a.pem] }"},
           {file("", ", proxy_protocol: 10.0.0.0/8", "", ""),
            "write proxy_protocol: { accept: [\"10.0.0.0/8\"] }"},
           {file("", ", proxy_protocol: true", "", ""), "write proxy_protocol: { accept: ["},
           {file("", "", "", ", tls: true"), "write tls: {}"},
           {file("", "", "", ", pool: 100"), "write pool: { max_connections: 100 }"},
           {file("", "", "", ", backoff: 1s"), "write backoff: { base: 1s }"},
           {file("", "", "", ", tcp_keepalive: 1m"), "write tcp_keepalive: { idle: 1m }"},
           {file("", ", tcp_keepalive: off", "", ""), "write tcp_keepalive: { idle: 0s }"},
           {file("", "", "", ", outlier_detection: 5"), "{ consecutive_errors: 5 }"},
           {file("drain: 30s\n", "", "", ""), "write drain: { timeout: 30s }"},
           {file("admin: 127.0.0.1:9901\n", "", "", ""),
            "write admin: { bind: \"127.0.0.1:9901\" }"},
           {file("admin: /run/weir.sock\n", "", "", ""), "write admin: { socket: /run/weir.sock }"},
           {file("metrics: /metrics\n", "", "", ""), "write metrics: { path: /metrics }"},
           {file("logging: debug\n", "", "", ""), "write logging: { level: debug }"},
           {file("logging: json\n", "", "", ""), "write logging: { format: json }"},
           {file("global: 4\n", "", "", ""), "write global: { workers: 4 }"},
           {file("defaults: { timeouts: 5s }\n", "", "", ""), "{ idle: 5s }"}})
    EXPECT_THAT(told(mistake.yaml), HasSubstr(mistake.told)) << mistake.yaml;
}

TEST(Hints, ForAnAnswerThatIsAPlainValue) {
  const auto route = [](const std::string& what) {
    return told("listeners: [{ bind: ':1', protocol: http, routes: [{ " + what + " }] }]\n");
  };
  EXPECT_THAT(route("respond: 404"), HasSubstr("write respond: { status: 404 }"));
  EXPECT_THAT(route("respond: hello"),
              HasSubstr("write respond: { status: 200, body: \"hello\" }"));
  EXPECT_THAT(route("redirect: https"), HasSubstr("write redirect: { scheme: https }"));
  EXPECT_THAT(route("redirect: /new"), HasSubstr("write redirect: { path: /new }"));
  EXPECT_THAT(route("redirect: 301"), HasSubstr("write redirect: { scheme: https, status: 301 }"));
  EXPECT_THAT(route("redirect: 'https://a.test/x'"),
              HasSubstr("write redirect: { scheme: https, host: a.test, path: /x }"));
}

TEST(Hints, ForAListOrAMapWhereAPlainValueStands) {
  EXPECT_THAT(told("listeners: [{ bind: ':1', protocol: http, routes: [{ cluster: [a, b] }] }]\n"),
              HasSubstr("write clusters: [a, b]"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', protocol: http, cluster: [a, b] }]\n"),
              HasSubstr("routes: - { clusters: [a, b] }"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', cluster: [a] }]\n"), HasSubstr("write cluster: a"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', cluster: { name: a } }]\n"),
              HasSubstr("write cluster: a"));
  EXPECT_THAT(told(file("", "", ", match: { path_prefix: [/a, /b] }", "")),
              HasSubstr("write a route for each"));
}

TEST(Hints, ForWordsOfOtherProxies) {
  for (const Mistake& mistake : std::vector<Mistake>{
           {file("", "", ", match: { prefix: /a }", ""), "write path_prefix"},
           {file("", "", ", match: { host: a.test }", ""), "write hosts"},
           {file("", "", ", match: { regex: ^/a }", ""), "no expressions"},
           {file("", "", ", proxy_pass: 'http://app'", ""), "write cluster:"},
           {file("", "", ", path_prefix: /a", ""), "write match: { path_prefix: … }"},
           {"listeners: [{ listen: ':80', cluster: a }]\n", "write bind"},
           {"listeners: [{ port: 80, cluster: a }]\n", "write bind: \":8080\""},
           {file("", ", ssl: true", "", ""), "write tls: { certificates:"},
           {file("", ", server_name: a.test", "", ""), "match: { hosts:"},
           {file("", ", upstream: app", "", ""), "write cluster:"},
           {file("", ", timeout: 5s", "", ""), "write timeouts:"},
           {file("", "", "", ", servers: [a:80]"), "write backends:"},
           {file("", "", "", ", ip_hash: true"), "write balance: source_hash"},
           {file("", "", "", ", lb_policy: rr"), "write balance"},
           {file("", "", "", ", health_check: { type: http, uri: /up }"), "path"},
           {file("upstream: [a:80]\n", "", "", ""), "write clusters:"},
           {file("frontend: [a]\n", "", "", ""), "write listeners:"},
           {file("worker_processes: 4\n", "", "", ""), "write global: { workers: … }"},
           {file("Drain: { timeout: 1s }\n", "", "", ""), "write drain"},
           {file("", ", so_keepalive: on", "", ""), "write tcp_keepalive:"},
           {file("", ", clitcpka: on", "", ""), "write tcp_keepalive:"},
           {file("", "", "", ", srvtcpka: on"), "write tcp_keepalive:"},
           {file("", "", "", ", tcp_keepalive: { idle: off }"), "write 0s"},
           {file("", "", "", ", balance: leastconn"), "write least_connections"},
           {file("", "", "", ", balance: least_conn"), "write least_connections"},
           {file("", "", "", ", balance: Round-Robin"), "write round_robin"},
           {file("", "", "", ", balance: roundrobin"), "write round_robin"},
           {file("", "", "", ", balance: ip_hash"), "write source_hash"},
           {file("", "", "", ", proxy_protocol: true"), "write v1 or v2"},
           {file("", "", "", ", health_check: { type: HTTP }"), "write http"},
           {file("logging: { level: WARNING }\n", "", "", ""), "write warn"},
           {"listeners: [{ bind: ':1', protocol: HTTP, cluster: a }]\n", "write http"},
           {"listeners: [{ bind: ':1', protocol: tls, cluster: a }]\n", "tls: { certificates:"}})
    EXPECT_THAT(told(mistake.yaml), HasSubstr(mistake.told)) << mistake.yaml;
}

TEST(Hints, ForAddresses) {
  const auto backend = [](const std::string& address) {
    return told("listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: ['" +
                address + "'] }]\n");
  };
  EXPECT_THAT(backend("https://api.example.com"),
              HasSubstr("write api.example.com:443, and tls: {} of the cluster"));
  EXPECT_THAT(backend("https://api.example.com:8443/v1"),
              HasSubstr("write api.example.com:8443, and tls: {} of the cluster; for the path"));
  EXPECT_THAT(backend("http://api.example.com/"), HasSubstr("write api.example.com:80\n"));
  EXPECT_THAT(backend("$HOST:80"), HasSubstr("write ${HOST}:80"));
  const auto bind = [](const std::string& address) {
    return told("listeners: [{ bind: " + address + ", cluster: a }]\n");
  };
  EXPECT_THAT(bind("':$PORT'"), HasSubstr("write :${PORT}"));
  EXPECT_THAT(bind(":$PORT"), HasSubstr("write :${PORT}"));
  EXPECT_THAT(bind("8080"), HasSubstr("write \":8080\""));
  EXPECT_THAT(bind("'https://0.0.0.0:443'"), HasSubstr("write 0.0.0.0:443, and tls"));
}

TEST(Hints, ShowCharactersThatAreNotSeen) {
  EXPECT_EQ(visible("a\u00a0b\tc\u200b\ufeffé✓"), "a<U+00A0>b<U+0009>c<U+200B><U+FEFF>é✓");
  EXPECT_EQ(visible("cut \xc2"), "cut \xc2");
  EXPECT_FALSE(has_invisible("é ✓ 漢字\n"));
  EXPECT_THAT(told(file("", "", "", ", balance: \"random\u00a0\"")),
              testing::AllOf(HasSubstr("'random<U+00A0>'"), HasSubstr("is not seen")));
  EXPECT_THAT(told(file("", "", "", ", \u200bbalance: random")), HasSubstr("<U+200B>balance"));
  EXPECT_THAT(told("listeners: [{ bind: \":80\\t\", cluster: a }]\n"), HasSubstr("':80<U+0009>'"));
  EXPECT_THAT(told("listeners:\n\u00a0 - bind: ':80'\n"), HasSubstr("<U+00A0>"));
}

TEST(Hints, EveryWordOfAnotherProxyIsNoKeyHere) {
#define MEANT(map, word, hint) \
  EXPECT_EQ(find_key(Struct::map, word), nullptr) << #map << " " << word;
#define SAID(name, word, hint)                                                   \
  for (std::string_view known : types::name::type.words) EXPECT_NE(known, word); \
  EXPECT_EQ(hint_for_value(types::name::type, word), hint);
#include "config/word_hints.def"
#undef MEANT
#undef SAID
}

}  // namespace
}  // namespace weir::config
