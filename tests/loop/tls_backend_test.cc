// TLS towards backends: verification, PROXY header, SNI, and the ends of connections.
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Wish = TlsPeer::Wish;
using State = TlsPeer::State;
using PeerPtr = std::unique_ptr<TlsPeer>;

class TlsBackendTest : public TlsFixture {
 protected:
  // Cluster `c` whose backend uses TLS; `tls` and `cluster` are its keys.
  void secure(const std::string& tls, const std::string& cluster = "",
              const std::string& listener = "cluster: c, retry: { attempts: 0 }") {
    serve(listener, "tls: {" + tls + "}" + (cluster.empty() ? "" : ", ") + cluster);
  }
  void secure_tcp(const std::string& tls) {
    apply("listeners: [{ name: l, bind: '127.0.0.1:0', protocol: tcp, cluster: c }]\nclusters:\n" +
          cluster_text("c", backend.address(), "tls: {" + tls + "}"));
  }
  std::string trusted() const { return "ca: '" + authority.file() + "'"; }

  static Wish as_server(const IssuedFiles& files, int version = 0) {
    Wish wish;
    wish.certificate = files;
    wish.version = version;
    wish.server = true;
    return wish;
  }
  // The backend's end of the next connection, before its handshake. All connections accept each
  // other's tickets, as with a real server.
  PeerPtr next(const Wish& wish) { return over(accepted(), wish); }
  static PeerPtr over(Socket socket, const Wish& wish) {
    auto peer = std::make_unique<TlsPeer>(std::move(socket), wish);
    static unsigned char keys[80] = "not a secret";
    SSL_CTX_set_tlsext_ticket_keys(SSL_get_SSL_CTX(peer->ssl()), keys, sizeof keys);
    return peer;
  }
  PeerPtr met(const Wish& wish) {
    PeerPtr peer = next(wish);
    EXPECT_EQ(handshake(*peer), State::done) << peer->error();
    return peer;
  }
  // An answer to the request that waits at `server`.
  std::string answered(TlsPeer& server, Socket& to, const std::string& body) {
    EXPECT_THAT(text(server, "\r\n\r\n"), HasSubstr("HTTP/1.1\r\n"));
    EXPECT_TRUE(server.send(ok(body)));
    return until(to, body);
  }
  // The client's end of a request that has been sent.
  Socket asking(const std::string& request = get("/")) {
    Socket one = client();
    EXPECT_TRUE(one.send(request));
    return one;
  }
  BackendCells cells() { return backend_cells("c", backend.address().text()); }
  uint64_t errors(ConnectError error) { return cells().connect_errors[error].value; }
  // A handshake that weir ends, and the response to the client.
  void expect_refused(const Wish& wish, ConnectError error) {
    const uint64_t before = errors(error);
    Socket one = asking();
    PeerPtr server = next(wish);
    handshake(*server);  // the server's side may have completed
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
    EXPECT_EQ(errors(error), before + 1) << text_of_errors();
  }
  std::string text_of_errors() {
    std::string all;
    for (size_t i = 0; i < kListSize<ConnectError>; ++i)
      all += fmt::format("{} {} ", weir::text(static_cast<ConnectError>(i)),
                         errors(static_cast<ConnectError>(i)));
    return all;
  }

  TestAuthority authority;
  IssuedFiles here = authority.issue({.hosts = {"IP:127.0.0.1"}, .common_name = "here"});
  IssuedFiles named = authority.issue({.hosts = {"b.test"}, .common_name = "named"});
};

TEST_F(TlsBackendTest, RequestsAreServedOverOneKeptConnection) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    secure(trusted() + (version == TLS1_3_VERSION ? ", min_version: '1.3'" : ""));
    const uint64_t before = cells().connects.value;
    Socket one = asking();
    PeerPtr server = met(as_server(here, version));
    EXPECT_EQ(SSL_version(server->ssl()), version);
    EXPECT_THAT(answered(*server, one, "first"), StartsWith("HTTP/1.1 200 "));
    ASSERT_TRUE(one.send(get("/")));
    EXPECT_THAT(answered(*server, one, "second"), StartsWith("HTTP/1.1 200 "));
    EXPECT_EQ(cells().connects.value, before + 1);
  }
}

