// TLS towards clients: the choice of certificates, client authentication, the handshake and the
// end.
#include <fstream>

#include "routing/http_spec.h"
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Wish = TlsPeer::Wish;
using State = TlsPeer::State;

using TlsListenerTest = TlsListenerFixture;

TEST_F(TlsListenerTest, RequestsAreForwardedWithTheSchemeHttps) {
  secure(certificate(site));
  auto one = peer({.sni = "a.test", .trust = &authority});
  ASSERT_EQ(handshake(*one), State::done) << one->error();
  Socket server;
  EXPECT_THAT(exchanged(*one, get("/"), server), HasSubstr("\r\nX-Forwarded-Proto: https\r\n"));
  exchanged(*one, get("/again"), server);
  EXPECT_EQ(cells("l").tls_handshakes[TlsVersion::tls_1_3].value, 1u);
  EXPECT_EQ(imbalance("l"), 0);
}

TEST_F(TlsListenerTest, RedirectsKeepTheSchemeOfTheClient) {
  secure(
      certificate(site),
      "protocol: http, routes: [{ match: { path_prefix: /blog }, redirect: { prefix: /news, "
      "status: "
      "308 } }, { match: { path: /one }, redirect: { path: /other } }, { match: { path: /host }, "
      "redirect: { host: b.test } }, { match: { path: /port }, redirect: { port: 8443 } }, { "
      "match: "
      "{ path: /implied }, redirect: { port: 443 } }, { match: { path: /plain }, redirect: { "
      "scheme: http } }]");
  const std::pair<const char*, const char*> cases[] = {
      {"/blog/x?y=1", "https://a.test:9/news/x?y=1"},
      {"/one", "https://a.test:9/other"},
      {"/host", "https://b.test/host"},
      {"/port", "https://a.test:8443/port"},
      {"/implied", "https://a.test/implied"},
      {"/plain", "http://a.test/plain"}};
  auto one = peer({.sni = "a.test"});
  ASSERT_EQ(handshake(*one), State::done) << one->error();
  for (const auto& [path, location] : cases) {
    ASSERT_TRUE(one->send(std::string("GET ") + path + " HTTP/1.1\r\nHost: a.test:9\r\n\r\n"));
    EXPECT_THAT(text(*one, "\r\n\r\n"),
                HasSubstr(std::string("\r\nLocation: ") + location + "\r\n"))
        << path;
  }
}

TEST_F(TlsListenerTest, AcceptsTls12And13AndNoOlderVersion) {
  secure(certificate(site));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto one = peer({.version = version});
    ASSERT_EQ(handshake(*one), State::done) << one->error();
    EXPECT_EQ(SSL_version(one->ssl()), version);
  }
  secure("policy: modern, " + certificate(site));
  auto old = peer({.version = TLS1_2_VERSION});
  EXPECT_EQ(handshake(*old), State::failed);
  EXPECT_TRUE(run_until([&] { return errors(TlsError::version) == 1; }));
  EXPECT_EQ(ended("l", EndReason::tls_handshake_failed), 1u);
}

TEST_F(TlsListenerTest, CertificateIsChosenByTheServerName) {
  const IssuedFiles wild =
      authority.issue({.hosts = {"*.b.test", "b.test"}, .common_name = "wild"});
  const IssuedFiles exact = authority.issue({.hosts = {"x.b.test"}, .common_name = "exact"});
  secure("certificates: [" + entry(site) + ", " + entry(wild) + ", " + entry(exact) + "]");
  const std::pair<const char*, const char*> cases[] = {
      {"a.test", "a"},     {"y.b.test", "wild"}, {"x.b.test", "exact"}, {"X.B.TEST", "exact"},
      {"z.y.b.test", "a"}, {"b.test", "wild"},   {"unknown", "a"},      {"", "a"}};
  for (const auto& [asked, shown] : cases) {
    auto one = peer({.sni = asked});
    ASSERT_EQ(handshake(*one), State::done) << asked;
    EXPECT_EQ(one->peer_name(), shown) << asked;
  }
}

TEST_F(TlsListenerTest, UnknownServerNameIsRefusedWhenConfigured) {
  secure("reject_unknown_sni: true, " + certificate(site));
  auto stranger = peer({.sni = "b.test"});
  EXPECT_EQ(handshake(*stranger), State::failed);
  EXPECT_THAT(stranger->error(), HasSubstr("unrecognized name"));
  EXPECT_TRUE(run_until([&] { return errors(TlsError::server_name) == 1; }));
  auto known = peer({.sni = "a.test"});
  EXPECT_EQ(handshake(*known), State::done);
}

