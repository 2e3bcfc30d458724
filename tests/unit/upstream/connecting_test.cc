// The steps of connecting that TCP sessions, HTTP exchanges and health checks share.
#include "upstream/connecting.h"

#include <gmock/gmock.h>

#include <optional>

#include "support/log_capture.h"
#include "support/test_loop.h"
#include "support/tls_peer.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Connecting = Transport::Connecting;

class ConnectingTest : public testing::Test, protected TestLoop {
 protected:
  // A cluster of one backend at `address`.
  void add(const Address& address, const std::string& tls_host = "") {
    HostSpec host;
    host.backend = std::make_shared<Backend>("c", "b", address.text(), address);
    host.tls_host = tls_host;
    spec.hosts = {host};
    spec.backoff = {.base = 1s, .max = 10s};
    cluster.emplace(spec, metrics, 1);
  }
  void use_tls() {
    config::ClusterTls tls;
    tls.ca = authority.file();
    TlsLoading loading;
    spec.tls = TlsClient::load(tls, loading);
    ASSERT_TRUE(spec.tls);
  }
  // With a certificate for a.test.
  TlsPeer::Wish as_server() {
    TlsPeer::Wish wish;
    wish.server = true;
    wish.certificate = authority.issue({.hosts = {"a.test"}});
    return wish;
  }
  Connecting begin() { return begin_connecting(loop, transport, spec, spec.hosts[0]); }
  Connecting proceed(std::string_view proxy_header = {}) {
    return continue_connecting(transport, spec, spec.hosts[0], proxy_header);
  }
  // Waits until the connection is established or has failed; `step` runs the other side in between.
  template <typename Step>
  Connecting connect(std::string_view proxy_header, Step&& step) {
    Connecting state = begin();
    if (state == Connecting::failed) return state;
    EXPECT_TRUE(run_until([&] {
      step();
      if (state != Connecting::failed) state = proceed(proxy_header);
      return state != Connecting::pending;
    }));
    return state;
  }
  Connecting connect(std::string_view proxy_header = {}) {
    return connect(proxy_header, [] {});
  }
  Backend& backend() { return *spec.hosts[0].backend; }
  uint64_t errors(ConnectError error) { return cluster->cells_of(0).connect_errors[error].value; }
  void record(ConnectError error) {
    record_connect_failure(transport, *cluster, 0, error, clock.now());
  }

  TestAuthority authority;
  ClusterSpec spec;
  WorkerMetrics metrics{0};
  std::optional<Cluster> cluster;
  Transport transport;
};

TEST_F(ConnectingTest, ConnectsWithoutTls) {
  Acceptor acceptor;
  add(acceptor.address());
  EXPECT_EQ(connect(), Connecting::done);
  EXPECT_EQ(transport.tls(), nullptr);
  EXPECT_TRUE(acceptor.accept());
}

TEST_F(ConnectingTest, SendsTheProxyHeaderFirst) {
  Acceptor acceptor;
  add(acceptor.address());
  ASSERT_EQ(connect("PROXY UNKNOWN\r\n"), Connecting::done);
  ASSERT_EQ(transport.write(std::string_view("data")).bytes, 4u);
  transport.close();
  EXPECT_EQ(acceptor.accept().receive_all(), "PROXY UNKNOWN\r\ndata");
}

TEST_F(ConnectingTest, SendsTheProxyHeaderOnceBeforeTheHandshake) {
  Acceptor acceptor;
  add(acceptor.address(), "a.test");
  use_tls();
  const std::string header = "PROXY UNKNOWN\r\n";
  std::string received(header.size(), '\0');
  size_t size = 0;
  Socket socket;
  std::optional<TlsPeer> peer;
  const auto serve = [&] {
    if (!socket && !peer) socket = acceptor.accept();
    if (size < header.size()) {
      size += socket.receive_some(received.data() + size, header.size() - size);
      return;
    }
    if (!peer) peer.emplace(std::move(socket), as_server());
    peer->step_handshake();
  };
  EXPECT_EQ(connect(header, serve), Connecting::done);
  EXPECT_EQ(received, header);
  ASSERT_TRUE(peer);
  EXPECT_STREQ(SSL_get_servername(peer->ssl(), TLSEXT_NAMETYPE_host_name), "a.test");
}

