// The PROXY protocol with nginx on both sides of weir; and byte by byte the TLVs of version 2 about
// TLS that weir has terminated, which no program reports.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

#include "support/access_lines.h"
#include "support/config_text.h"
#include "support/foreign_server.h"
#include "support/http_backend.h"
#include "support/tls_steps.h"

namespace weir::test {
namespace {

constexpr const char* kLoadStream = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;";

class ProxyHeaderTest : public testing::Test {
 protected:
  // A client with its own address.
  Socket client(const Address& to) const {
    return Socket::connect_from(*Address::parse("127.0.0.9:0"), to);
  }
  const Address behind_ = free_address();
  const Address front_ = free_address();
  Address bind_ = free_address();
};

TEST_F(ProxyHeaderTest, NginxBackendGetsTheAddressOfTheClientAndAcceptsChecks) {
  const ForeignServer nginx = ForeignServer::nginx(
      fmt::format("http {{ {} server {{ listen {} proxy_protocol; location / {{ return 200 "
                  "\"$proxy_protocol_addr:$proxy_protocol_port to "
                  "$proxy_protocol_server_addr:$proxy_protocol_server_port\"; }} }} }}",
                  kNginxInItsFolder, behind_.text()),
      {behind_});
  for (const std::string version : {"v1", "v2"}) {
    bind_ = free_address();
    ProxyProcess weir(
        config_text(listener("web", bind_, "app"),
                    cluster("app", {behind_},
                            "proxy_protocol: " + version +
                                ", health_check: {type: http, interval: 200ms, timeout: 200ms}"),
                    "logging: {access: {output: none}}\n"));
    HttpPeer peer(client(bind_));
    const std::string told = peer.socket().local().text() + " to " + bind_.text();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(peer.ask(http_get("/")).body, told) << version;
    EXPECT_TRUE(weir.await_at_least("weir_backend_health_checks_total", {{"result", "ok"}}, 3));
    EXPECT_EQ(weir.scrape().sum("weir_backend_health_checks_total", {{"result", "fail"}}), 0);
  }
}

// HAProxy 2.6 refuses version 2 for families that are not of IP, which version 1 calls UNKNOWN.
TEST_F(ProxyHeaderTest, ClientWithoutAnAddressIsServed) {
  const ForeignServer nginx = ForeignServer::nginx(
      fmt::format("http {{ {} server {{ listen {} proxy_protocol; location / {{ return 200 "
                  "$remote_addr; }} }} }}",
                  kNginxInItsFolder, behind_.text()),
      {behind_});
  const TempFolder folder;
  bind_ = *Address::parse("unix:" + folder / "socket");
  for (const std::string version : {"v1", "v2"}) {
    ProxyProcess weir(config_text(listener("web", bind_, "app"),
                                  cluster("app", {behind_}, "proxy_protocol: " + version)));
    HttpPeer peer(Socket::connect(bind_));
    EXPECT_EQ(peer.ask(http_get("/")).body, "127.0.0.1") << version;
  }
}

TEST_F(ProxyHeaderTest, ClientIsTheOneThatNginxReports) {
  HttpBackend backend([](HttpPeer& peer, HttpMessage& request) {
    return peer.send(http_ok(request.field("X-Forwarded-For")));
  });
  ProxyProcess weir(config_text(
      http_listener("web", bind_, "cluster: app, proxy_protocol: {accept: 127.0.0.0/8}"),
      cluster("app", {backend.address()}), "logging: {access: {format: json}}\n"));
  const ForeignServer nginx = ForeignServer::nginx(
      fmt::format("{}\nstream {{ server {{ listen {}; proxy_pass {}; proxy_protocol on; }} }}",
                  kLoadStream, front_.text(), bind_.text()),
      {front_});
  HttpPeer peer(client(front_));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(peer.ask(http_get("/")).body, "127.0.0.9");
  EXPECT_TRUE(line_of(weir, peer.socket().local().text()).is_object()) << weir.errors();
}

// Type and value of each, as proxy-protocol.txt has them: two bytes of length follow the type.
std::map<int, std::string> tlvs(std::string_view bytes) {
  std::map<int, std::string> found;
  const auto byte = [&](size_t at) { return size_t(static_cast<unsigned char>(bytes[at])); };
  while (bytes.size() >= 3) {
    const size_t size = byte(1) * 256 + byte(2);
    if (bytes.size() < 3 + size) break;
    found[int(byte(0))] = bytes.substr(3, size);
    bytes.remove_prefix(3 + size);
  }
  EXPECT_EQ(bytes, "") << "nothing is left over";
  return found;
}

// The contents of version 2 for IPv4.
struct Told {
  std::string source;  // four bytes
  std::map<int, std::string> all = {};
  std::string client = {};              // of PP2_TYPE_SSL: client flags, result of the verification
  std::map<int, std::string> tls = {};  // and the TLVs inside it
};

Told read_told(Socket& server) {
  const std::string fixed = server.receive(16);
  EXPECT_EQ(fixed.substr(0, 14), std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14));
  const size_t size = size_t(static_cast<unsigned char>(fixed.at(14))) * 256 +
                      static_cast<unsigned char>(fixed.at(15));
  const std::string rest = server.receive(size);
  EXPECT_EQ(rest.size(), size);
  Told told{.source = rest.substr(0, 4), .all = tlvs(rest.substr(12))};
  const std::string tls = told.all[0x20];
  EXPECT_GE(tls.size(), 5u);
  told.client = tls.substr(0, 5);
  told.tls = tlvs(tls.substr(5));
  return told;
}

class TlsHeaderTest : public ProxyHeaderTest {
 protected:
  static constexpr int kAlpn = 0x01, kAuthority = 0x02, kVersion = 0x21, kName = 0x22,
                       kCipher = 0x23;

