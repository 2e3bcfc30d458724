// Health checks of backends with TLS: a backend with an invalid certificate is down.
#include "health/health_check.h"
#include "support/http_fixture.h"
#include "support/tls_peer.h"

namespace weir::test {
namespace {

using Type = config::HealthCheck::Type;
using State = TlsPeer::State;

class TlsHealthCheckTest : public testing::Test, public TestLoop, private HealthObserver {
 protected:
  void check(Type type, const std::string& ca, uint32_t fall = 3) {
    config::ClusterTls tls;
    tls.ca = ca;
    tls.alpn = alpn_;
    TlsLoading loading;
    const std::shared_ptr<TlsClient> client = TlsClient::load(tls, loading);
    ASSERT_TRUE(client);
    config::HealthCheck spec;
    spec.type = type;
    spec.jitter = 0;
    spec.fall = fall;
    interval_ = spec.interval;
    checks_.apply({{backend_, spec, client, "127.0.0.1"}});
  }
  // The backend of one check: it answers the request, and reports whether the session was resumed.
  bool serve_one(const IssuedFiles& files, int version) {
    Socket socket;
    EXPECT_TRUE(run_until([&] {
      if (wait_ready(acceptor_.fd(), POLLIN, 1ms)) socket = acceptor_.accept(1s);
      return static_cast<bool>(socket);
    }));
    TlsPeer::Wish wish;
    wish.certificate = files;
    wish.version = version;
    wish.server = true;
    TlsPeer peer(std::move(socket), wish);
    SSL_CTX_set_alpn_select_cb(
        SSL_get_SSL_CTX(peer.ssl()),
        +[](SSL*, const unsigned char**, unsigned char*, const unsigned char* in, unsigned size,
            void* to) {
          static_cast<std::string*>(to)->assign(reinterpret_cast<const char*>(in), size);
          return SSL_TLSEXT_ERR_NOACK;
        },
        &offered_);
    static unsigned char keys[80] = "not a secret";
    SSL_CTX_set_tlsext_ticket_keys(SSL_get_SSL_CTX(peer.ssl()), keys, sizeof keys);
    const size_t before = results_.size();
    std::string asked;
    State state = State::going_on;
    EXPECT_TRUE(run_until([&] {
      if (state == State::going_on) state = peer.step_handshake();
      if (state == State::done) asked += peer.receive();
      if (asked.ends_with("\r\n\r\n") && peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        asked.clear();
      return results_.size() > before;
    }));
    return SSL_session_reused(peer.ssl()) != 0;
  }
  void next_round() {
    clock.advance(interval_ + 50ms);
    turns(2);
  }
  void on_check(const Backend&, CheckResult result) override { results_.push_back(result); }
  void on_health_change(const Backend&, HealthChange) override {}
  void on_primed() override {}

  TestAuthority authority_;
  IssuedFiles here_ = authority_.issue({.hosts = {"IP:127.0.0.1"}});
  Acceptor acceptor_;
  std::shared_ptr<Backend> backend_ =
      std::make_shared<Backend>("app", "b", acceptor_.address().text(), acceptor_.address());
  std::vector<CheckResult> results_;
  std::vector<std::string> alpn_;
  std::string offered_;  // to the last one, as on the wire
  Duration interval_{};
  HealthChecks checks_{loop, *this, 1};
};

TEST_F(TlsHealthCheckTest, BackendWithAValidCertificateIsUp) {
  for (const Type type : {Type::tcp, Type::http}) {
    backend_->set_health(Health::unknown);
    check(type, authority_.file());
    serve_one(here_, 0);
    EXPECT_EQ(backend_->health(), Health::up);
    checks_.apply({});
  }
}

TEST_F(TlsHealthCheckTest, BackendOfAnotherAuthorityIsDownAndTheLogReportsWhy) {
  TestAuthority others("others");
  for (const Type type : {Type::tcp, Type::http}) {
    LogCapture log;
    backend_->set_health(Health::unknown);
    check(type, others.file());
    serve_one(here_, 0);
    EXPECT_EQ(backend_->health(), Health::down);
    EXPECT_THAT(log.events(), testing::HasSubstr("TLS: its certificate (CN=test) is refused: "
                                                 "self-signed certificate in certificate chain"));
    checks_.apply({});
  }
}

TEST_F(TlsHealthCheckTest, BackendWithoutTlsIsDownAndTheLogReportsWhy) {
  LogCapture log;
  check(Type::tcp, authority_.file());
  Socket socket;
  EXPECT_TRUE(run_until([&] {
    if (wait_ready(acceptor_.fd(), POLLIN, 1ms)) socket = acceptor_.accept(1s);
    return static_cast<bool>(socket);
  }));
  ASSERT_TRUE(socket.send("220 ready\r\n"));
  EXPECT_TRUE(run_until([&] { return !results_.empty(); }));
  EXPECT_EQ(backend_->health(), Health::down);
  EXPECT_THAT(log.events(), testing::HasSubstr("TLS: "));
}

// A resumed session sends no certificate: the check would not detect its expiry.
TEST_F(TlsHealthCheckTest, EachCheckVerifiesTheCertificate) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    backend_->set_health(Health::unknown);
    check(Type::http, authority_.file(), 1);
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(serve_one(here_, version)) << version;
      EXPECT_EQ(backend_->health(), Health::up);
      next_round();
    }
    serve_one(authority_.issue({.hosts = {"b.test"}}), version);
    EXPECT_EQ(backend_->health(), Health::down) << version;
    checks_.apply({});
  }
}

TEST_F(TlsHealthCheckTest, HttpCheckOffersOnlyHttp11InAlpn) {
  alpn_ = {"h2", "http/1.1"};
  check(Type::http, authority_.file());
  serve_one(here_, 0);
  EXPECT_EQ(offered_, "\x08http/1.1");
  EXPECT_EQ(backend_->health(), Health::up);
  checks_.apply({});
  backend_->set_health(Health::unknown);
  check(Type::tcp, authority_.file());
  serve_one(here_, 0);
  EXPECT_EQ(offered_, "\x02h2\x08http/1.1") << "the same as a session";
  checks_.apply({});
  alpn_.clear();
  offered_.clear();
  backend_->set_health(Health::unknown);
  check(Type::http, authority_.file());
  serve_one(here_, 0);
  EXPECT_EQ(offered_, "");
  checks_.apply({});
}

}  // namespace
}  // namespace weir::test