TEST_F(TlsListenerTest, ClientGetsTheCertificateWithTheKeyTypeItSupports) {
  const IssuedFiles rsa =
      authority.issue({.hosts = {"a.test"}, .common_name = "a-rsa", .rsa = true});
  secure("certificates: [" + entry(site) + ", " + entry(rsa) + "]");
  auto modern = peer({.sni = "a.test"});
  ASSERT_EQ(handshake(*modern), State::done);
  EXPECT_EQ(modern->peer_name(), "a");
  auto old = peer({.sni = "a.test", .version = TLS1_2_VERSION});
  SSL_set_cipher_list(old->ssl(), "ECDHE-RSA-AES128-GCM-SHA256");
  ASSERT_EQ(handshake(*old), State::done) << old->error();
  EXPECT_EQ(old->peer_name(), "a-rsa");
}

TEST_F(TlsListenerTest, AlpnSelectsAProtocolOrTheHandshakeFails) {
  secure(certificate(site), "protocol: http, cluster: c, http2: { enabled: false }");
  auto one = peer({.alpn = {"h2", "http/1.1"}});
  ASSERT_EQ(handshake(*one), State::done);
  EXPECT_EQ(one->alpn(), "http/1.1");
  auto other = peer({.alpn = {"h2"}});
  EXPECT_EQ(handshake(*other), State::failed);
  EXPECT_TRUE(run_until([&] { return errors(TlsError::alpn) == 1; }));
}

TEST_F(TlsListenerTest, PrefersHttp2ByDefault) {
  secure(certificate(site));
  auto one = peer({.alpn = {"http/1.1", "h2"}});
  ASSERT_EQ(handshake(*one), State::done);
  EXPECT_EQ(one->alpn(), "h2");
}

// curl --http1.0 offers nothing else.
TEST_F(TlsListenerTest, AcceptsBothVersionsOfHttp1AndPrefersTheNewer) {
  secure(certificate(site), "protocol: http, cluster: c, http2: { enabled: false }");
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"http/1.0"}, "http/1.0"},
      {{"http/1.0", "http/1.1"}, "http/1.1"},
      {{"h2", "http/1.0"}, "http/1.0"}};
  for (const auto& [offered, agreed] : cases) {
    auto one = peer({.alpn = offered});
    ASSERT_EQ(handshake(*one), State::done) << offered[0];
    EXPECT_EQ(one->alpn(), agreed);
    EXPECT_TRUE(one->send("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n"));
    EXPECT_THAT(answer(*one), testing::StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(TlsListenerTest, ClientResumesWithItsTicketAlsoAfterAReload) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    secure(certificate(site));
    auto first = peer({.sni = "a.test", .version = version});
    ASSERT_EQ(handshake(*first), State::done);
    Socket server;
    exchanged(*first, get("/"), server);
    ASSERT_NE(first->session(), nullptr);
    secure(certificate(authority.issue({.hosts = {"a.test"}, .common_name = "new"})));
    auto second = peer({.sni = "a.test", .version = version, .session = first->session()});
    ASSERT_EQ(handshake(*second), State::done);
    EXPECT_TRUE(SSL_session_reused(second->ssl())) << version;
    if (version != TLS1_3_VERSION) continue;
    EXPECT_TRUE(run_until([&] {
      second->receive();
      return second->session() != nullptr;
    })) << "no ticket for the next time";
  }
  EXPECT_TRUE(run_until([&] { return cells("l").tls_resumed.value == 2; }));
}

