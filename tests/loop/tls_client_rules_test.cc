// Hosts of one listener with different client authentication, and the fields about client
// certificates for backends.
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using State = TlsPeer::State;

class TlsClientRulesTest : public TlsListenerFixture {
 protected:
  std::string rules(const std::string& mode, const std::string& more = "") const {
    return ", client_auth: { mode: " + mode + ", ca: '" + authority.file() + "'" + more + " }";
  }
  // a.test needs no client certificate, b.test requires one.
  void serve_two() {
    secure("certificates: [" + entry(site) + ", " + entry(inner, rules("require")) + "]");
  }
  std::string ask(TlsPeer& peer, const std::string& host) {
    EXPECT_TRUE(peer.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"));
    return answer(peer);
  }
  // In TLS 1.3 the handshake of the client is complete before the server verifies its certificate.
  void expect_refusal(TlsPeer& peer) {
    if (handshake(peer) == State::failed) return;
    EXPECT_TRUE(run_until([&] {
      peer.receive();
      return peer.cut_off();
    }));
  }
  // The request of this client, as the backend receives it.
  std::string seen(const IssuedFiles& files, const std::string& fields = "") {
    auto one = peer({.certificate = files});
    EXPECT_EQ(handshake(*one), State::done);
    Socket server;
    return exchanged(*one, get("/", fields), server);
  }
  static std::string value_of(const std::string& name, const std::string& message) {
    const size_t at = message.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return message.substr(begin, message.find("\r\n", begin) - begin);
  }

  IssuedFiles inner = authority.issue({.hosts = {"b.test", "*.b.test"}, .common_name = "b"});
  IssuedFiles known = authority.issue({.hosts = {"client.test"}, .common_name = "client"});
};

TEST_F(TlsClientRulesTest, ApplyToTheirHostsOnly) {
  serve_two();
  auto guest = peer({.sni = "a.test"});
  ASSERT_EQ(handshake(*guest), State::done);
  EXPECT_THAT(ask(*guest, "a.test"), StartsWith("HTTP/1.1 200 "));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto stranger = peer({.sni = "x.b.test", .version = version});
    expect_refusal(*stranger);
    auto friendly = peer({.sni = "b.test", .version = version, .certificate = known});
    ASSERT_EQ(handshake(*friendly), State::done) << friendly->error();
    EXPECT_THAT(ask(*friendly, "b.test"), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_EQ(errors(TlsError::client_cert), 2u);
}

// A client that is accepted for one host is not accepted for another one named in its request.
TEST_F(TlsClientRulesTest, RequestForAHostWithOtherRulesIsMisdirected) {
  serve_two();
  for (const char* host : {"b.test", "B.TEST:8443", "deep.b.test", "b.test.", "b.test.:8443",
                           "b.test..", "a.deep.b.test", "%62.test"}) {
    auto guest = peer({.sni = "a.test"});
    ASSERT_EQ(handshake(*guest), State::done);
    EXPECT_THAT(ask(*guest, host), StartsWith("HTTP/1.1 421 ")) << host;
    EXPECT_TRUE(run_until([&] {
      guest->receive();
      return guest->ended();
    })) << "a client that keeps the connection would get 421 for ever";
  }
  auto root = peer({.sni = "a.test"});
  ASSERT_EQ(handshake(*root), State::done);
  EXPECT_THAT(ask(*root, "a.test."), StartsWith("HTTP/1.1 200 ")) << "the same host";
  auto insider = peer({.sni = "b.test", .certificate = known});
  ASSERT_EQ(handshake(*insider), State::done);
  EXPECT_THAT(ask(*insider, "x.b.test"), StartsWith("HTTP/1.1 200 ")) << "the same rules";
  EXPECT_THAT(ask(*insider, "a.test"), StartsWith("HTTP/1.1 421 "));
  EXPECT_TRUE(
      run_until([&] { return cells("l").request_errors[RequestError::misdirected].value == 9; }));
  EXPECT_EQ(imbalance("l"), 0);
}

TEST_F(TlsClientRulesTest, TicketOfOneSiteIsNotAcceptedByAnother) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    serve_two();
    auto guest = peer({.sni = "a.test", .version = version});
    ASSERT_EQ(handshake(*guest), State::done);
    ask(*guest, "a.test");
    ASSERT_NE(guest->session(), nullptr);
    SSL_set_shutdown(guest->ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    const uint64_t before = errors(TlsError::client_cert);
    auto climber = peer({.sni = "b.test", .version = version, .session = guest->session()});
    expect_refusal(*climber);
    EXPECT_EQ(errors(TlsError::client_cert), before + 1) << version;
  }
}

// The new rules apply also to open connections.
TEST_F(TlsClientRulesTest, NewRulesApplyToOpenConnectionsAndANewListDoesNotEndThem) {
  secure(certificate(site));
  auto early = peer({.sni = "a.test"});
  ASSERT_EQ(handshake(*early), State::done);
  EXPECT_THAT(ask(*early, "a.test"), StartsWith("HTTP/1.1 200 "));
  secure(certificate(site) + rules("require"));
  EXPECT_THAT(ask(*early, "a.test"), StartsWith("HTTP/1.1 421 "));

  TempFolder folder;
  const std::string list = folder / "list.pem";
  const auto put = [&](const std::string& file) {
    std::filesystem::copy_file(file, list, std::filesystem::copy_options::overwrite_existing);
    secure(certificate(site) + rules("require", ", crl: '" + list + "'"));
  };
  put(authority.revoke({}));
  auto late = peer({.sni = "a.test", .certificate = known});
  ASSERT_EQ(handshake(*late), State::done);
  EXPECT_THAT(ask(*late, "a.test"), StartsWith("HTTP/1.1 200 "));
  put(authority.revoke({site}));
  EXPECT_THAT(ask(*late, "a.test"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TlsClientRulesTest, BackendReceivesTheIdentityOfTheClient) {
  secure(certificate(site) + rules("optional"));
  const std::string message = seen(known);
  const std::string value = value_of("X-Forwarded-Client-Cert", message);
  EXPECT_THAT(value, AllOf(StartsWith("Hash="),
                           testing::EndsWith(";Subject=\"CN=client\";DNS=client.test")));
  EXPECT_EQ(value.find(';'), 5u + 64u) << value;
  EXPECT_THAT(message, Not(HasSubstr("\r\nClient-Cert")));
  EXPECT_THAT(seen({}), Not(HasSubstr("Cert")));

  secure(certificate(site) + rules("require", ", forward: client_cert"));
  const std::string whole = seen(known);
  EXPECT_THAT(value_of("Client-Cert", whole), AllOf(StartsWith(":MII"), testing::EndsWith(":")));
  EXPECT_THAT(whole, Not(HasSubstr("X-Forwarded-Client-Cert")));
  secure(certificate(site) + rules("require", ", forward: both"));
  EXPECT_THAT(seen(known), AllOf(HasSubstr("\r\nClient-Cert: :"),
                                 HasSubstr("\r\nX-Forwarded-Client-Cert: Hash=")));
  secure(certificate(site) + rules("require", ", forward: none"));
  EXPECT_THAT(seen(known), Not(HasSubstr("Cert")));
}

TEST_F(TlsClientRulesTest, ResumedClientHasTheSameIdentity) {
  secure(certificate(site) + rules("require"));
  auto first = peer({.certificate = known});
  ASSERT_EQ(handshake(*first), State::done);
  ask(*first, "a.test");
  ASSERT_NE(first->session(), nullptr);
  auto second = peer({.certificate = known, .session = first->session()});
  ASSERT_EQ(handshake(*second), State::done);
  EXPECT_TRUE(SSL_session_reused(second->ssl()));
  Socket server;
  EXPECT_THAT(exchanged(*second, get("/"), server), HasSubstr("Subject=\"CN=client\""));
}

// In any spelling, and with any other clients accepted.
TEST_F(TlsClientRulesTest, ClientCertificateFieldsSentByClientsAreRemoved) {
  constexpr const char* kForged =
      "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=forged\"\r\n"
      "x-forwarded-client-cert: forged\r\n"
      "X_Forwarded_Client_Cert: forged\r\n"
      "Client-Cert: :Zm9yZ2Vk:\r\n"
      "Client_Cert: forged\r\n"
      "Client-Cert-Chain: :Zm9yZ2Vk:\r\n"
      "Connection: X-Forwarded-Client-Cert, Client-Cert\r\n";
  for (const std::string& more : {rules("optional", ", forward: both"), std::string()}) {
    secure(certificate(site) + more);
    const std::string message = seen({}, kForged);
    EXPECT_THAT(message, AllOf(Not(HasSubstr("forged")), Not(HasSubstr("Zm9yZ2Vk")),
                               Not(HasSubstr("ient-"))))
        << message;
  }
  secure(certificate(site) + rules("require", ", forward: both"));
  const std::string message = seen(known, kForged);
  EXPECT_THAT(message, AllOf(Not(HasSubstr("forged")), Not(HasSubstr("Zm9yZ2Vk"))));
  EXPECT_THAT(message, AllOf(HasSubstr("\r\nClient-Cert: :MII"), HasSubstr("Subject=\"CN=client")));
}

TEST_F(TlsClientRulesTest, HostWithTwoRulesIsRefused) {
  const IssuedFiles other = authority.issue({.hosts = {"b.test", "c.test"}});
  TlsLoading loading;
  config::ListenerTls spec;
  for (const IssuedFiles& files : {inner, other})
    spec.certificates.push_back({"", files.cert, files.key, "", {}, {}});
  ASSERT_TRUE(TlsServer::load(spec, {}, loading));
  spec.certificates[1].client_auth = {
      {config::ClientAuth::require, authority.file(), "", 4, config::ClientFields::xfcc}};
  ASSERT_FALSE(TlsServer::load(spec, {}, loading));
  ASSERT_EQ(loading.errors(), 1u);
  EXPECT_THAT(loading.findings().back().message,
              AllOf(HasSubstr("'b.test'"), HasSubstr("client_auth")));
}

}  // namespace
}  // namespace weir::test
