// weir logs a refused certificate with its subject and the reason.
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using State = TlsPeer::State;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TlsRefusalTest : public TlsListenerFixture {
 protected:
  // The lines of what `talk` does.
  std::string logged(const std::function<void()>& talk) {
    LogCapture log;
    talk();
    return log.events();
  }
  static size_t count(const std::string& text, const std::string& what) {
    size_t n = 0;
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
    return n;
  }
  void demand(const std::string& mode, const std::string& crl = "") {
    secure(certificate(site) + ", client_auth: { mode: " + mode + ", ca: '" + authority.file() +
           "'" + (crl.empty() ? "" : ", crl: '" + crl + "'") + " }");
  }
  std::string refused(const IssuedFiles& files, int version) {
    return logged([&] {
      const uint64_t before = errors(TlsError::client_cert);
      auto one = peer({.sni = "a.test", .version = version, .certificate = files});
      handshake(*one);
      EXPECT_TRUE(run_until([&] { return errors(TlsError::client_cert) == before + 1; }));
    });
  }
};

TEST_F(TlsRefusalTest, LogsTheClientItsCertificateAndTheReason) {
  TestAuthority others("others");
  const IssuedFiles expired =
      authority.issue({.common_name = "old \"x\"", .from_days = -20, .until_days = -10});
  const IssuedFiles revoked = authority.issue({.common_name = "revoked"});
  const IssuedFiles stranger = others.issue({.common_name = "stranger"});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto expect_line = [&](const IssuedFiles& files, const std::string& subject,
                                 const std::string& reason) {
      const std::string log = refused(files, version);
      EXPECT_EQ(count(log, "tls.client_refused"), 1u) << log;
      EXPECT_THAT(log, AllOf(HasSubstr("level=info"), HasSubstr("listener=l"),
                             HasSubstr("client=127.0.0.1:"), HasSubstr("sni=a.test"),
                             HasSubstr(subject), HasSubstr(reason)));
    };
    demand("require", authority.revoke({revoked}));
    expect_line(expired, "CN=old ", "certificate has expired");
    expect_line(revoked, "CN=revoked", "certificate revoked");
    expect_line(stranger, "CN=stranger",
                "self-signed certificate in certificate chain, of the authority 'CN=others'");
    expect_line({}, "", "peer did not return a certificate");
  }
}

TEST_F(TlsRefusalTest, LogsAnExpiredRevocationList) {
  const IssuedFiles good = authority.issue({.common_name = "good"});
  demand("optional", authority.revoke({}, -1));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string log = refused(good, version);
    EXPECT_EQ(count(log, "tls.client_refused"), 1u) << log;
    EXPECT_THAT(log, AllOf(HasSubstr("CN=good"), HasSubstr("CRL has expired")));
  }
}

TEST_F(TlsRefusalTest, AcceptedClientIsNotLogged) {
  demand("require");
  const std::string log = logged([&] {
    auto one = peer({.certificate = authority.issue({.common_name = "good"})});
    ASSERT_EQ(handshake(*one), State::done);
    Socket server;
    exchanged(*one, get("/"), server);
  });
  EXPECT_THAT(log, Not(HasSubstr("refused")));
}

TEST_F(TlsRefusalTest, LogsTheBackendItsCertificateAndTheReason) {
  const IssuedFiles old = authority.issue(
      {.hosts = {"IP:127.0.0.1"}, .common_name = "old", .from_days = -20, .until_days = -10});
  for (const char* protocol : {"http", "tcp"}) {
    apply(std::string("listeners: [{ name: l, bind: '127.0.0.1:0', protocol: ") + protocol +
          ", cluster: " + protocol + " }]\nclusters:\n" +
          cluster_text(protocol, backend.address(), "tls: { ca: '" + authority.file() + "' }"));
    const std::string log = logged([&] {
      Socket one = client();
      EXPECT_TRUE(one.send(get("/")));
      TlsPeer server(accepted(), {.certificate = old, .server = true});
      EXPECT_TRUE(run_until([&] { return server.step_handshake() == State::failed; }));
      turns(3);
    });
    EXPECT_EQ(count(log, "backend.certificate_refused"), 1u) << log;
    EXPECT_THAT(log, AllOf(HasSubstr("level=warn"), HasSubstr("CN=old"),
                           HasSubstr("certificate has expired")));
  }
}

}  // namespace
}  // namespace weir::test
