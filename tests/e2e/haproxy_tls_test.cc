// TLS between weir and HAProxy, in both directions: verification, reuse of connections and
// sessions, and a restart of HAProxy.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/config_text.h"
#include "support/foreign_server.h"
#include "support/http_load.h"
#include "support/proxy_process.h"
#include "support/tls_peer.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kQuiet = "logging: {level: warn, access: {output: none}}\n";

class HaproxyIsATlsBackend : public testing::Test {
 protected:
  // Its answer: version, server name, 1 for a resumed session, the name of the client.
  static constexpr const char* kTold =
      "%[ssl_fc_protocol] %[ssl_fc_sni] %[ssl_fc_is_resumed] %[ssl_c_s_dn(cn)]";

  ForeignServer haproxy(const std::string& bind = "") const {
    return ForeignServer::haproxy(
        fmt::format("frontend front\n  mode http\n  bind {} ssl crt {} {}\n"
                    "  http-request return status 200 content-type text/plain lf-string \"{}\"\n",
                    behind_.text(), site_.in_one(), bind, kTold),
        {behind_});
  }
  std::string text(const std::string& tls, const std::string& more = "") const {
    return config_text(
        http_listener("web", bind_, "cluster: app"),
        cluster("app", {behind_},
                fmt::format("tls: {{ca: '{}', {}}}{}", authority_.file(), tls, more)),
        kQuiet + "global: {workers: 1}\n");
  }
  std::string ask() const { return HttpPeer(Socket::connect(bind_)).ask(http_get("/")).body; }
  int status() const { return HttpPeer(Socket::connect(bind_)).ask(http_get("/")).status(); }
  bool await_status(int wanted) const {
    const TimePoint until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until)
      if (status() == wanted) return true;
    return false;
  }
  static double connect_errors(const ProxyProcess& weir, const std::string& reason) {
    return weir.scrape().sum("weir_backend_connect_errors_total", {{"reason", reason}});
  }

  TestAuthority authority_;
  IssuedFiles site_ = authority_.issue({.hosts = {"b.test"}, .common_name = "b"});
  const Address behind_ = free_address();
  const Address bind_ = free_address();
};

TEST_F(HaproxyIsATlsBackend, HaproxyBackendIsVerifiedAndItsConnectionIsReused) {
  const ForeignServer server = haproxy();
  ProxyProcess weir(text("sni: b.test"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(), "TLSv1.3 b.test 0 ") << i;
  EXPECT_EQ(weir.scrape().sum("weir_backend_connects_total"), 1);
  EXPECT_EQ(weir.scrape().sum("weir_backend_connect_errors_total"), 0);
}

TEST_F(HaproxyIsATlsBackend, NewConnectionResumesTheTlsSessionInBothVersions) {
  for (const std::string version : {"TLSv1.2", "TLSv1.3"}) {
    const ForeignServer server = haproxy("ssl-max-ver " + version);
    ProxyProcess weir(text("sni: b.test", ", pool: {max_requests: 1}"));
    EXPECT_EQ(ask(), version + " b.test 0 ");
    for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(), version + " b.test 1 ") << i;
    EXPECT_EQ(weir.scrape().sum("weir_backend_connects_total"), 6);
  }
}

TEST_F(HaproxyIsATlsBackend, AnotherNameOrAuthorityIsRefusedWithoutARequest) {
  const ForeignServer server = haproxy();
  TestAuthority others("others");
  ProxyProcess weir(text("sni: c.test"));
  EXPECT_EQ(status(), 502);
  EXPECT_GT(connect_errors(weir, "tls_name"), 0);
  weir.write_config(text("sni: c.test, verify_name: b.test"));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_EQ(ask(), "TLSv1.3 c.test 0 ") << "the server name and the verified name may differ";
  weir.write_config(config_text(
      http_listener("web", bind_, "cluster: app"),
      cluster("app", {behind_}, "tls: {sni: b.test, ca: '" + others.file() + "'}"), kQuiet));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_EQ(status(), 502);
  EXPECT_GT(connect_errors(weir, "tls_verify"), 0);
}

TEST_F(HaproxyIsATlsBackend, WeirSendsItsCertificateWhenRequired) {
  const ForeignServer server = haproxy("ca-file " + authority_.file() + " verify required");
  const IssuedFiles own = authority_.issue({.common_name = "weir"});
  ProxyProcess weir(text(fmt::format("sni: b.test, cert: '{}', key: '{}'", own.cert, own.key)));
  EXPECT_EQ(ask(), "TLSv1.3 b.test 0 weir");
  weir.write_config(text("sni: b.test"));
  ASSERT_EQ(weir.reload().status, 200);
  EXPECT_EQ(status(), 502);
}

