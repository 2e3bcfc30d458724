// HAProxy and the PROXY protocol, from HAProxy to weir and from weir to HAProxy, in both versions.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/access_lines.h"
#include "support/config_text.h"
#include "support/foreign_server.h"
#include "support/http_backend.h"
#include "support/tls_steps.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// A client with its own address: weir and HAProxy connect from 127.0.0.1.
Socket client_of(const Address& to) {
  return Socket::connect_from(*Address::parse("127.0.0.9:0"), to);
}

// The address of the client that a backend receives.
bool tell_whom(HttpPeer& peer, HttpMessage& request) {
  return peer.send(
      http_ok(request.field("X-Forwarded-For") + " " + request.field("X-Forwarded-Proto")));
}

class HaproxyBeforeWeir : public testing::Test {
 protected:
  // `more`: further keys of the listener.
  std::string text(const std::string& more = "") const {
    return config_text(
        http_listener("web", bind_, "cluster: app, proxy_protocol: {accept: 127.0.0.0/8}" + more),
        cluster("app", {backend_.address()}), "logging: {access: {format: json}}\n");
  }
  std::string tls() const { return ", " + tls_with(site_.cert, site_.key); }
  // HAProxy with `server`, additional options of its server line.
  ForeignServer haproxy(const Address& front, const std::string& server,
                        const std::string& lines = "", const std::string& bind = "") const {
    return ForeignServer::haproxy(
        fmt::format("listen front\n  mode tcp\n  bind {} {}\n  server weir {} {}\n{}", front.text(),
                    bind, bind_.text(), server, lines),
        {front});
  }
  static void expect_no_failure(const ProxyProcess& weir) {
    const Scrape scrape = weir.scrape();
    for (const char* reason : {"bad_proxy_header", "proxy_header_timeout", "error", "bad_request"})
      EXPECT_EQ(scrape.sum("weir_connections_ended_total", {{"reason", reason}}), 0) << reason;
    EXPECT_EQ(scrape.imbalance(), 0);
  }

  TestAuthority authority_;
  IssuedFiles site_ = authority_.issue({.hosts = {"a.test"}, .common_name = "a"});
  const Address bind_ = free_address();
  HttpBackend backend_{tell_whom};
};

TEST_F(HaproxyBeforeWeir, LogAndBackendsGetTheClientThatHaproxySees) {
  ProxyProcess weir(text());
  for (const char* version : {"send-proxy", "send-proxy-v2"}) {
    const Address front = free_address();
    const ForeignServer server = haproxy(front, version);
    HttpPeer peer(client_of(front));
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(peer.ask(http_get("/")).body, "127.0.0.9 http") << version;
    const nlohmann::json line = line_of(weir, peer.socket().local().text());
    ASSERT_TRUE(line.is_object()) << version << weir.errors();
    EXPECT_EQ(line["status"], 200);
  }
  expect_no_failure(weir);
}

TEST_F(HaproxyBeforeWeir, ClientOfTheOtherAddressFamilyIsReported) {
  ProxyProcess weir(text());
  for (const char* version : {"send-proxy", "send-proxy-v2"}) {
    const Address front = free_address("[::1]");
    const ForeignServer server = haproxy(front, version);
    HttpPeer peer(Socket::connect(front));
    EXPECT_EQ(peer.ask(http_get("/")).body, "::1 http") << version;
    EXPECT_TRUE(line_of(weir, peer.socket().local().text()).is_object()) << weir.errors();
  }
  expect_no_failure(weir);
}

TEST_F(HaproxyBeforeWeir, WeirTerminatesTlsAfterTheHeader) {
  ProxyProcess weir(text(tls()));
  for (const char* version : {"send-proxy", "send-proxy-v2"}) {
    const Address front = free_address();
    const ForeignServer server = haproxy(front, version);
    for (const int tls : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsPeer peer(client_of(front), {.sni = "a.test", .version = tls, .trust = &authority_});
      ASSERT_EQ(handshake(peer), TlsPeer::State::done) << peer.error();
      EXPECT_EQ(peer.peer_name(), "a");
      ASSERT_TRUE(peer.send(http_get("/")));
      EXPECT_THAT(receive_until(peer, "https"), EndsWith("\r\n127.0.0.9 https")) << version;
      EXPECT_TRUE(line_of(weir, peer.socket().local().text()).is_object()) << weir.errors();
    }
  }
  expect_no_failure(weir);
}

TEST_F(HaproxyBeforeWeir, TlvsOfTlsTerminatedByHaproxyAreSkipped) {
  ProxyProcess weir(text());
  const IssuedFiles client = authority_.issue({.common_name = "client"});
  const Address front = free_address();
  const ForeignServer server = haproxy(
      front,
      "send-proxy-v2 proxy-v2-options "
      "ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id",
      "  unique-id-format %[uuid]\n",
      fmt::format("ssl crt {} ca-file {} verify optional", site_.in_one(), authority_.file()));
  TlsPeer peer(client_of(front), {.sni = "a.test", .trust = &authority_, .certificate = client});
  ASSERT_EQ(handshake(peer), TlsPeer::State::done) << peer.error() << server.said();
  ASSERT_TRUE(peer.send(http_get("/")));
  EXPECT_THAT(receive_until(peer, "http"), EndsWith("\r\n127.0.0.9 http"));
  expect_no_failure(weir);
}

