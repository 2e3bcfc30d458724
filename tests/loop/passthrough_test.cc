// TLS passthrough: the cluster is chosen by the ClientHello.
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

class PassthroughTest : public TlsFixture {
 protected:
  void SetUp() override {
    apply(
        "listeners:\n  - { name: l, bind: '127.0.0.1:0', cluster: c, timeouts: { tls_handshake: 5s "
        "}, passthrough: [\n"
        "      { hosts: [a.test, '*.a.test'], cluster: a }, { alpn: [h2], cluster: h2 } ] "
        "}\nclusters:\n" +
        cluster_text("c", backend.address(), "") + cluster_text("a", a.address(), "") +
        cluster_text("h2", h2.address(), ""));
  }
  // The backend that this client's connection arrives at, as its letter; the handshake is made
  // there.
  std::string reached(const TlsPeer::Wish& wish) {
    TlsPeer one(client(), wish);
    std::string where;
    Socket arrived;
    EXPECT_TRUE(run_until([&] {
      one.step_handshake();
      for (const auto& [name, acceptor] : {std::pair("c", &backend), {"a", &a}, {"h2", &h2}}) {
        if (!wait_ready(acceptor->fd(), POLLIN, 1ms)) continue;
        arrived = acceptor->accept(1s);
        where = name;
      }
      return !where.empty();
    }));
    TlsPeer server(std::move(arrived),
                   {.certificate = authority.issue({.hosts = {"a.test"}, .common_name = where}),
                    .server = true});
    EXPECT_TRUE(run_until([&] {
      server.step_handshake();
      return one.step_handshake() == TlsPeer::State::done;
    })) << one.error();
    EXPECT_EQ(one.peer_name(), where) << "the TLS is the backend's";
    return where;
  }
  Acceptor a, h2;
  TestAuthority authority;
};

TEST_F(PassthroughTest, FirstMatchingRuleDecides) {
  EXPECT_EQ(reached({.sni = "a.test"}), "a");
  EXPECT_EQ(reached({.sni = "x.A.test"}), "a");
  EXPECT_EQ(reached({.sni = "b.test"}), "c");
  EXPECT_EQ(reached({}), "c");
  EXPECT_EQ(reached({.sni = "b.test", .alpn = {"http/1.1", "h2"}}), "h2");
  EXPECT_EQ(reached({.sni = "a.test", .alpn = {"h2"}}), "a");
}

TEST_F(PassthroughTest, ConnectionsWithoutTlsUseTheClusterOfTheListener) {
  Socket one = client();
  ASSERT_TRUE(one.send("hello"));
  Socket server = accepted();
  EXPECT_EQ(bytes(server, 5), "hello");
}

TEST_F(PassthroughTest, LateClientHelloTimesOutWithItsReason) {
  Socket one = client();
  ASSERT_TRUE(one.send(std::string("\x16\x03\x01\x00\x80\x01\x00", 7)));
  turns(3);
  advance(4s);
  EXPECT_EQ(worker.active(), 1u);
  advance(2s);
  EXPECT_TRUE(run_until([&] { return one.wait_end(1ms) != Socket::End::open; }));
  EXPECT_EQ(ended("l", EndReason::tls_handshake_timeout), 1u);
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(PassthroughTest, InvalidClientHelloIsNotForwarded) {
  Socket one = client();
  ASSERT_TRUE(one.send(std::string("\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9)));
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::tls_handshake_failed) == 1; }));
  EXPECT_TRUE(no_connection_arrives());
}

}  // namespace
}  // namespace weir::test
