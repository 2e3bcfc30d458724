// TLS files that are replaced while weir runs: clients that were accepted by the old files are
// verified again.
#include <openssl/pem.h>

#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using State = TlsPeer::State;

class TlsRenewalTest : public TlsFixture {
 protected:
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }
  // Requires client certificates of the authorities in `trusted_` that are not revoked.
  void demand(const std::string& more = "") {
    apply(
        "listeners: [{ name: l, bind: '127.0.0.1:0', protocol: http, cluster: c, tls: { "
        "certificates: [{ cert: '" +
        site.cert + "', key: '" + site.key + "' }], client_auth: { mode: require, ca: '" +
        trusted_ + "'" + more + " } } }]\nclusters:\n" + cluster_text("c", backend.address()));
  }
  // Whether a client with this certificate, or this session, is served. Keeps its session.
  bool served(const IssuedFiles& files, int version, SSL_SESSION* session = nullptr) {
    resumed_ = false;
    TlsPeer peer(client(), {.version = version, .certificate = files, .session = session});
    if (handshake(peer) != State::done || !peer.send(get("/"))) return false;
    const std::string got = answer(peer);
    if (peer.session() != nullptr) {
      SSL_SESSION_free(session_);
      SSL_SESSION_up_ref(session_ = peer.session());
    }
    // Otherwise OpenSSL treats the session as failed.
    SSL_set_shutdown(peer.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    resumed_ = SSL_session_reused(peer.ssl()) != 0;
    return got.ends_with("hello");
  }
  void TearDown() override {
    SSL_SESSION_free(session_);
    TlsFixture::TearDown();
  }

  TestAuthority authority;
  IssuedFiles site = authority.issue({.hosts = {"a.test"}});
  IssuedFiles known = authority.issue({.common_name = "client"});
  TempFolder folder_;
  const std::string trusted_ = folder_ / "trusted.pem";
  SSL_SESSION* session_ = nullptr;
  bool resumed_ = false;
};

TEST_F(TlsRenewalTest, ClientOfAnAuthorityThatIsNoLongerTrustedCannotResume) {
  TestAuthority others("others");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    copy(authority.file(), trusted_);
    demand();
    ASSERT_TRUE(served(known, version));
    ASSERT_NE(session_, nullptr);
    ASSERT_TRUE(served(known, version, session_));
    EXPECT_TRUE(resumed_) << version;
    copy(others.file(), trusted_);
    demand();
    EXPECT_FALSE(served(known, version, session_)) << version;
    EXPECT_FALSE(resumed_) << version;
  }
}

TEST_F(TlsRenewalTest, NewAuthorityWithTheSameNameAndSerialNumberIsDistinguished) {
  TestAuthority twin;
  copy(authority.file(), trusted_);
  const auto serve_tls = [&] {
    serve("cluster: c, retry: { attempts: 0 }",
          "tls: { ca: '" + trusted_ + "' }, pool: { max_idle: 0 }");
  };
  const auto status = [&] {
    Socket one = client();
    EXPECT_TRUE(one.send(get("/")));
    TlsPeer server(accepted(),
                   {.certificate = authority.issue({.hosts = {"IP:127.0.0.1"}}), .server = true});
    std::string asked, got;
    State state = State::going_on;
    EXPECT_TRUE(run_until([&] {
      if (state == State::going_on) state = server.step_handshake();
      if (state == State::done) asked += server.receive();
      if (asked.ends_with("\r\n\r\n") && server.send(ok(""))) asked.clear();
      got += one.receive(1, 1ms);
      return got.size() > 12;
    }));
    return got.substr(9, 3);
  };
  serve_tls();
  EXPECT_EQ(status(), "200");
  copy(twin.file(), trusted_);
  serve_tls();
  EXPECT_EQ(status(), "502") << "still trusts the authority that was there before";
}

}  // namespace
}  // namespace weir::test