TEST_F(HaproxyBeforeWeir, ChecksOfHaproxySendLocalHeadersAndAreNoFailures) {
  ProxyProcess weir(text());
  double asked = 0;
  for (const char* version : {"send-proxy", "send-proxy-v2"}) {
    const Address front = free_address();
    const ForeignServer server =
        haproxy(front, fmt::format("{} check check-send-proxy inter 300ms", version),
                "  option httpchk GET /check\n  http-check expect string 127.0.0.1\n");
    EXPECT_TRUE(weir.await_at_least("weir_http_requests_total", {}, asked + 3));
    HttpPeer peer(client_of(front));
    EXPECT_EQ(peer.ask(http_get("/")).body, "127.0.0.9 http") << version;
    EXPECT_THAT(server.said(), Not(HasSubstr("is DOWN"))) << version;
    asked = weir.scrape().sum("weir_http_requests_total");
  }
  expect_no_failure(weir);
}

TEST_F(HaproxyBeforeWeir, HaproxyWithoutItsHeaderIsRefused) {
  ProxyProcess weir(text());
  const Address front = free_address();
  const ForeignServer server = haproxy(front, "");
  HttpPeer peer(client_of(front));
  EXPECT_EQ(peer.ask(http_get("/")).status(), 0);
  EXPECT_TRUE(
      weir.await_metric("weir_connections_ended_total", {{"reason", "bad_proxy_header"}}, 1));
  EXPECT_EQ(backend_.requests(), 0u);
}

class HaproxyBehindWeir : public testing::Test {
 protected:
  // Its answer is `told`, a text in its log format.
  ForeignServer haproxy(const std::string& told) const {
    return ForeignServer::haproxy(
        fmt::format("frontend front\n  mode http\n  bind {} accept-proxy\n"
                    "  http-request return status 200 content-type text/plain lf-string \"{}\"\n",
                    behind_.text(), told),
        {behind_});
  }
  std::string text(const std::string& version, const std::string& listener_more = "",
                   const std::string& cluster_more = "") const {
    return config_text(listener("web", bind_, "app", listener_more),
                       cluster("app", {behind_}, "proxy_protocol: " + version + cluster_more),
                       "logging: {access: {output: none}}\n");
  }

  const Address behind_ = free_address();
  Address bind_ = free_address();
};

constexpr const char* kWho = "%[src]:%[src_port] to %[dst]:%[dst_port]";

TEST_F(HaproxyBehindWeir, HaproxyGetsTheAddressesOfTheClientAndItsDestination) {
  const ForeignServer server = haproxy(kWho);
  for (const char* version : {"v1", "v2"}) {
    bind_ = free_address();
    ProxyProcess weir(text(version));
    HttpPeer peer(client_of(bind_));
    const std::string told = peer.socket().local().text() + " to " + bind_.text();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(peer.ask(http_get("/")).body, told) << version;
  }
  EXPECT_THAT(server.said(), Not(HasSubstr("PROXY")));
}

TEST_F(HaproxyBehindWeir, ClientOfTheOtherAddressFamilyIsReported) {
  const ForeignServer server = haproxy(kWho);
  for (const char* version : {"v1", "v2"}) {
    bind_ = free_address("[::1]");
    ProxyProcess weir(text(version));
    HttpPeer peer(Socket::connect(bind_));
    EXPECT_EQ(peer.ask(http_get("/")).body,
              fmt::format("::1:{} to ::1:{}", peer.socket().local().port(), bind_.port()))
        << version;
  }
}

TEST_F(HaproxyBehindWeir, HaproxyGetsTheHostOfTheRequest) {
  TestAuthority authority;
  const IssuedFiles site = authority.issue({.hosts = {"a.test"}});
  const ForeignServer server = haproxy("%[src] asked for %[fc_pp_authority]");
  ProxyProcess weir(text("v2", tls_with(site.cert, site.key)));
  TlsPeer peer(client_of(bind_), {.sni = "a.test", .trust = &authority});
  ASSERT_EQ(handshake(peer), TlsPeer::State::done) << peer.error();
  ASSERT_TRUE(peer.send(http_get("/")));
  EXPECT_THAT(receive_until(peer, "a.test"), EndsWith("\r\n127.0.0.9 asked for a.test"));
}

TEST_F(HaproxyBehindWeir, ChecksSendLocalHeadersThatHaproxyAccepts) {
  const ForeignServer server = haproxy("%[src] %[fc_rcvd_proxy]");
  for (const std::string version : {"v1", "v2"}) {
    for (const std::string check : {"type: tcp", "type: http, expect_body: 127.0.0.1 1"}) {
      bind_ = free_address();
      ProxyProcess weir(
          text(version, "", ", health_check: {interval: 200ms, timeout: 200ms, " + check + "}"));
      EXPECT_TRUE(weir.await_at_least("weir_backend_health_checks_total", {{"result", "ok"}}, 4));
      EXPECT_EQ(weir.scrape().sum("weir_backend_health_checks_total", {{"result", "fail"}}), 0);
      EXPECT_EQ(weir.scrape().sum("weir_backend_up"), 1);
      HttpPeer peer(client_of(bind_));
      EXPECT_EQ(peer.ask(http_get("/")).body, "127.0.0.9 1") << version << check;
    }
  }
  EXPECT_THAT(server.said(), Not(HasSubstr("PROXY")));
}

}  // namespace
}  // namespace weir::test
