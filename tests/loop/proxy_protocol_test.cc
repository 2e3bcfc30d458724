// The PROXY protocol: received from a proxy in front of weir, and sent to backends.
#include "preamble/proxy_header.h"
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ProxyProtocolTest : public TlsFixture {
 protected:
  void accepting(const std::string& listener, const std::string& networks = "127.0.0.0/8") {
    apply("listeners: [{ name: l, bind: '127.0.0.1:0', " + listener +
          ", proxy_protocol: { accept: ['" + networks + "'] } }]\nclusters:\n" +
          cluster_text("c", backend.address(), ""));
  }
  void telling(const std::string& version, const std::string& tls = "") {
    apply("listeners: [{ name: l, bind: '127.0.0.1:0', cluster: c" + tls + " }]\nclusters:\n" +
          cluster_text("c", backend.address(), "proxy_protocol: " + version));
  }
  static std::string v2(const std::string& source, const std::string& destination) {
    std::array<char, kMaxWrittenProxyHeader> memory;
    const auto header =
        write_proxy_v2(memory, *Address::parse(source), *Address::parse(destination));
    return {header.data(), header.size()};
  }
  // The complete header, as received.
  ProxyHeader received_header(Socket& server) {
    ProxyRead read;
    EXPECT_TRUE(run_until([&] {
      got_ += server.receive(1, 1ms);
      read = read_proxy_header(got_);
      return read.state != ProxyRead::State::incomplete;
    }));
    EXPECT_EQ(read.state, ProxyRead::State::complete) << read.reason;
    return read.header;
  }
  std::string got_;
};

constexpr const char* kHttp = "protocol: http, cluster: c";

TEST_F(ProxyProtocolTest, ClientIsTheAddressInTheHeader) {
  accepting(kHttp);
  for (const std::string& header : {std::string("PROXY TCP4 192.0.2.7 127.0.0.1 4711 80\r\n"),
                                    v2("192.0.2.7:4711", "127.0.0.1:80")}) {
    Sides sides = asked(header + get("/"));
    EXPECT_THAT(sides.request, HasSubstr("\r\nX-Forwarded-For: 192.0.2.7\r\n"));
    answered(sides, ok("x"));
    EXPECT_EQ(worker.survey(1).oldest.at(0).client, "192.0.2.7:4711");
    sides.client.close();
    EXPECT_TRUE(run_until([&] { return worker.active() == 0; }));
  }
}

TEST_F(ProxyProtocolTest, HeaderThatArrivesByteByByteIsRead) {
  accepting("cluster: c");
  Socket one = client();
  const std::string header = "PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
  for (const char byte : header) {
    ASSERT_TRUE(one.send({&byte, 1}));
    turns(2);
    EXPECT_TRUE(no_connection_arrives());
  }
  ASSERT_TRUE(one.send("hello"));
  Socket server = accepted();
  EXPECT_EQ(bytes(server, 5), "hello") << "and nothing of the header";
}

TEST_F(ProxyProtocolTest, HeaderWithoutAddressesKeepsThePeerAsTheClient) {
  accepting(kHttp);
  Sides sides = asked("PROXY UNKNOWN\r\n" + get("/"));
  EXPECT_THAT(sides.request, HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"));
}

TEST_F(ProxyProtocolTest, ProxyWithoutAHeaderIsRefusedAtOnce) {
  accepting(kHttp);
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  EXPECT_TRUE(run_until([&] { return one.wait_end(1ms) != Socket::End::open; }));
  EXPECT_EQ(ended("l", EndReason::bad_proxy_header), 1u);
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(ProxyProtocolTest, LateHeaderEndsTheConnection) {
  accepting("cluster: c, timeouts: { proxy_header: 3s }");
  Socket one = client();
  ASSERT_TRUE(one.send("PROXY TCP4 "));
  turns(3);
  advance(2s);
  EXPECT_EQ(worker.active(), 1u);
  advance(2s);
  EXPECT_TRUE(run_until([&] { return one.wait_end(1ms) != Socket::End::open; }));
  EXPECT_EQ(ended("l", EndReason::proxy_header_timeout), 1u);
}

TEST_F(ProxyProtocolTest, ProxyThatClosesWithinItsHeaderIsClientClosed) {
  accepting("cluster: c");
  Socket one = client();
  ASSERT_TRUE(one.send("PROXY TCP4 "));
  one.finish();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 1; }));
}