// In TLS 1.3 the server may send them at any time, in records like data.
TEST_F(TlsBackendTest, TicketsAfterAResponseDoNotEndTheConnection) {
  secure(trusted());
  Socket one = asking();
  PeerPtr server = met(as_server(here, TLS1_3_VERSION));
  for (int i = 0; i < 3; ++i) {
    answered(*server, one, "hello");
    ASSERT_EQ(SSL_new_session_ticket(server->ssl()), 1);
    ASSERT_EQ(SSL_do_handshake(server->ssl()), 1);  // sends the ticket
    turns(5);
    EXPECT_EQ(cells().idle.value, 1) << i;
    ASSERT_TRUE(one.send(get("/")));
  }
  answered(*server, one, "hello");
  EXPECT_EQ(cells().connects.value, 1u);
  EXPECT_EQ(cells().connect_errors.sum(), 0u);
}

TEST_F(TlsBackendTest, KeptConnectionClosedByItsBackendIsNotReused) {
  secure(trusted());
  Socket one = asking();
  for (const bool polite : {true, false}) {
    PeerPtr server = met(as_server(here));
    answered(*server, one, "hello");
    if (polite) server->close_notify();
    server->socket().finish();
    EXPECT_TRUE(run_until([&] { return cells().idle.value == 0; }));
    ASSERT_TRUE(one.send(get("/")));
  }
  PeerPtr server = met(as_server(here));
  EXPECT_THAT(answered(*server, one, "hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TlsBackendTest, BackendOfAnotherAuthorityReceivesNoRequest) {
  secure(trusted());
  TestAuthority others("others");
  const IssuedFiles foreign = others.issue({.hosts = {"IP:127.0.0.1"}});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    expect_refused(as_server(foreign, version), ConnectError::tls_verify);
  }
}

TEST_F(TlsBackendTest, BackendWithAnotherNameReceivesNoRequest) {
  secure(trusted());
  expect_refused(as_server(named), ConnectError::tls_name);
}

TEST_F(TlsBackendTest, BackendWithAnExpiredCertificateReceivesNoRequest) {
  secure(trusted());
  expect_refused(
      as_server(authority.issue({.hosts = {"IP:127.0.0.1"}, .from_days = -10, .until_days = -2})),
      ConnectError::tls_verify);
}

TEST_F(TlsBackendTest, AcceptsAnyCertificateWithoutVerification) {
  TestAuthority others("others");
  for (const IssuedFiles& files : {others.issue({.hosts = {"IP:127.0.0.1"}}), named}) {
    secure("verify: false");
    Socket one = asking("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    PeerPtr server = met(as_server(files));
    EXPECT_THAT(answered(*server, one, "hello"), StartsWith("HTTP/1.1 200 "));
    server->close_notify();
    server->socket().finish();
    EXPECT_TRUE(run_until([&] { return cells().idle.value == 0; }));
  }
}

TEST_F(TlsBackendTest, SendsTheConfiguredHostAsServerName) {
  const auto asked_for = [&](const std::string& tls, const IssuedFiles& files) {
    secure(tls);
    Socket one = asking();
    PeerPtr server = met(as_server(files));
    const char* name = SSL_get_servername(server->ssl(), TLSEXT_NAMETYPE_host_name);
    const std::string asked = name != nullptr ? name : "no name";
    answered(*server, one, "hello");
    return asked;
  };
  EXPECT_EQ(asked_for(trusted(), here), "no name") << "no SNI for an IP address (RFC 6066 3)";
  EXPECT_EQ(asked_for(trusted() + ", sni: b.test", named), "b.test");
  EXPECT_EQ(asked_for(trusted() + ", verify_name: b.test", named), "no name");
  EXPECT_EQ(asked_for(trusted() + ", sni: x.test, verify_name: b.test", named), "x.test");
  EXPECT_EQ(asked_for(trusted() + ", sni: x.test, verify_name: 127.0.0.1", here), "x.test");
}

TEST_F(TlsBackendTest, VerifiesTheConfiguredNameInsteadOfTheServerName) {
  secure(trusted() + ", sni: b.test, verify_name: x.test");
  expect_refused(as_server(named), ConnectError::tls_name);
}

TEST_F(TlsBackendTest, SendsItsOwnCertificateAndOffersItsProtocol) {
  const IssuedFiles own = authority.issue({.common_name = "weir itself"});
  secure(trusted() + ", cert: '" + own.cert + "', key: '" + own.key + "', alpn: [http/1.1]");
  Socket one = asking();
  Wish wish = as_server(here);
  wish.trust = &authority;
  PeerPtr server = next(wish);
  std::string offered;
  SSL_CTX_set_alpn_select_cb(
      SSL_get_SSL_CTX(server->ssl()),
      +[](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
          unsigned in_size, void* to) {
        static_cast<std::string*>(to)->assign(reinterpret_cast<const char*>(in), in_size);
        *out = in + 1;
        *size = *in;
        return SSL_TLSEXT_ERR_OK;
      },
      &offered);
  ASSERT_EQ(handshake(*server), State::done) << server->error();
  EXPECT_EQ(server->peer_name(), "weir itself");
  EXPECT_EQ(offered, "\x08http/1.1");
  answered(*server, one, "hello");
}

TEST_F(TlsBackendTest, SendsItsPreviousCertificateUntilTheNewOneIsValid) {
  const TempFolder folder;
  const auto use = [&](const TestAuthority::Wish& wish) {
    const IssuedFiles files = authority.issue(wish);
    const auto put = [&](const std::string& from, const std::string& name) {
      std::filesystem::copy_file(from, folder / name,
                                 std::filesystem::copy_options::overwrite_existing);
      return folder / name;
    };
    secure(trusted() + ", cert: '" + put(files.cert, "cert") + "', key: '" + put(files.key, "key") +
           "'");
  };
  const auto shown = [&] {
    Socket one = asking();
    Wish wish = as_server(here);
    wish.trust = &authority;
    PeerPtr server = met(wish);
    const std::string name = server->peer_name();
    answered(*server, one, "hello");
    return name;
  };
  use({.common_name = "old"});
  EXPECT_EQ(shown(), "old");
  use({.common_name = "early", .from_days = 2});
  EXPECT_EQ(shown(), "old");
  use({.common_name = "earlier", .from_days = 1});
  EXPECT_EQ(shown(), "old") << "over another reload, too";
  use({.common_name = "new"});
  EXPECT_EQ(shown(), "new");
}

TEST_F(TlsBackendTest, BackendWithoutTlsOrWithAnOldVersionIsABadGateway) {
  secure(trusted());
  Socket one = asking();
  Socket plain = accepted();
  ASSERT_TRUE(plain.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(errors(ConnectError::tls), 1u) << text_of_errors();
  secure(trusted() + ", min_version: '1.3'");
  expect_refused(as_server(here, TLS1_2_VERSION), ConnectError::tls);
}

TEST_F(TlsBackendTest, StalledHandshakeOfABackendIsATimeout) {
  secure(trusted(), "timeouts: { connect: 3s }");
  Socket one = asking();
  Socket server = accepted();
  turns(5);
  advance(2s);
  EXPECT_TRUE(receives_nothing(one));
  advance(2s);
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(errors(ConnectError::timeout), 1u) << text_of_errors();
  rest(server);
  EXPECT_NE(server.end(), Socket::End::open);
  EXPECT_EQ(cells().active.value, 0);
}

TEST_F(TlsBackendTest, FurtherConnectionResumesTheTlsSession) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    // A new cluster, without the state of the round before.
    secure(trusted() + fmt::format(", sni: v{}.test, verify_name: 127.0.0.1", version));
    Socket one = asking();
    PeerPtr first = met(as_server(here, version));
    EXPECT_FALSE(SSL_session_reused(first->ssl()));
    answered(*first, one, "first");
    ASSERT_TRUE(one.send(get("/")));
    text(*first, "\r\n\r\n");
    Socket two = asking();
    PeerPtr second = met(as_server(here, version));
    EXPECT_TRUE(SSL_session_reused(second->ssl())) << version;
    EXPECT_THAT(answered(*second, two, "second"), StartsWith("HTTP/1.1 200 "));
    ASSERT_TRUE(first->send(ok("last")));
    until(one, "last");
  }
}

// A body without a length ends with the close_notify; an attacker can forge a FIN.
TEST_F(TlsBackendTest, BodyUntilCloseIsCompleteOnlyWithCloseNotify) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* protocol : {"HTTP/1.0", "HTTP/1.1"}) {
      for (const bool polite : {true, false}) {
        secure(trusted());
        Socket one = asking(fmt::format("GET / {}\r\nHost: a\r\n\r\n", protocol));
        PeerPtr server = met(as_server(here, version));
        text(*server, "\r\n\r\n");
        ASSERT_TRUE(server->send("HTTP/1.0 200 OK\r\n\r\nall of it"));
        EXPECT_THAT(until(one, "all of it"), StartsWith("HTTP/1.1 200 "));
        if (polite) server->close_notify();
        server->socket().finish();
        if (polite && protocol == std::string("HTTP/1.1")) {
          EXPECT_THAT(until(one, "0\r\n\r\n"), EndsWith("\r\n0\r\n\r\n"));
          continue;
        }
        std::string behind;
        EXPECT_TRUE(run_until([&] {
          if (!polite) advance(10ms);  // the reset waits until the bytes are acknowledged
          behind += one.receive_all(1ms);
          return one.end() != Socket::End::open;
        }));
        EXPECT_THAT(behind, Not(HasSubstr("\r\n0\r\n")));
        EXPECT_EQ(one.end(), polite ? Socket::End::fin : Socket::End::reset) << protocol << version;
      }
    }
  }
}

