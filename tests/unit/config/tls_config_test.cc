// A file with TLS: the model, the plan, the printed configuration.
#include "config/print.h"
#include "support/config_read.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kEverything = R"(
global: { tls_tickets: { file: /run/weir/tickets, rotate: 1h } }
listeners:
  - name: web
    bind: ":443"
    protocol: http
    cluster: app
    tls:
      policy: intermediate
      min_version: 1.3
      ciphersuites: TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384
      certificates:
        - { name: example, cert: /tls/example.pem, key: /tls/example.key, ocsp: /tls/example.der }
        - tls/other.pem
      default_certificate: tls/other.pem
      reject_unknown_sni: true
      alpn: [http/1.1, http/1.0]
      client_auth: { mode: optional, ca: /tls/ca.pem, crl: /tls/crl.pem, depth: 2 }
    limits: { max_handshakes: 100 }
    timeouts: { tls_handshake: 5s }
clusters:
  - name: app
    backends: ["a:443"]
    tls: { sni: App.internal, ca: /tls/internal.pem, cert: /tls/weir.pem, min_version: "1.3", alpn: http/1.1 }
)";

TEST(Tls, OfListenersIsReadAsItIsWritten) {
  const Listener web = model(kEverything).listeners.at(0);
  ASSERT_TRUE(web.tls);
  const ListenerTls& tls = *web.tls;
  EXPECT_EQ(tls.policy, TlsPolicy::intermediate);
  EXPECT_EQ(tls.min_version, TlsVersion::tls_1_3);
  EXPECT_EQ(tls.ciphersuites, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
  ASSERT_EQ(tls.certificates.size(), 2u);
  EXPECT_EQ(tls.certificates[0].key, "/tls/example.key");
  EXPECT_EQ(tls.certificates[0].ocsp, "/tls/example.der");
  EXPECT_EQ(tls.certificates[0].location.line, 13u);
  EXPECT_EQ(tls.certificates[1].location.line, 14u);
  EXPECT_EQ(tls.default_certificate, "tls/other.pem");
  EXPECT_TRUE(tls.reject_unknown_sni);
  EXPECT_THAT(tls.alpn, ElementsAre("http/1.1", "http/1.0"));
  EXPECT_EQ(tls.client_auth.mode, ClientAuth::optional);
  EXPECT_EQ(tls.client_auth.ca, "/tls/ca.pem");
  EXPECT_EQ(tls.client_auth.crl, "/tls/crl.pem");
  EXPECT_EQ(tls.client_auth.depth, 2u);
  EXPECT_EQ(tls.location.line, 9u);
  EXPECT_EQ(web.limits.max_handshakes, 100u);
  EXPECT_EQ(web.timeouts.tls_handshake.value, 5s);
  EXPECT_EQ(web.timeouts.tls_handshake.location.line, 20u);
}

TEST(Tls, OfClustersAndTheProcessIsReadAsItIsWritten) {
  const Model read = model(kEverything);
  EXPECT_EQ(read.global.tls_tickets.file, "/run/weir/tickets");
  EXPECT_EQ(read.global.tls_tickets.rotate, 1h);
  ASSERT_TRUE(read.clusters.at(0).tls);
  const ClusterTls& tls = *read.clusters[0].tls;
  EXPECT_EQ(tls.sni, "app.internal");
  EXPECT_EQ(tls.ca, "/tls/internal.pem");
  EXPECT_EQ(tls.min_version, TlsVersion::tls_1_3);
  EXPECT_THAT(tls.alpn, ElementsAre("http/1.1"));
}

TEST(Tls, IsOffUnlessItIsGiven) {
  const Model without = model(R"(
listeners: [{ bind: ":80", cluster: app, tls: none }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  EXPECT_FALSE(without.listeners[0].tls);
  EXPECT_FALSE(without.clusters[0].tls);
}

TEST(Tls, OneFileMayHoldCertificateAndKeyAndIsTheirName) {
  const Model read = model(kEverything);
  const Certificate& other = read.listeners[0].tls->certificates[1];
  EXPECT_EQ(other.cert, "tls/other.pem") << "as it is written";
  EXPECT_EQ(other.key, "tls/other.pem");
  EXPECT_EQ(other.name, "tls/other.pem");
  EXPECT_EQ(read.clusters[0].tls->key, "/tls/weir.pem");
  EXPECT_EQ(read.clusters[0].tls->verify_name, "app.internal");
}

TEST(Tls, OfBackendsIsVerifiedByDefault) {
  const Model read = model(R"(
listeners: [{ bind: ":80", cluster: app }]
clusters: [{ name: app, backends: ["a:443"], tls: {} }]
)");
  ASSERT_TRUE(read.clusters[0].tls);
  EXPECT_TRUE(read.clusters[0].tls->verify);
  EXPECT_EQ(read.clusters[0].tls->verify_name, "");
  EXPECT_EQ(read.clusters[0].tls->min_version, TlsVersion::tls_1_2);
}

TEST(Tls, ListenersForTcpOfferAnyProtocol) {
  const Model read = model(R"(
listeners: [{ bind: ":443", cluster: app, tls: { alpn: [mqtt, h2], certificates: [a.pem] } }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  EXPECT_THAT(read.listeners[0].tls->alpn, ElementsAre("mqtt", "h2"));
}

TEST(Tls, ReportsWhatToDoAboutAProtocolOfALaterVersion) {
  const Loaded loaded = read(R"(
listeners: [{ bind: ":443", protocol: http, cluster: app, tls: { alpn: h3, certificates: [a.pem] } }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_THAT(loaded.diagnostics[0].message, HasSubstr("h3, which this version does not support"));
  EXPECT_EQ(loaded.diagnostics[0].hint, "write h2 or http/1.1");
}

TEST(Tls, HttpListenersOfferBothVersionsOfHttp) {
  const Model read = model(R"(
listeners: [{ bind: ":443", protocol: http, cluster: app, tls: { alpn: [http/1.1, h2], certificates: [a.pem] } }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  EXPECT_THAT(read.listeners[0].tls->alpn, ElementsAre("http/1.1", "h2"));
}

TEST(Tls, NamesBothKeysOfHttp2ThatIsOfferedAndDisabled) {
  const Loaded loaded = read(R"(
listeners: [{ bind: ":443", protocol: http, cluster: app, http2: { enabled: false }, tls: { alpn: [http/1.1, h2], certificates: [a.pem] } }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  ASSERT_EQ(loaded.diagnostics.size(), 1u);
  EXPECT_EQ(loaded.diagnostics[0].code, "E270");
  EXPECT_EQ(loaded.diagnostics[0].message,
            "listener ':443' offers h2, but its 'http2.enabled' is false");
  EXPECT_EQ(loaded.diagnostics[0].hint, "leave out h2, or write http2: { enabled: true }");
}

TEST(Tls, AlpnOfAnHttpClusterAgreesWithItsProtocol) {
  const auto findings = [](const std::string& protocol, const std::string& alpn) {
    const Loaded loaded = read(
        "listeners: [{ bind: ':80', protocol: http, cluster: app }]\nclusters: [{ name: app, "
        "backends: ['a:1'], protocol: " +
        protocol + ", tls: { alpn: " + alpn + " } }]\n");
    std::string all;
    for (const Diagnostic& one : loaded.diagnostics)
      all += one.code + " " + one.message + "; " + one.hint + "\n";
    return all;
  };
  EXPECT_EQ(findings("http1", "[http/1.1, http/1.0]"), "");
  EXPECT_EQ(findings("http2", "h2"), "");
  EXPECT_EQ(findings("auto", "[http/1.1, h2]"), "");
  EXPECT_EQ(findings("http1", "[http/1.1, h2]"),
            "E271 cluster 'app' offers h2, but its 'protocol' is http1; leave it out, or write "
            "protocol: http2 or auto\n");
  EXPECT_EQ(findings("http2", "[h2, http/1.1]"),
            "E271 cluster 'app' offers http/1.1, but its 'protocol' is http2; leave it out, or "
            "write protocol: auto\n");
  EXPECT_THAT(findings("auto", "[h2, mqtt]"), HasSubstr("E236 cluster 'app' offers mqtt, but"));
  EXPECT_THAT(findings("http2", "h3"),
              HasSubstr("E236 cluster 'app' offers h3, which this version"));
}

TEST(Tls, ClustersOfTcpListenersOfferAnyProtocol) {
  const Model read = model(R"(
listeners: [{ bind: ":80", cluster: app }]
clusters: [{ name: app, backends: ["a:1"], tls: { alpn: [h2, mqtt] } }]
)");
  EXPECT_THAT(read.clusters[0].tls->alpn, ElementsAre("h2", "mqtt"));
}

TEST(Tls, HandshakesTakeTheirTimeoutFromTheDefaults) {
  const Model read = model(R"(
defaults: { timeouts: { tls_handshake: 3s } }
listeners: [{ bind: ":443", cluster: app, tls: { certificates: [a.pem] } }]
clusters: [{ name: app, backends: ["a:1"] }]
)");
  EXPECT_EQ(read.listeners[0].timeouts.tls_handshake.value, 3s);
}

constexpr const char* kTlsBefore = R"(
listeners:
  - name: web
    bind: ":443"
    cluster: app
    tls: { certificates: [a.pem, { name: b, cert: b.pem }], alpn: [x, a] }
  - { name: plain, bind: ":80", cluster: app }
clusters:
  - { name: app, backends: ["a:1"], tls: { sni: app.internal } }
)";

TEST(Plan, ReportsWhatChangesInTls) {
  const std::vector<Change> changes = plan(model(kTlsBefore), model(R"(
global: { tls_tickets: { rotate: 6h } }
listeners:
  - name: web
    bind: ":443"
    cluster: app
    tls:
      min_version: "1.3"
      certificates: [{ name: b, cert: b2.pem, key: b.key }, a.pem, c.pem]
      alpn: [a, x]
    limits: { max_handshakes: 10 }
  - { name: plain, bind: ":80", cluster: app, tls: { certificates: [a.pem] } }
clusters:
  - { name: app, backends: ["a:1"] }
)"));
  EXPECT_THAT(lines(changes),
              ElementsAre("live global.tls_tickets.rotate: 12h → 6h",
                          "new_sessions listeners.web.tls.min_version: (by policy) → 1.3",
                          "new_sessions listeners.web.tls.certificates: a.pem, b → b, a.pem",
                          "new_sessions listeners.web.tls.certificates.b.cert: b.pem → b2.pem",
                          "new_sessions listeners.web.tls.certificates.b.key: b.pem → b.key",
                          "new_sessions listeners.web.tls.certificates.c.pem added",
                          "new_sessions listeners.web.tls.alpn: x, a → a, x",
                          "live listeners.web.limits.max_handshakes: 0 → 10",
                          "new_sessions listeners.plain.tls added",
                          "new_sessions clusters.app.tls removed"));
  EXPECT_EQ(changes[3].listener, "web");
  EXPECT_EQ(changes[9].cluster, "app");
}

TEST(Print, WritesTlsThatLoadsAgain) {
  for (const char* yaml : {kEverything, kTlsBefore}) {
    const Loaded loaded = read(yaml);
    for (const std::string& written : {to_yaml(loaded.model), effective_yaml(loaded)}) {
      const Loaded again = read(written);
      ASSERT_TRUE(again.valid()) << format_text(again.diagnostics, false) << written;
      EXPECT_EQ(all_values(again.model), all_values(loaded.model));
      EXPECT_EQ(again.hash, loaded.hash);
    }
  }
}

TEST(Print, LeavesOutImpliedValuesOfTls) {
  const std::string yaml = to_yaml(model(kEverything));
  EXPECT_THAT(yaml, HasSubstr("      min_version: \"1.3\"\n"));
  EXPECT_THAT(yaml, HasSubstr("        - tls/other.pem\n"));
  EXPECT_THAT(yaml, HasSubstr("      sni: app.internal\n"));
  EXPECT_THAT(yaml, Not(HasSubstr("verify_name"))) << "that of sni";
}

TEST(Print, ShowsTheDefaultsOfTlsAsComments) {
  const std::string yaml = defaults_yaml();
  EXPECT_THAT(yaml, HasSubstr("\n    # tls:"));
  EXPECT_THAT(yaml, Not(HasSubstr("\n    tls:")));
  EXPECT_THAT(yaml, HasSubstr("reject_unknown_sni: false"));
  EXPECT_THAT(yaml, HasSubstr("verify: true"));
}

}  // namespace
}  // namespace weir::config