// Otherwise a peer that is not in the list could claim any address.
TEST_F(ProxyProtocolTest, HeaderOfAnUntrustedPeerIsNotRead) {
  accepting(kHttp, "192.0.2.0/24");
  Sides sides = asked(get("/"));
  EXPECT_THAT(sides.request, HasSubstr("\r\nX-Forwarded-For: 127.0.0.1\r\n"));
  EXPECT_THAT(answer_to("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n" + get("/")),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(ProxyProtocolTest, TlsFollowsTheHeader) {
  TestAuthority authority;
  const IssuedFiles files = authority.issue({.hosts = {"a.test"}});
  accepting(std::string(kHttp) + ", tls: { certificates: [{ cert: '" + files.cert + "', key: '" +
            files.key + "' }] }");
  Socket socket = client();
  ASSERT_TRUE(socket.send(v2("192.0.2.7:4711", "127.0.0.1:443")));
  TlsPeer one(std::move(socket), {.sni = "a.test"});
  ASSERT_EQ(handshake(one), TlsPeer::State::done);
  ASSERT_TRUE(one.send(get("/")));
  Socket server = accepted();
  EXPECT_THAT(message(server), HasSubstr("\r\nX-Forwarded-For: 192.0.2.7\r\n"));
}

TEST_F(ProxyProtocolTest, BackendsReceiveTheAddressOfTheClient) {
  for (const std::string version : {"v1", "v2"}) {
    got_.clear();
    telling(version);
    Socket one = client();
    Socket server = accepted();
    const ProxyHeader header = received_header(server);
    EXPECT_EQ(header.source.text(), one.local().text());
    EXPECT_EQ(header.destination.text(), address().text());
    ASSERT_TRUE(one.send("hello"));
    EXPECT_EQ(bytes(server, 5), "hello");
  }
}

// A socket of both families has ::ffff:127.0.0.1 for it.
TEST_F(ProxyProtocolTest, Ipv4ClientOfADualStackListenerIsIpv4Everywhere) {
  for (const std::string version : {"v1", "v2"}) {
    got_.clear();
    apply("listeners: [{ name: l, bind: ':0', cluster: c }]\nclusters:\n" +
          cluster_text("c", backend.address(), "proxy_protocol: " + version));
    Socket one = Socket::connect(Address::loopback(address().port()));
    Socket server = accepted();
    const ProxyHeader header = received_header(server);
    EXPECT_EQ(header.source.text(), one.local().text());
    EXPECT_EQ(header.destination.text(), Address::loopback(address().port()).text());
    EXPECT_EQ(got_.substr(0, 10),
              version == "v1" ? "PROXY TCP4" : std::string("\r\n\r\n\0\r\nQUI", 10));
    if (version == "v2") {
      EXPECT_EQ(got_.at(13), 0x11);
    }
    EXPECT_EQ(worker.survey(1).oldest.at(0).client, one.local().text());
    one.close();
    server.close();
    EXPECT_TRUE(run_until([&] { return worker.active() == 0; }));
  }
}

TEST_F(ProxyProtocolTest, MappedAddressesInAHeaderAreIpv4) {
  accepting(kHttp, "::ffff:127.0.0.0/104");
  Sides sides = asked("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:127.0.0.1 4711 80\r\n" + get("/"));
  EXPECT_THAT(sides.request, HasSubstr("\r\nX-Forwarded-For: 192.0.2.7\r\n"));
  answered(sides, ok("x"));
  EXPECT_EQ(worker.survey(1).oldest.at(0).client, "192.0.2.7:4711");
}

TEST_F(ProxyProtocolTest, BackendsReceiveTheTlsPropertiesOfTheClient) {
  TestAuthority authority;
  const IssuedFiles files = authority.issue({.hosts = {"a.test"}});
  telling("v2",
          ", tls: { certificates: [{ cert: '" + files.cert + "', key: '" + files.key + "' }] }");
  TlsPeer one(client(), {.sni = "a.test"});
  ASSERT_EQ(handshake(one), TlsPeer::State::done);
  Socket server = accepted();
  const ProxyTls tls = received_header(server).tls();
  EXPECT_EQ(tls.version, "TLSv1.3");
  EXPECT_EQ(tls.authority, "a.test");
}

TEST_F(ProxyProtocolTest, ReceivedHeaderIsForwarded) {
  apply(
      "listeners: [{ name: l, bind: '127.0.0.1:0', cluster: c, proxy_protocol: { accept: "
      "[127.0.0.1] } }]\n"
      "clusters:\n" +
      cluster_text("c", backend.address(), "proxy_protocol: v1"));
  Socket one = client();
  ASSERT_TRUE(one.send(v2("[2001:db8::7]:4711", "[2001:db8::1]:80")));
  Socket server = accepted();
  const auto told = received_header(server);
  EXPECT_EQ(told.source.text(), "[2001:db8::7]:4711");
  EXPECT_EQ(told.destination.text(), "[2001:db8::1]:80");
}

}  // namespace
}  // namespace weir::test