// Trap: a ticket from a listener without client authentication must not be accepted where a
// certificate is required.
TEST_F(TlsListenerTest, TicketOfOnePolicyIsNotAcceptedUnderAnother) {
  const IssuedFiles closed = authority.issue({.hosts = {"b.test"}, .common_name = "b"});
  const std::string open_listener =
      "{ name: l, bind: '127.0.0.1:0', protocol: http, cluster: c, tls: {" + certificate(site) +
      "} }";
  apply("listeners: [" + open_listener +
        ", { name: m, bind: '127.0.0.1:0', protocol: http, cluster: c, tls: {" +
        certificate(closed) + ", client_auth: { mode: require, ca: '" + authority.file() +
        "' } } }]\nclusters:\n" + cluster_text("c", backend.address(), ""));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto first = peer({.sni = "b.test", .version = version});
    ASSERT_EQ(handshake(*first), State::done);
    ASSERT_TRUE(first->send(get("/")));
    Socket server = accepted();
    message(server);
    ASSERT_TRUE(server.send(ok("hello")));
    text(*first, "hello");
    ASSERT_NE(first->session(), nullptr);
    TlsPeer second(client(1), {.sni = "b.test", .version = version, .session = first->session()});
    // In TLS 1.3 the client's handshake is complete before the server has read that there is no
    // certificate.
    const bool refused = handshake(second) == State::failed;
    EXPECT_FALSE(SSL_session_reused(second.ssl())) << version;
    EXPECT_TRUE(refused || run_until([&] {
                  second.receive();
                  return second.cut_off();
                }))
        << "accepted without a certificate";
  }
  EXPECT_EQ(cells("m").tls_errors[TlsError::client_cert].value, 2u);
}

TEST_F(TlsListenerTest, ClientCertificatesAreRequiredWhenConfigured) {
  const std::string auth = ", client_auth: { mode: require, ca: '" + authority.file() + "' }";
  secure(certificate(site) + auth);
  auto known = peer({.certificate = authority.issue({.common_name = "client"})});
  ASSERT_EQ(handshake(*known), State::done);
  Socket server;
  exchanged(*known, get("/"), server);
  TestAuthority others("others");
  for (const IssuedFiles& files : {IssuedFiles{}, others.issue({.common_name = "client"})}) {
    auto stranger = peer({.certificate = files});
    handshake(*stranger);
    EXPECT_TRUE(run_until([&] {
      stranger->receive();
      return stranger->cut_off();
    }));
  }
  EXPECT_TRUE(run_until([&] { return errors(TlsError::client_cert) == 2; }));
  EXPECT_EQ(ended("l", EndReason::tls_handshake_failed), 2u);
}

TEST_F(TlsListenerTest, RevokedClientCertificateIsRefused) {
  const IssuedFiles good = authority.issue({.common_name = "good"});
  const IssuedFiles bad = authority.issue({.common_name = "bad"});
  secure(certificate(site) + ", client_auth: { mode: optional, ca: '" + authority.file() +
         "', crl: '" + authority.revoke({bad}) + "' }");
  Socket server;
  auto known = peer({.certificate = good}), unnamed = peer({});
  ASSERT_EQ(handshake(*known), State::done);
  exchanged(*known, get("/"), server);
  ASSERT_EQ(handshake(*unnamed), State::done);
  exchanged(*unnamed, get("/"), server);  // optional
  auto revoked = peer({.certificate = bad});
  handshake(*revoked);
  EXPECT_TRUE(run_until([&] { return errors(TlsError::client_cert) == 1; }));
}

TEST_F(TlsListenerTest, ClientWithTooLongACertificateChainIsRefused) {
  TestAuthority root("root");
  const std::string auth = ", client_auth: { mode: require, ca: '" + root.file() + "', depth: ";
  const IssuedFiles files = root.issue({.common_name = "client"});
  secure(certificate(site) + auth + "0 }");  // no authority between it and the root
  auto one = peer({.certificate = files});
  ASSERT_EQ(handshake(*one), State::done);
  Socket server;
  exchanged(*one, get("/"), server);
  const IssuedFiles middle = root.issue({.common_name = "middle", .authority = true});
  TestAuthority below(middle);
  auto two = peer({.certificate = below.issue({.common_name = "client"})});
  handshake(*two);
  EXPECT_TRUE(run_until([&] { return errors(TlsError::client_cert) == 1; }));
  secure(certificate(site) + auth + "1 }");
  auto three = peer({.certificate = below.issue({.common_name = "client"})});
  ASSERT_EQ(handshake(*three), State::done);
  exchanged(*three, get("/"), server);
}

TEST_F(TlsListenerTest, StaplesTheOcspResponse) {
  const std::string response = authority.ocsp_response(site);
  secure(certificate(site, ", ocsp: '" + response + "'"));
  std::ifstream file(response, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto curious = peer({.version = version, .asks_status = true});
    ASSERT_EQ(handshake(*curious), State::done);
    EXPECT_EQ(curious->stapled(), bytes);
    auto other = peer({.version = version});
    ASSERT_EQ(handshake(*other), State::done);
    EXPECT_EQ(other->stapled(), "");
  }
}

