// Mistakes of new users, and the hints about the right place and the right words.
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

// A listener, a route, a cluster and the top of the file; one of them has one key more.
struct Additions {
  std::string top, listener, route, cluster;
};
std::string file(const Additions& more) {
  const auto behind = [](const std::string& key) { return key.empty() ? "" : ", " + key; };
  return "listeners:\n  - { bind: \":8080\", protocol: http, routes: [{ cluster: app" +
         behind(more.route) + " }]" + behind(more.listener) +
         " }\nclusters:\n  - { name: app, backends: [\"10.0.0.1:80\"]" + behind(more.cluster) +
         " }\n" + more.top;
}
std::string at_top(const std::string& key) {
  return file({key + "\n", "", "", ""});
}
std::string in_listener(const std::string& key) {
  return file({"", key, "", ""});
}
std::string in_route(const std::string& key) {
  return file({"", "", key, ""});
}
std::string in_cluster(const std::string& key) {
  return file({"", "", "", key});
}
std::string told(const std::string& yaml) {
  const Loaded loaded =
      load_text(yaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
  return loaded.diagnostics.empty() ? "valid" : format_text(loaded.diagnostics, false);
}

void expect_told(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes)
    EXPECT_THAT(told(mistake.yaml), HasSubstr(mistake.told)) << mistake.yaml;
}

TEST(Hints, TheFileOfTheseTestsIsValid) {
  EXPECT_EQ(told(file({})), "valid");
}

