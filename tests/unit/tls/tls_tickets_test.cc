// A client can resume with a ticket as long as its key is kept, at every instance with the same
// keys.
#include "tls/tls_tickets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "net/transport.h"
#include "support/socket_pair.h"
#include "support/temp_folder.h"
#include "support/test_loop.h"
#include "support/tls_peer.h"
#include "tls/tls_server.h"

namespace weir::test {
namespace {

constexpr Duration kRotation = std::chrono::hours(12);

class TicketKeysTest : public testing::Test, protected TestLoop {
 protected:
  void TearDown() override { SSL_SESSION_free(session); }

  // An instance of weir: its own contexts, with these keys.
  std::shared_ptr<TlsServer> instance(TicketKeys& with) {
    config::ListenerTls spec;
    spec.certificates.push_back({"a", files.cert, files.key, "", {}, {}});
    TlsLoading loading;
    std::shared_ptr<TlsServer> server = TlsServer::load(spec, {}, loading);
    server->use_tickets(with);
    return server;
  }
  // A client connects with the session of the last one. Returns whether it was resumed.
  bool comes_back(const TlsServer& server) {
    SocketPair pair = tcp_pair();
    TlsPeer peer(Socket(pair.a.release()), {.version = version, .session = session});
    Transport transport;
    EXPECT_TRUE(transport.open(loop, pair.b.release()));
    transport.start_tls(server.accept());
    bool there = false;
    EXPECT_TRUE(run_until([&] {
      there |= transport.handshake() == Transport::Connecting::done;
      return peer.step_handshake() == TlsPeer::State::done && there;
    }));
    EXPECT_EQ(transport.write(std::string_view("x")).bytes, 1u);
    EXPECT_TRUE(run_until([&] { return peer.receive() == "x"; }));  // and the ticket before it
    const bool known = SSL_session_reused(peer.ssl()) != 0;
    EXPECT_EQ(transport.tls()->resumed(), known);
    // OpenSSL has no callback for a renewed ticket in TLS 1.2.
    SSL_SESSION* const last =
        version == TLS1_2_VERSION ? SSL_get0_session(peer.ssl()) : peer.session();
    SSL_SESSION_up_ref(last);
    SSL_SESSION_free(std::exchange(session, last));
    peer.close_notify();
    return known;
  }
  void forget() { SSL_SESSION_free(std::exchange(session, nullptr)); }
  std::string key_file(const std::vector<char>& keys) {
    const std::string path = folder / std::to_string(++count);
    std::ofstream out(path);
    for (const char key : keys) out << std::string(TicketKeys::kKeySize, key);
    return path;
  }
  void use(TicketKeys& keys, const std::vector<char>& of) {
    TlsLoading loading;
    Result<TicketKeys::FileKeys> read = TicketKeys::read(loading, key_file(of));
    ASSERT_TRUE(read) << read.error().text();
    keys.use(std::move(*read));
  }

  TempFolder folder;
  int count = 0;
  TestAuthority authority;
  const IssuedFiles files = authority.issue({.hosts = {"a.test"}});
  SSL_SESSION* session = nullptr;
  int version = TLS1_3_VERSION;
};

TEST_F(TicketKeysTest, KeyEncryptsForOneRotationAndDecryptsForOneMore) {
  for (const int spoken : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    version = spoken;
    forget();
    TicketKeys keys(clock);
    keys.rotate_every(kRotation);
    const std::shared_ptr<TlsServer> server = instance(keys);
    EXPECT_FALSE(comes_back(*server));
    clock.advance(kRotation / 2);
    EXPECT_TRUE(comes_back(*server));
    clock.advance(kRotation);  // the key of the first ticket is an old one now
    EXPECT_TRUE(comes_back(*server));
    clock.advance(kRotation);  // the key is removed; but the ticket was renewed with the next key
    EXPECT_TRUE(comes_back(*server));
    clock.advance(2 * kRotation);
    EXPECT_FALSE(comes_back(*server)) << version;
  }
}

TEST_F(TicketKeysTest, InstancesWithTheSameFileAcceptEachOthersTickets) {
  TicketKeys here, there, elsewhere;
  use(here, {'a'});
  use(there, {'a'});
  const std::shared_ptr<TlsServer> one = instance(here), two = instance(there),
                                   other = instance(elsewhere);
  EXPECT_FALSE(comes_back(*one));
  EXPECT_TRUE(comes_back(*two));
  EXPECT_FALSE(comes_back(*other));
}

// So a new key is added to the file of every instance before one makes tickets with it.
TEST_F(TicketKeysTest, FirstKeyOfAFileEncryptsAndAllDecrypt) {
  TicketKeys keys;
  use(keys, {'a'});
  const std::shared_ptr<TlsServer> server = instance(keys);
  EXPECT_FALSE(comes_back(*server));
  use(keys, {'b', 'a'});
  EXPECT_TRUE(comes_back(*server));
  use(keys, {'b'});
  EXPECT_TRUE(comes_back(*server)) << "its ticket was renewed under the first key";
  use(keys, {'c'});
  EXPECT_FALSE(comes_back(*server));
}

TEST_F(TicketKeysTest, RejectsAFileOfAnotherSize) {
  const std::string path = key_file({'a'});
  for (const size_t size : {size_t{0}, size_t{79}, size_t{81}, 17 * TicketKeys::kKeySize}) {
    std::ofstream(path) << std::string(size, 'x');
    TlsLoading loading;
    const Result<TicketKeys::FileKeys> read = TicketKeys::read(loading, path);
    ASSERT_FALSE(read) << size;
    EXPECT_NE(read.error().message.find("80 random bytes"), std::string::npos);
  }
  TlsLoading loading;
  EXPECT_NE(TicketKeys::read(loading, "/nowhere/keys").error().message.find("/nowhere/keys"),
            std::string::npos);
}

}  // namespace
}  // namespace weir::test