// RFC 6960 4.2.2.2: signed by the authority, which clients have without the response, or by a
// responder with its delegation. The authority chooses how the response identifies the certificate.
TEST_F(TlsListenerTest, StaplesEveryResponseThatClientsAccept) {
  const IssuedFiles responder = authority.issue(
      {.common_name = "responder", .extensions = {{"extendedKeyUsage", "OCSPSigning"}}});
  TestAuthority charged(responder);
  const IssuedFiles middle = authority.issue({.common_name = "middle", .authority = true});
  TestAuthority below(middle);
  const IssuedFiles leaf = below.issue({.hosts = {"a.test"}, .common_name = "leaf"});
  std::ofstream(leaf.cert, std::ios::app) << std::ifstream(authority.file()).rdbuf();
  const std::pair<IssuedFiles, std::string> cases[] = {
      {site, authority.ocsp_response(site, {.certificates = false})},
      {site, authority.ocsp_response(site, {.sha256 = true})},
      {site, authority.ocsp_response(site, {.signer = &charged})},
      {site, authority.ocsp_response(site, {.certificates = false, .others = {responder}})},
      {leaf, below.ocsp_response(leaf, {.certificates = false})},
  };
  for (const auto& [files, response] : cases) {
    secure(certificate(files, ", ocsp: '" + response + "'"));
    auto curious = peer({.asks_status = true});
    ASSERT_EQ(handshake(*curious), State::done);
    EXPECT_NE(curious->stapled(), "") << response;
  }
}

TEST_F(TlsListenerTest, ExpiredOcspResponseIsNotStapledAndRefusesNothing) {
  secure(certificate(site, ", ocsp: '" + authority.ocsp_response(site, true, -9, -2) + "'"));
  auto curious = peer({.asks_status = true});
  ASSERT_EQ(handshake(*curious), State::done);
  EXPECT_EQ(curious->stapled(), "");
}

TEST_F(TlsListenerTest, OcspResponseWithAnExpiredSignerIsNotStapledAndRefusesNothing) {
  TestAuthority charged(authority.issue({.common_name = "responder",
                                         .from_days = -20,
                                         .until_days = -10,
                                         .extensions = {{"extendedKeyUsage", "OCSPSigning"}}}));
  secure(
      certificate(site, ", ocsp: '" + authority.ocsp_response(site, {.signer = &charged}) + "'"));
  auto curious = peer({.asks_status = true});
  ASSERT_EQ(handshake(*curious), State::done);
  EXPECT_EQ(curious->stapled(), "");
}

TEST_F(TlsListenerTest, InvalidOcspResponseIsReportedAtStartAndNotStapled) {
  TestAuthority others("others");
  const IssuedFiles stranger = authority.issue({.hosts = {"a.test"}});
  const std::pair<std::string, std::string> cases[] = {
      {authority.ocsp_response(site, false), "revoked"},
      {authority.ocsp_response(stranger), "is for another certificate"},
      {others.ocsp_response(site), "is not signed by the authority"},
      {site.cert, "has no OCSP response"}};
  for (const auto& [response, why] : cases) {
    config::ListenerTls spec;
    spec.certificates.push_back({"a", site.cert, site.key, response, {}, {}});
    TlsLoading loading;
    ASSERT_FALSE(TlsServer::load(spec, {}, loading)) << why;
    ASSERT_EQ(loading.errors(), 1u);
    EXPECT_THAT(loading.findings()[0].message, testing::AllOf(HasSubstr(response), HasSubstr(why)));
  }
}

TEST_F(TlsListenerTest, UsesTheConfiguredDefaultCertificate) {
  const IssuedFiles second = authority.issue({.hosts = {"b.test"}, .common_name = "b"});
  secure("default_certificate: two, certificates: [" + entry(site, ", name: one") + ", " +
         entry(second, ", name: two") + "]");
  auto one = peer({.sni = "unknown"});
  ASSERT_EQ(handshake(*one), State::done);
  EXPECT_EQ(one->peer_name(), "b");
}