TEST_F(ConnectingTest, VerifiesTheNameInTheCertificate) {
  Acceptor acceptor;
  add(acceptor.address(), "other.test");
  use_tls();
  std::optional<TlsPeer> peer;
  const auto serve = [&] {
    if (!peer) peer.emplace(acceptor.accept(), as_server());
    peer->step_handshake();
  };
  LogCapture log;
  ASSERT_EQ(connect("", serve), Connecting::failed);
  EXPECT_EQ(connect_error(transport), ConnectError::tls_name);
  record(ConnectError::tls_name);
  record(ConnectError::tls_name);
  EXPECT_EQ(errors(ConnectError::tls_name), 2u);
  const std::string events = log.events();
  const size_t first = events.find("backend.certificate_refused");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(events.find("backend.certificate_refused", first + 1), std::string::npos)
      << "one line a minute: " << events;
}

TEST_F(ConnectingTest, TakesTheStreamOfTheCaller) {
  Acceptor acceptor;
  add(acceptor.address(), "a.test");
  use_tls();
  std::unique_ptr<TlsStream> stream = spec.tls->connect_to_check("a.test", TlsClient::CheckProtocol::any);
  ASSERT_TRUE(stream);
  const TlsStream* const made = stream.get();
  ASSERT_NE(begin(), Connecting::failed);
  ASSERT_TRUE(run_until([&] {
    EXPECT_EQ(continue_connecting(transport, stream), Connecting::pending);
    return stream == nullptr;
  }));
  EXPECT_EQ(transport.tls(), made);
}

TEST_F(ConnectingTest, FailsWithoutANameToVerify) {
  Acceptor acceptor;
  add(acceptor.address());
  use_tls();
  EXPECT_EQ(connect(), Connecting::failed);
  EXPECT_EQ(connect_error(transport), ConnectError::other);
}

TEST_F(ConnectingTest, RefusalIsCountedAndLoggedAndHoldsTheBackendOff) {
  add(free_address());
  LogOptions options;
  options.level = LogLevel::debug;
  LogCapture log(options);
  ASSERT_EQ(connect(), Connecting::failed);
  EXPECT_EQ(connect_error(transport), ConnectError::refused);
  record(ConnectError::refused);
  EXPECT_EQ(errors(ConnectError::refused), 1u);
  EXPECT_TRUE(backend().held_off(clock.now()));
  const std::string events = log.events();
  EXPECT_THAT(events, HasSubstr("backend.connect_failed"));
  EXPECT_THAT(events, HasSubstr("error=refused"));
  EXPECT_THAT(events, Not(HasSubstr("tls=")));
  record_connect_success(*cluster, 0);
  EXPECT_FALSE(backend().held_off(clock.now()));
}

TEST_F(ConnectingTest, MissingUnixSocketIsARefusal) {
  add(*Address::parse("unix:/nonexistent/socket"));
  ASSERT_EQ(connect(), Connecting::failed);
  EXPECT_EQ(connect_error(transport), ConnectError::refused);
}

TEST_F(ConnectingTest, TimeoutOfTheCallerHoldsTheBackendOff) {
  add(free_address());
  ASSERT_NE(begin(), Connecting::done);
  record(ConnectError::timeout);
  EXPECT_EQ(errors(ConnectError::timeout), 1u);
  EXPECT_TRUE(backend().held_off(clock.now()));
}

TEST(ConnectErrors, LocalErrorsDoNotHoldTheBackendOff) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL})
    EXPECT_TRUE(is_local(error)) << error;
  for (const int error : {0, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, EAGAIN, ECONNRESET})
    EXPECT_FALSE(is_local(error)) << error;
}

}  // namespace
}  // namespace weir::test