// Its session keys are new then: it cannot resume the session that weir has kept.
TEST_F(HaproxyIsATlsBackend, ResponsesReturnWhenHaproxyRestarts) {
  ForeignServer server = haproxy();
  ProxyProcess weir(
      text("sni: b.test",
           ", backoff: {base: 10ms, max: 20ms}, pool: {max_requests: 2}, "
           "health_check: {type: http, interval: 200ms, timeout: 200ms, rise: 1, fall: 1}"));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) EXPECT_THAT(ask(), HasSubstr("TLSv1.3 b.test")) << i;
    server.stop();
    ASSERT_TRUE(await_status(503));
    ASSERT_TRUE(weir.await_metric("weir_backend_up", {}, 0));
    server.start();
    ASSERT_TRUE(weir.await_metric("weir_backend_up", {}, 1));
    ASSERT_TRUE(await_status(200));
  }
  for (int i = 0; i < 5; ++i) EXPECT_THAT(ask(), HasSubstr("TLSv1.3 b.test")) << i;
  EXPECT_EQ(connect_errors(weir, "tls_verify"), 0);
  EXPECT_EQ(connect_errors(weir, "tls_name"), 0);
}

class HaproxyIsATlsClient : public testing::Test {
 protected:
  std::string text(const std::string& tls = "", const std::string& listener = "") const {
    return config_text(
        http_listener("web", bind_,
                      "cluster: app, " + tls_with(site_.cert, site_.key, tls) + listener),
        cluster("app", {backend_.address()}), kQuiet);
  }
  // `server`: additional options of its server line.
  ForeignServer haproxy(const std::string& server, const std::string& lines = "") const {
    return ForeignServer::haproxy(
        fmt::format("listen front\n  mode http\n  bind {}\n"
                    "  server weir {} ssl verify required ca-file {} {}\n{}",
                    front_.text(), bind_.text(), authority_.file(), server, lines),
        {front_});
  }
  HttpMessage ask() const { return HttpPeer(Socket::connect(front_)).ask(http_get("/say/hello")); }
  static double handshakes(const ProxyProcess& weir) {
    return weir.scrape().sum("weir_tls_handshakes_total");
  }

  TestAuthority authority_;
  IssuedFiles site_ = authority_.issue({.hosts = {"a.test"}, .common_name = "a"});
  const Address bind_ = free_address();
  const Address front_ = free_address();
  HttpBackend backend_{HttpLoad::answer};
};

TEST_F(HaproxyIsATlsClient, HaproxyVerifiesWeirAndReusesItsConnection) {
  ProxyProcess weir(text());
  const ForeignServer server = haproxy("sni str(a.test)", "  http-reuse always\n");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask().body, "hello") << i << server.said();
  EXPECT_EQ(handshakes(weir), 1);
  EXPECT_EQ(weir.scrape().sum("weir_tls_handshake_errors_total"), 0);
}

TEST_F(HaproxyIsATlsClient, HaproxyResumesItsTlsSessionInBothVersions) {
  ProxyProcess weir(text());
  double resumed = 0;
  for (const std::string version : {"TLSv1.2", "TLSv1.3"}) {
    const ForeignServer server =
        haproxy("sni str(a.test) ssl-max-ver " + version, "  http-reuse never\n");
    for (int i = 0; i < 6; ++i) EXPECT_EQ(ask().body, "hello") << server.said();
    resumed += 5;
    EXPECT_EQ(weir.scrape().sum("weir_tls_resumptions_total"), resumed) << version;
  }
  EXPECT_EQ(handshakes(weir), 12);
}

TEST_F(HaproxyIsATlsClient, HaproxyRefusesWeirUnderAnotherName) {
  ProxyProcess weir(text());
  const ForeignServer server = haproxy("sni str(c.test)");
  EXPECT_EQ(ask().status(), 503);
  EXPECT_EQ(backend_.requests(), 0u);
  EXPECT_EQ(weir.scrape().imbalance(), 0);
}

TEST_F(HaproxyIsATlsClient, HaproxySendsACertificateWhenRequired) {
  const IssuedFiles own = authority_.issue({.common_name = "haproxy"});
  ProxyProcess weir(text(", client_auth: {mode: require, ca: '" + authority_.file() + "'}"));
  {
    const ForeignServer server = haproxy("sni str(a.test) crt " + own.in_one());
    EXPECT_EQ(ask().body, "hello") << server.said();
  }
  const ForeignServer server = haproxy("sni str(a.test)");
  EXPECT_NE(ask().status(), 200);
  EXPECT_EQ(backend_.requests(), 1u);
}

TEST_F(HaproxyIsATlsClient, HaproxySendsItsHeaderBeforeTlsAlsoInChecks) {
  ProxyProcess weir(text("", ", proxy_protocol: {accept: 127.0.0.1}"));
  double asked = 0;
  for (const char* version : {"send-proxy", "send-proxy-v2"}) {
    const ForeignServer server = haproxy(
        fmt::format("sni str(a.test) {} check check-sni a.test check-send-proxy inter 300ms",
                    version),
        "  option httpchk GET /say/check\n");
    EXPECT_TRUE(weir.await_at_least("weir_http_requests_total", {}, asked + 3)) << server.said();
    EXPECT_EQ(ask().body, "hello") << version;
    EXPECT_THAT(server.said(), Not(HasSubstr("is DOWN"))) << version;
    asked = weir.scrape().sum("weir_http_requests_total");
  }
  EXPECT_EQ(weir.scrape().sum("weir_connections_ended_total", {{"reason", "bad_proxy_header"}}), 0);
}

}  // namespace
}  // namespace weir::test