TEST_F(TlsListenerTest, UsesTheConfiguredCiphers) {
  secure("ciphers: ECDHE-ECDSA-AES256-GCM-SHA384, ciphersuites: TLS_CHACHA20_POLY1305_SHA256, " +
         certificate(site));
  auto old = peer({.version = TLS1_2_VERSION}), now = peer({});
  ASSERT_EQ(handshake(*old), State::done);
  ASSERT_EQ(handshake(*now), State::done);
  EXPECT_STREQ(SSL_get_cipher_name(old->ssl()), "ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_STREQ(SSL_get_cipher_name(now->ssl()), "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsListenerTest, RefusesBytesThatAreNotTls) {
  secure(certificate(site));
  Socket plain = client();
  ASSERT_TRUE(plain.send(get("/")));
  EXPECT_TRUE(run_until([&] { return plain.wait_end(1ms) != Socket::End::open; }));
  EXPECT_TRUE(run_until([&] { return errors(TlsError::not_tls) == 1; }));
}

TEST_F(TlsListenerTest, StalledHandshakeTimesOutWithItsReason) {
  secure(certificate(site), "protocol: http, cluster: c, timeouts: { tls_handshake: 5s }");
  Socket silent = client();
  Socket half = client();
  ASSERT_TRUE(half.send(std::string("\x16\x03\x01\x02\x00\x01", 6)));
  turns(3);
  EXPECT_EQ(worker.active(), 2u);
  advance(4s);
  EXPECT_EQ(worker.active(), 2u);
  advance(2s);
  EXPECT_TRUE(ends_as(silent, Socket::End::fin));
  EXPECT_EQ(ended("l", EndReason::tls_handshake_timeout), 2u);
  EXPECT_EQ(errors(TlsError::timeout), 2u);
}

TEST_F(TlsListenerTest, ConcurrentHandshakesAreLimited) {
  secure(certificate(site), "protocol: http, cluster: c, limits: { max_handshakes: 2 }");
  Socket one = client(), two = client();
  turns(3);
  Socket three = client();
  EXPECT_TRUE(ends_as(three, Socket::End::reset));
  EXPECT_EQ(ended("l", EndReason::handshake_limit), 1u);
  one.close();
  EXPECT_TRUE(run_until([&] { return worker.active() == 1; }));
  EXPECT_EQ(errors(TlsError::closed), 1u);
  auto next = peer({});
  EXPECT_EQ(handshake(*next), State::done);
}

TEST_F(TlsListenerTest, CloseNotifyIsSentBeforeTheFin) {
  secure(certificate(site));
  auto one = peer({});
  ASSERT_EQ(handshake(*one), State::done);
  ASSERT_TRUE(one->send(get("/", "Connection: close\r\n")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("last")));
  text(*one, "last");
  EXPECT_TRUE(run_until([&] {
    one->receive();
    return one->ended() || one->cut_off();
  }));
  EXPECT_TRUE(one->ended());
  EXPECT_FALSE(one->cut_off());
}

// Closing with unread input sends a reset, which destroys the response.
TEST_F(TlsListenerTest, CloseNotifyDuringTheLastResponseDoesNotLoseIt) {
  secure(certificate(site));
  auto one = peer({});
  ASSERT_EQ(handshake(*one), State::done);
  ASSERT_TRUE(one->send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  Socket server = accepted();
  message(server);
  turns(10);
  ASSERT_TRUE(server.send(ok("last")));  // weir processes this first
  one->close_notify();
  turns(10);
  EXPECT_THAT(one->receive(), HasSubstr("last"));
  EXPECT_TRUE(one->ended());
  EXPECT_TRUE(ends_as(one->socket(), Socket::End::fin));
}

// An attacker can forge a FIN without close_notify.
TEST_F(TlsListenerTest, TcpClientEndIsAResetOnlyWithoutCloseNotify) {
  secure(certificate(site), "protocol: tcp, cluster: c");
  for (const bool polite : {true, false}) {
    auto one = peer({});
    ASSERT_EQ(handshake(*one), State::done);
    ASSERT_TRUE(one->send("hello"));
    Socket server = accepted();
    EXPECT_EQ(bytes(server, 5), "hello");
    if (polite) one->close_notify();
    one->socket().finish();
    EXPECT_TRUE(polite ? ends_as(server, Socket::End::fin) : ends_with_reset(server)) << polite;
    server.close();
  }
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1; }));
}