TEST_F(TlsBackendTest, BodyOfKnownLengthNeedsNoCloseNotify) {
  secure(trusted());
  Socket one = asking();
  PeerPtr server = met(as_server(here));
  text(*server, "\r\n\r\n");
  ASSERT_TRUE(server->send(ok("hello")));
  server->socket().finish();
  EXPECT_THAT(until(one, "hello"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(receives_nothing(one));
}

TEST_F(TlsBackendTest, BackendThatClosesDuringItsHandshakeIsReplacedAlsoForAPost) {
  for (const bool reset : {true, false}) {
    Acceptor first, second;
    apply("listeners:\n" + listener_text("cluster: c") +
          fmt::format("clusters:\n  - {{ name: c, backends: [{}, {}], tls: {{ {} }} }}\n",
                      first.address().text(), second.address().text(), trusted()));
    Socket one = asking(post("/", "abc"));
    bool at_first = false;
    ASSERT_TRUE(run_until([&] {
      at_first = wait_ready(first.fd(), POLLIN, 1ms);
      return at_first || wait_ready(second.fd(), POLLIN, 1ms);
    }));
    Socket bad = accepted(at_first ? first : second);
    bytes(bad, 100);  // of its ClientHello
    if (reset)
      bad.reset();
    else
      bad.close();
    PeerPtr good = over(accepted(at_first ? second : first), as_server(here));
    ASSERT_EQ(handshake(*good), State::done) << good->error();
    EXPECT_THAT(text(*good, "abc"), StartsWith("POST / "));
    ASSERT_TRUE(good->send(ok("hello")));
    EXPECT_THAT(until(one, "hello"), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(TlsBackendTest, RelaysTcpAndDistinguishesFinFromReset) {
  secure_tcp(trusted());
  for (const bool polite : {true, false}) {
    Socket one = asking("hello");
    PeerPtr server = met(as_server(here));
    EXPECT_EQ(text(*server, "hello"), "hello");
    ASSERT_TRUE(server->send("world"));
    EXPECT_EQ(bytes(one, 5), "world");
    if (polite) server->close_notify();
    server->socket().finish();
    EXPECT_TRUE(polite ? ends_as(one, Socket::End::fin) : ends_with_reset(one)) << polite;
  }
}

TEST_F(TlsBackendTest, TcpClientThatHasSentAFinStillGetsTheResponse) {
  secure_tcp(trusted());
  Socket one = asking("question");
  one.finish();
  PeerPtr server = met(as_server(here));
  EXPECT_EQ(text(*server, "question"), "question");
  EXPECT_TRUE(run_until([&] {
    server->receive();
    return server->ended() || server->cut_off();
  }));
  EXPECT_FALSE(server->cut_off()) << "a FIN without close_notify";
  ASSERT_TRUE(server->send("answer"));
  server->close_notify();
  server->socket().finish();
  EXPECT_EQ(rest(one), "answer");
  EXPECT_EQ(one.end(), Socket::End::fin);
}

TEST_F(TlsBackendTest, BurstOfTicketsEndsTheConnection) {
  secure_tcp(trusted());
  Socket one = client();
  PeerPtr server = met(as_server(here, TLS1_3_VERSION));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(SSL_new_session_ticket(server->ssl()), 1);
    ASSERT_EQ(SSL_do_handshake(server->ssl()), 1);
  }
  EXPECT_TRUE(ends_with_reset(one));
}

TEST_F(TlsBackendTest, GreetingOfAServerIsForwarded) {
  secure_tcp(trusted());
  Socket one = client();
  PeerPtr server = met(as_server(here));
  ASSERT_TRUE(server->send("220 ready\r\n"));
  EXPECT_EQ(until(one, "\r\n"), "220 ready\r\n");
}

TEST_F(TlsBackendTest, LargeTransfersInBothDirectionsArriveComplete) {
  secure_tcp(trusted());
  Socket one = client();
  one.shrink_buffers();
  PeerPtr server = met(as_server(here));
  const size_t size = 2'000'000;
  size_t up = 0, up_got = 0, down = 0, down_got = 0;
  bool intact = true;
  const auto compare = [&](size_t at, std::string_view got) {
    for (size_t done = 0; done < got.size();) {
      const std::string_view wanted =
          pattern(at + done, std::min<size_t>(65536, got.size() - done));
      intact &= got.substr(done, wanted.size()) == wanted;
      done += wanted.size();
    }
  };
  // In parts: a step that blocked must be repeated with the same bytes.
  SSL_set_mode(server->ssl(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  EXPECT_TRUE(run_until(
      [&] {
        if (up < size) up += one.send_some(pattern(up, std::min<size_t>(65536, size - up)));
        if (down < size) {
          const std::string_view piece = pattern(down, std::min<size_t>(16384, size - down));
          size_t n = 0;
          if (SSL_write_ex(server->ssl(), piece.data(), piece.size(), &n) == 1) down += n;
        }
        const std::string at_server = server->receive();
        compare(up_got, at_server);
        up_got += at_server.size();
        char chunk[65536];
        const size_t n = one.receive_some(chunk, sizeof chunk);
        compare(down_got, {chunk, n});
        down_got += n;
        return up_got == size && down_got == size;
      },
      20000))
      << up_got << ' ' << down_got;
  EXPECT_TRUE(intact);
}

}  // namespace
}  // namespace weir::test