  std::string text() const {
    return config_text(listener("web", bind_, "app",
                                tls_with(site_.cert, site_.key,
                                         ", alpn: [one, two], client_auth: {mode: optional, ca: '" +
                                             authority_.file() + "'}")),
                       cluster("app", {backend_.address()}, "proxy_protocol: v2"),
                       "logging: {access: {output: none}}\n");
  }
  // The header for this client, whose connection is then open.
  Told told(TlsPeer& peer) {
    EXPECT_EQ(handshake(peer), TlsPeer::State::done) << peer.error();
    Socket server = backend_.accept();
    const Told told = read_told(server);
    EXPECT_TRUE(peer.send("hello"));
    EXPECT_EQ(server.receive(5), "hello") << "nothing is between the header and it";
    EXPECT_TRUE(server.send("world"));
    EXPECT_EQ(receive_until(peer, "world"), "world");
    return told;
  }

  TestAuthority authority_;
  IssuedFiles site_ = authority_.issue({.hosts = {"a.test"}});
  IssuedFiles own_ = authority_.issue({.common_name = "client-one"});
  Acceptor backend_;
};

TEST_F(TlsHeaderTest, Version2HasTheTlsProperties) {
  ProxyProcess weir(text());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer peer(client(bind_), {.sni = "a.test", .alpn = {"two"}, .version = version});
    Told said = told(peer);
    EXPECT_EQ(said.source, std::string("\x7f\0\0\x09", 4));
    EXPECT_EQ(said.all[kAlpn], "two");
    EXPECT_EQ(said.all[kAuthority], "a.test");
    EXPECT_EQ(said.client, std::string("\x01\0\0\0\x01", 5)) << "TLS, and no certificate";
    EXPECT_EQ(said.tls[kVersion], SSL_get_version(peer.ssl()));
    EXPECT_EQ(said.tls[kCipher], SSL_get_cipher(peer.ssl()));
    EXPECT_EQ(said.tls.count(kName), 0u);
  }
}

TEST_F(TlsHeaderTest, Version2HasTheSubjectOfTheClientCertificateAlsoWhenResumed) {
  ProxyProcess weir(text());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer first(client(bind_), {.version = version, .certificate = own_});
    Told said = told(first);
    EXPECT_EQ(said.client, std::string("\x07\0\0\0\0", 5));
    EXPECT_EQ(said.tls[kName], "client-one");
    ASSERT_NE(first.session(), nullptr);
    TlsPeer second(client(bind_), {.version = version, .session = first.session()});
    said = told(second);
    EXPECT_TRUE(SSL_session_reused(second.ssl()));
    EXPECT_EQ(said.client, std::string("\x05\0\0\0\0", 5)) << "not over this connection";
    EXPECT_EQ(said.tls[kName], "client-one");
  }
}

}  // namespace
}  // namespace weir::test