TEST_F(TlsListenerTest, LargeTransferToALateReaderArrivesComplete) {
  secure(certificate(site), "protocol: tcp, cluster: c");
  Socket raw = client();
  raw.shrink_buffers();
  TlsPeer one(std::move(raw), {});
  ASSERT_EQ(handshake(one), State::done);
  ASSERT_TRUE(one.send("?"));
  Socket server = accepted();
  bytes(server, 1);
  const size_t size = 3'000'000;
  size_t sent = 0, got = 0;
  bool right = true;
  EXPECT_TRUE(run_until([&] {
    if (sent < size) sent += server.send_some(pattern(sent, std::min<size_t>(65536, size - sent)));
    if (sent < size && got + 300'000 > sent && sent < 400'000) return false;  // reads late
    const std::string more = one.receive();
    for (size_t at = 0; at < more.size();) {
      const std::string_view expected =
          pattern(got + at, std::min<size_t>(65536, more.size() - at));
      right &= std::string_view(more).substr(at, expected.size()) == expected;
      at += expected.size();
    }
    got += more.size();
    return got == size;
  })) << sent
      << " sent, " << got << " received";
  EXPECT_TRUE(right);
}

TEST_F(TlsListenerTest, ReadsManyRecordsInOneSegment) {
  secure(certificate(site), "protocol: tcp, cluster: c");
  auto one = peer({});
  ASSERT_EQ(handshake(*one), State::done);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(one->send("0123456789"));
  Socket server = accepted();
  EXPECT_EQ(bytes(server, 500).size(), 500u);
  EXPECT_TRUE(receives_nothing(server));
}

// The error queue of OpenSSL belongs to the thread: errors that one connection leaves there are not
// errors of another one.
TEST_F(TlsListenerTest, FailedHandshakeDoesNotAffectOthers) {
  secure(certificate(site));
  auto good = peer({});
  ASSERT_EQ(handshake(*good), State::done);
  Socket server;
  for (int i = 0; i < 5; ++i) {
    Socket bad = client();
    ASSERT_TRUE(bad.send("GET / HTTP/1.1\r\n\r\n"));
    turns(3);
    exchanged(*good, get("/"), server);
  }
  EXPECT_EQ(worker.active(), 1u);
}

// One event reports the bytes and the reset, and no other follows.
TEST_F(TlsListenerTest, ResetDirectlyAfterTheBytesIsDetected) {
  secure(certificate(site), "protocol: tcp, cluster: c");
  auto one = peer({});
  ASSERT_EQ(handshake(*one), State::done);
  Socket server = accepted();
  turns(3);
  ASSERT_TRUE(one->send("hello"));
  one->socket().reset();
  EXPECT_EQ(bytes(server, 5), "hello");
  advance(1100ms);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1; }));
  EXPECT_TRUE(ends_as(server, Socket::End::reset));
}

TEST_F(TlsListenerTest, OtherClientIsServedWhileOneSendsKeyUpdatesContinuously) {
  apply("listeners:\n  - { name: l, bind: '127.0.0.1:0', cluster: c, tls: {" + certificate(site) +
        "} }\n  - { name: o, bind: '127.0.0.1:0', protocol: http, routes: [{ respond: { body: ok } "
        "}] }\nclusters:\n" +
        cluster_text("c", backend.address(), ""));
  auto storm = peer({});
  ASSERT_EQ(handshake(*storm), State::done);
  Socket server = accepted();
  turns(3);
  for (int i = 0; i < 2000; ++i) {  // with a byte of data each: no reason to end the connection
    SSL_key_update(storm->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    ASSERT_TRUE(storm->send("x"));
  }
  Socket other = client(1);
  ASSERT_TRUE(other.send(get("/")));
  turns(4);
  EXPECT_THAT(other.receive_all(1ms), HasSubstr("HTTP/1.1 200 "));
  EXPECT_LT(cells("l").received_bytes.value, 1500u)
      << "the storm is over already: the test proves nothing";
  EXPECT_EQ(bytes(server, 2000).size(), 2000u);
}

TEST_F(TlsListenerTest, DrainWaitsForHandshakesAndTheirRequests) {
  secure(certificate(site));
  auto one = peer({});
  one->step_handshake();
  turns(1);
  worker.begin_drain(loop.now(), 0s);
  turns(2);
  ASSERT_EQ(handshake(*one), State::done);
  ASSERT_TRUE(one->send(get("/")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("hello")));
  EXPECT_THAT(text(*one, "hello"), HasSubstr("\r\nConnection: close\r\n"));
}

}  // namespace
}  // namespace weir::test