TEST(Hints, ForAPlainValueInPlaceOfAMapOrAList) {
  expect_told(
      {{"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: 10.0.0.1:80 "
        "}]\n",
        "write a list: backends: [10.0.0.1:80]"},
       {"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: '[::1]:80' "
        "}]\n",
        "write a list: backends: [\"[::1]:80\"]"},
       {"listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: { address: "
        "a:80 } }]\n",
        "write a list: backends: [a:80]"},
       {"listeners: { web: { bind: ':1' } }\n", "write a list: listeners: - { name: web, … }"},
       {"listeners: { bind: ':1', cluster: a }\n", "begin each element with '- '"},
       {in_route("clusters: { app: 90, b: 10 }"), "write a list: clusters: - { name: app, … }"},
       {"listeners: 10.0.0.1:80\n", "begin each element with '- '"},
       {in_cluster("health_check: /healthz"), "write health_check: { type: http, path: /healthz }"},
       {in_cluster("health_check: http"), "write health_check: { type: http }"},
       {in_cluster("health_check: 5s"), "write health_check: { interval: 5s }"},
       {in_cluster("health_check: true"), "write health_check: {}"},
       {in_cluster("health_check: false"), "write health_check: none"},
       {in_cluster("health_check: 'http://10.0.0.1/up'"),
        "write health_check: { type: http, path: /up }"},
       {in_route("match: /api"), "write match: { path_prefix: /api }"},
       {in_route("match: a.example"), "write match: { hosts: [\"a.example\"] }"},
       {in_route("match: GET"), "write match: { methods: [GET] }"},
       {in_route("match: [/a, /b]"), "write match: { key: value }"},
       {in_route("retry: 3"), "write retry: { attempts: 3 }"},
       {in_route("rewrite: /new"), "write rewrite: { replace_prefix: /new }"},
       {in_route("timeouts: 30s"), "write timeouts: { request: 30s }"},
       {in_listener("timeouts: 30s"), "write timeouts: { idle: 30s }"},
       {in_listener("limits: 10MiB"), "write limits: { max_body_size: 10MiB }"},
       {in_listener("http2: true"), "write http2: { enabled: true }"},
       {in_listener("http2: 50"), "write http2: { max_streams: 50 }"},
       {in_listener("h2: {}"), "write http2: { enabled: …, max_streams: … }"},
       {"listeners: [{ bind: ':1', protocol: h2, cluster: a }]\n",
        "write http, which includes HTTP/2"},
       {in_listener("tls: true"), "write tls: { certificates: [/path/cert.pem] }"},
       {in_listener("tls: /etc/a.pem"), "write tls: { certificates: [/etc/a.pem] }"},
       {in_listener("proxy_protocol: 10.0.0.0/8"),
        "write proxy_protocol: { accept: [\"10.0.0.0/8\"] }"},
       {in_listener("proxy_protocol: true"), "write proxy_protocol: { accept: ["},
       {in_cluster("tls: true"), "write tls: {}"},
       {in_cluster("pool: 100"), "write pool: { max_connections: 100 }"},
       {in_cluster("backoff: 1s"), "write backoff: { base: 1s }"},
       {in_cluster("tcp_keepalive: 1m"), "write tcp_keepalive: { idle: 1m }"},
       {in_listener("tcp_keepalive: off"), "write tcp_keepalive: { idle: 0s }"},
       {in_cluster("outlier_detection: 5"), "{ consecutive_errors: 5 }"},
       {at_top("drain: 30s"), "write drain: { timeout: 30s }"},
       {at_top("admin: 127.0.0.1:9901"), "write admin: { bind: \"127.0.0.1:9901\" }"},
       {at_top("admin: /run/weir.sock"), "write admin: { socket: /run/weir.sock }"},
       {at_top("metrics: /metrics"), "write metrics: { path: /metrics }"},
       {at_top("metrics: ':9090'"), "write admin: { bind: \":9090\" }; Prometheus scrapes"},
       {at_top("logging: debug"), "write logging: { level: debug }"},
       {at_top("logging: json"), "write logging: { format: json }"},
       {at_top("global: 4"), "write global: { workers: 4 }"},
       {at_top("defaults: { timeouts: 5s }"), "{ idle: 5s }"}});
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

TEST(Hints, ForAListOrAMapInPlaceOfAPlainValue) {
  EXPECT_THAT(told("listeners: [{ bind: ':1', protocol: http, routes: [{ cluster: [a, b] }] }]\n"),
              HasSubstr("write clusters: [a, b]"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', protocol: http, cluster: [a, b] }]\n"),
              HasSubstr("routes: - { clusters: [a, b] }"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', cluster: [a] }]\n"), HasSubstr("write cluster: a"));
  EXPECT_THAT(told("listeners: [{ bind: ':1', cluster: { name: a } }]\n"),
              HasSubstr("write cluster: a"));
  EXPECT_THAT(told(in_route("match: { path_prefix: [/a, /b] }")),
              HasSubstr("write a route for each"));
  EXPECT_THAT(told(in_route("headers: { request: { set: ['X-A: 1'] } }")),
              HasSubstr("write set: { X-A: 1 }"));
  EXPECT_THAT(told(in_route("headers: { request: { set: [X-A, X-B] } }")),
              HasSubstr("write set: { name: value }"));
}

TEST(Hints, ForWordsOfOtherProxies) {
  expect_told(
      {{in_route("match: { prefix: /a }"), "write path_prefix"},
       {in_route("match: { host: a.test }"), "write hosts"},
       {in_route("match: { regex: ^/a }"), "no regular expressions"},
       {in_route("proxy_pass: 'http://app'"), "write cluster:"},
       {in_route("path_prefix: /a"), "write match: { path_prefix: … }"},
       {in_route("clusters: [{ cluster: app, weight: 1 }]"), "write name: the name of one"},
       {in_route("rule: 'Host(`a.test`)'"), "write match: { hosts: […]"},
       {in_route("rewrite: { host: 'http://x' }"), "a host alone, without scheme and path"},
       {in_route("rewrite: { host: 'x:http' }"), "'http' in 'x:http' is not a port"},
       {in_listener("server_header: off"), "write remove to send no such field"},
       {in_listener("server_header: false"), "write remove to send no such field"},
       {in_route("match: { methods: GET|POST }"), "write several as a list: [GET, POST]"},
       {in_route("match: { hosts: [.a.test] }"),
        "write \"*.a.test\" for the names below it, and a"},
       {in_route("match: { hosts: 'a.test, b.test' }"), "write several as a list: [a.example"},
       {at_top("defaults: { mode: http }"), "write others in each listener, route or cluster"},
       {at_top("defaults: { timeout: 5s }"), "did you mean 'timeouts'?"},
       {in_route("redirect: { scheme: https, status: 200 }"), "one of 301, 302, 303, 307, 308"},
       {"listeners: [{ listen: ':80', cluster: a }]\n", "write bind"},
       {"listeners: [{ port: 80, cluster: a }]\n", "write bind: \":8080\""},
       {in_listener("ssl: true"), "write tls: { certificates:"},
       {in_listener("server_name: a.test"), "match: { hosts:"},
       {in_listener("upstream: app"), "write cluster:"},
       {in_listener("timeout: 5s"), "write timeouts:"},
       {in_cluster("servers: [a:80]"), "write backends:"},
       {in_cluster("ip_hash: true"), "write balance: source_hash"},
       {in_cluster("lb_policy: rr"), "write balance"},
       {in_cluster("health_check: { type: http, uri: /up }"), "path"},
       {at_top("upstream: [a:80]"), "write clusters:"},
       {at_top("frontend: [a]"), "write listeners:"},
       {at_top("worker_processes: 4"), "write global: { workers: … }"},
       {at_top("Drain: { timeout: 1s }"), "write drain"},
       {in_listener("so_keepalive: on"), "write tcp_keepalive:"},
       {in_listener("clitcpka: on"), "write tcp_keepalive:"},
       {in_cluster("srvtcpka: on"), "write tcp_keepalive:"},
       {in_cluster("tcp_keepalive: { idle: off }"), "write 0s"},
       {in_cluster("balance: leastconn"), "write least_connections"},
       {in_cluster("balance: least_conn"), "write least_connections"},
       {in_cluster("balance: Round-Robin"), "write round_robin"},
       {in_cluster("balance: roundrobin"), "write round_robin"},
       {in_cluster("balance: ip_hash"), "write source_hash"},
       {in_cluster("proxy_protocol: true"), "write v1 or v2"},
       {in_cluster("health_check: { type: HTTP }"), "write http"},
       {at_top("logging: { level: WARNING }"), "write warn"},
       {"listeners: [{ bind: ':1', protocol: HTTP, cluster: a }]\n", "write http"},
       {"listeners: [{ bind: ':1', protocol: tls, cluster: a }]\n", "tls: { certificates:"}});
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

TEST(Hints, ShowInvisibleCharacters) {
  EXPECT_EQ(visible("a\u00a0b\tc\u200b\ufeffé✓"), "a<U+00A0>b<U+0009>c<U+200B><U+FEFF>é✓");
  EXPECT_EQ(visible("cut \xc2"), "cut \xc2");
  EXPECT_FALSE(has_invisible("é ✓ 漢字\n"));
  EXPECT_THAT(told(in_cluster("balance: \"random\u00a0\"")),
              testing::AllOf(HasSubstr("'random<U+00A0>'"), HasSubstr("invisible character")));
  EXPECT_THAT(told(in_cluster("\u200bbalance: random")), HasSubstr("<U+200B>balance"));
  EXPECT_THAT(told("listeners: [{ bind: \":80\\t\", cluster: a }]\n"), HasSubstr("':80<U+0009>'"));
  EXPECT_THAT(told("listeners:\n\u00a0 - bind: ':80'\n"), HasSubstr("<U+00A0>"));
}

TEST(Hints, ShowInvisibleCharactersInInvalidYaml) {
  expect_told(
      {{"listeners:\n  - bind: ':80'\u00a0\n", "invisible character:   - bind: ':80'<U+00A0>"},
       {"listeners: [{ bind: ':80'\u200b, cluster: a }]\n", "':80'<U+200B>, cluster: a"},
       {"listeners:\n  - bind: ':80'\n  \u00a0 cluster: a\n",
        "invisible character:   <U+00A0> cl"}});
}

TEST(Hints, WordsOfOtherProxiesAreNoKeysOfWeir) {
#define KEY_HINT(map, word, hint) \
  EXPECT_EQ(find_key(Struct::map, word), nullptr) << #map << " " << word;
#define VALUE_HINT(name, word, hint)                                             \
  for (std::string_view known : types::name::type.words) EXPECT_NE(known, word); \
  EXPECT_EQ(hint_for_value(types::name::type, word), hint);
#include "config/word_hints.def"
#undef KEY_HINT
#undef VALUE_HINT
}

}  // namespace
}  // namespace weir::config
