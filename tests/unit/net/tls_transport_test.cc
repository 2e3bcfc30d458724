// A Transport with TLS alone: its results must be those of a plain Transport.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/transport.h"
#include "support/socket_pair.h"
#include "support/test_loop.h"
#include "support/tls_peer.h"
#include "tls/tls_server.h"

namespace weir::test {
namespace {

class TlsTransportTest : public testing::Test, protected TestLoop {
 protected:
  void SetUp() override {
    config::ListenerTls spec;
    const IssuedFiles files = authority.issue({.hosts = {"a.test"}});
    spec.certificates.push_back({"a", files.cert, files.key, "", {}, {}});
    TlsLoading loading;
    server = TlsServer::load(spec, {}, loading);
    ASSERT_TRUE(server);
    SocketPair pair = tcp_pair();
    peer.emplace(Socket(pair.a.release()), TlsPeer::Wish{});
    ASSERT_TRUE(transport.open(loop, pair.b.release()));
    transport.start_tls(server->accept());
    bool there = false;
    ASSERT_TRUE(run_until([&] {
      there |= transport.handshake() == Transport::Connecting::done;
      return peer->step_handshake() == TlsPeer::State::done && there;
    }));
    while (transport.read(memory).status == Io::Status::ok) continue;
    turns(2);
  }

  TestAuthority authority;
  std::shared_ptr<TlsServer> server;
  Transport transport;
  std::optional<TlsPeer> peer;
  std::array<char, 65536> memory;
};

// Before it sends a request that cannot be repeated over a kept connection, weir asks the kernel:
// no event has reported this end.
TEST_F(TlsTransportTest, ReadWithoutAnEventAsksTheKernel) {
  ASSERT_EQ(transport.read(memory).status, Io::Status::blocked);
  ASSERT_FALSE(transport.readable());
  ASSERT_TRUE(peer->send("x"));
  Io io = transport.read(memory);
  ASSERT_EQ(io.status, Io::Status::ok);
  EXPECT_EQ(io.bytes, 1u);
  peer->close_notify();
  peer->socket().finish();
  EXPECT_EQ(transport.read(memory).status, Io::Status::eof);
  EXPECT_FALSE(transport.cut_off());
}

// No event has reported these bytes or the reset after them, which the write detects.
TEST_F(TlsTransportTest, BytesBeforeTheResetAreReadAfterAFailedWrite) {
  ASSERT_EQ(transport.read(memory).status, Io::Status::blocked);
  ASSERT_TRUE(peer->send("x"));
  reset_on_close(peer->socket().fd());
  peer->socket().close();
  ASSERT_EQ(transport.write(std::string_view("y")).status, Io::Status::failed);
  ASSERT_TRUE(transport.readable());
  const Io io = transport.read(memory);
  EXPECT_EQ(io.status, Io::Status::ok);
  EXPECT_EQ(io.bytes, 1u);
}

TEST_F(TlsTransportTest, FinWithoutCloseNotifyIsATruncation) {
  peer->socket().finish();
  ASSERT_TRUE(run_until([&] { return transport.readable(); }));
  EXPECT_EQ(transport.read(memory).status, Io::Status::eof);
  EXPECT_TRUE(transport.cut_off());
}

// The edge of the FIN came before TLS was set up, and does not come again (trap T4).
TEST_F(TlsTransportTest, FinBeforeTheHandshakeEndsIt) {
  SocketPair pair = tcp_pair();
  TlsPeer hasty(Socket(pair.a.release()), {});
  Transport early;
  ASSERT_TRUE(early.open(loop, pair.b.release()));
  hasty.step_handshake();
  hasty.socket().finish();
  ASSERT_TRUE(run_until([&] { return early.peer_closed(); }));
  early.start_tls(server->accept());
  EXPECT_EQ(early.handshake(), Transport::Connecting::failed);
  EXPECT_TRUE(early.cut_off());
}

// A KeyUpdate while both sides are full: no data may be lost or stall.
TEST_F(TlsTransportTest, KeyUpdateWithinTheStreamChangesNoData) {
  constexpr size_t kSize = 2'000'000;
  size_t down = 0, taken = 0, up = 0, received = 0, updates = 0;
  bool right = true;
  const auto check = [&right](std::string_view bytes, size_t at) {
    while (!bytes.empty()) {
      const std::string_view expected = pattern(at, std::min<size_t>(bytes.size(), 65536));
      right &= bytes.substr(0, expected.size()) == expected;
      at += expected.size();
      bytes.remove_prefix(expected.size());
    }
  };
  ASSERT_TRUE(run_until(
      [&] {
        while (transport.writable() && down < kSize) {
          const Io io = transport.write(pattern(down, std::min<size_t>(65536, kSize - down)));
          EXPECT_NE(io.status, Io::Status::failed);
          down += io.bytes;
        }
        if (up < kSize && up <= received) {
          if (++updates % 8 == 0) SSL_key_update(peer->ssl(), SSL_KEY_UPDATE_REQUESTED);
          const std::string_view next = pattern(up, std::min<size_t>(16384, kSize - up));
          EXPECT_TRUE(peer->send(std::string(next)));
          up += next.size();
        }
        for (Io io{}; transport.readable(); received += io.bytes) {
          io = transport.read(memory);
          if (io.status != Io::Status::ok) break;
          check({memory.data(), io.bytes}, received);
        }
        // The peer reads only now and then.
        if (updates % 4 == 0 || up == kSize) {
          const std::string got = peer->receive();
          check(got, taken);
          taken += got.size();
        }
        return taken == kSize && received == kSize;
      },
      5000))
      << down << " sent, " << taken << " taken; " << up << " sent, " << received << " received";
  EXPECT_TRUE(right);
  EXPECT_GT(updates, 16u);
}

// OpenSSL answers with the next write, or, after a second KeyUpdate before that, during a read.
void ask_for_new_keys(TlsPeer& peer, const std::string& bytes) {
  for (const char byte : bytes) {
    SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED);
    ASSERT_TRUE(peer.send({byte}));
  }
}

// A transport that has written as many bytes as fit, and has made records of further bytes.
class FullTlsTransportTest : public TlsTransportTest {
 protected:
  void SetUp() override {
    TlsTransportTest::SetUp();
    while (transport.writable()) sent += transport.write(pattern(sent, 65536)).bytes;
  }
  bool reads(const std::string& bytes) {
    std::string got;
    return run_until([&] {
      got.append(memory.data(), transport.read(memory).bytes);
      return got == bytes;
    });
  }
  // Waits for the end of the other side, orderly or not.
  std::string all_that_comes() {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += peer->receive();
      return peer->ended() || peer->cut_off();
    }));
    return got;
  }
  size_t sent = 0;
};

// The answer follows the pending records, whose bytes have not been reported to the caller yet.
TEST_F(FullTlsTransportTest, KeyUpdateWhileRecordsArePendingRepeatsNoData) {
  ask_for_new_keys(*peer, "abc");
  std::string got = peer->receive();  // now the socket has room, and no event has reported it
  ASSERT_TRUE(reads("abc"));
  ASSERT_TRUE(run_until([&] {
    got += peer->receive();
    if (sent < 8'000'000 && transport.writable())
      sent += transport.write(pattern(sent, 65536)).bytes;
    return sent >= 8'000'000;
  }));
  transport.shutdown_write();
  got += all_that_comes();
  ASSERT_GE(got.size(), sent);  // the pending records contain the next bytes
  for (size_t at = 0; at < got.size(); at += 65536) {
    const std::string_view some = std::string_view(got).substr(at, 65536);
    ASSERT_EQ(some, pattern(at, some.size())) << "after " << at;
  }
}

TEST_F(FullTlsTransportTest, BlockedCloseNotifyIsSentWhenTheSocketBecomesWritable) {
  transport.shutdown_write();
  EXPECT_TRUE(transport.fin_waits());
  all_that_comes();
  EXPECT_TRUE(peer->ended());
  EXPECT_FALSE(transport.fin_waits());
}

// Pending output is bounded, also for a peer that sends KeyUpdates without end and does not read.
TEST_F(FullTlsTransportTest, EndlessKeyUpdatesEndTheConnection) {
  Io io{};
  for (int i = 0; i < 10'000 && io.status != Io::Status::failed; ++i) {
    ask_for_new_keys(*peer, "xx");
    turns(1);  // each turn has its budget
    for (io = {}; io.status == Io::Status::ok;) io = transport.read(memory);
  }
  EXPECT_EQ(io.status, Io::Status::failed);
  EXPECT_EQ(transport.error(), ENOBUFS);
}

// Records without data: OpenSSL processes them as long as it can read more.
class RecordsWithoutDataTest : public TlsTransportTest {
 protected:
  struct Reader : TransportReader {
    explicit Reader(Transport& of) : transport(of) { of.set_reader(this); }
    void on_readable() override {
      char bytes[100];
      while (transport.readable() && status != Io::Status::failed) {
        const Io io = transport.read(bytes);
        status = io.status;
        if (status != Io::Status::ok) break;
        got.append(bytes, io.bytes);
      }
    }
    Transport& transport;
    std::string got;
    Io::Status status = Io::Status::blocked;
  };
  void send_key_updates(int n) {
    for (int i = 0; i < n; ++i) {
      SSL_key_update(peer->ssl(), SSL_KEY_UPDATE_REQUESTED);
      ASSERT_EQ(SSL_do_handshake(peer->ssl()), 1);
    }
  }
};

TEST_F(RecordsWithoutDataTest, BurstOfKeyUpdatesEndsTheConnection) {
  send_key_updates(600);
  Reader reader(transport);
  turns(1);
  EXPECT_TRUE(run_until([&] { return reader.status == Io::Status::failed; }));
  EXPECT_EQ(transport.error(), EPROTO);
  EXPECT_STREQ(transport.tls()->failure(), "too many key updates");
}

TEST_F(RecordsWithoutDataTest, KeyUpdatesBetweenDataAreSpreadOverTurnsWithoutLoss) {
  const std::string bytes(1000, 'x');
  for (const char byte : bytes) {
    SSL_key_update(peer->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    ASSERT_TRUE(peer->send({byte}));
  }
  Reader reader(transport);
  turns(1);
  EXPECT_LT(reader.got.size(), 300u) << "a turn must not serve one connection only";
  EXPECT_TRUE(run_until([&] { return reader.got.size() == bytes.size(); }));
  EXPECT_NE(reader.status, Io::Status::failed);
}

TEST_F(RecordsWithoutDataTest, OccasionalKeyUpdatesAreAccepted) {
  Reader reader(transport);
  for (int i = 0; i < 20; ++i) {
    send_key_updates(20);
    ASSERT_TRUE(run_until([&] {
      int bytes = 0;  // sent and not received
      return ::ioctl(peer->socket().fd(), SIOCOUTQ, &bytes) == 0 && bytes == 0;
    }));
    turns(5);
    advance(10s);
  }
  EXPECT_NE(reader.status, Io::Status::failed);
  ASSERT_TRUE(peer->send("x"));
  EXPECT_TRUE(run_until([&] { return reader.got == "x"; })) << transport.tls()->failure();
}

// A slow network delivers every record in parts: more of them in a turn than may be without data.
TEST_F(RecordsWithoutDataTest, DataOfPartialRecordsIsNotDelayed) {
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set0_wbio(peer->ssl(), out);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(SSL_write(peer->ssl(), "x", 1), 1);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    const std::string record(bytes, static_cast<size_t>(size));
    ASSERT_EQ(BIO_reset(out), 1);
    ASSERT_TRUE(peer->socket().send(record.substr(0, 10)));
    ASSERT_EQ(transport.read(memory).status, Io::Status::blocked);
    ASSERT_TRUE(peer->socket().send(record.substr(10)));
    const Io io = transport.read(memory);
    ASSERT_EQ(io.status, Io::Status::ok) << i;
    ASSERT_EQ(io.bytes, 1u);
  }
}

// A part of a handshake that never becomes whole, in records of one byte.
TEST_F(RecordsWithoutDataTest, HandshakeInTinyRecordsIsReadInPortions) {
  SocketPair pair = tcp_pair();
  const int fd = pair.b.get();
  const auto unread = [fd] {
    int bytes = 0;
    return ::ioctl(fd, FIONREAD, &bytes) == 0 ? static_cast<size_t>(bytes) : 0;
  };
  Transport slow;
  ASSERT_TRUE(slow.open(loop, pair.b.release()));
  std::string records;
  const std::string hello = std::string("\x01\x00\xea\x60", 4) + std::string(9996, 'x');
  for (const char byte : hello) records += std::string("\x16\x03\x01\x00\x01", 5) + byte;
  size_t sent = 0;
  ASSERT_TRUE(run_until([&] {
    const ssize_t n =
        ::send(pair.a.get(), &records[sent], records.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) sent += static_cast<size_t>(n);
    return sent == records.size() && unread() == sent;
  }));
  slow.start_tls(server->accept());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(slow.handshake(), Transport::Connecting::pending);
  EXPECT_GT(unread(), sent / 2) << "a turn must not serve one connection only";
  EXPECT_TRUE(run_until([&] {
    if (slow.readable()) {
      EXPECT_EQ(slow.handshake(), Transport::Connecting::pending);
    }
    return unread() == 0;
  })) << "the rest is read in later turns without an event";
}

// The caller has given up the bytes, and may have sent them over another connection.
TEST_F(FullTlsTransportTest, CloseSendsNoPendingBytes) {
  std::string got = peer->receive();  // now the socket has room
  ASSERT_FALSE(got.empty());
  transport.close();
  got += all_that_comes();
  EXPECT_LE(got.size(), sent);
  EXPECT_TRUE(peer->cut_off());
  EXPECT_FALSE(peer->ended());
}

TEST_F(TlsTransportTest, AfterCloseNotifyItReadsButSendsNothing) {
  transport.shutdown_write();
  ask_for_new_keys(*peer, "the rest");
  peer->close_notify();
  peer->socket().finish();
  std::string got;
  Io io{};
  ASSERT_TRUE(run_until([&] {
    io = transport.read(memory);
    if (io.status == Io::Status::ok) got.append(memory.data(), io.bytes);
    return io.status == Io::Status::eof || io.status == Io::Status::failed;
  }));
  EXPECT_EQ(got, "the rest");
  EXPECT_EQ(io.status, Io::Status::eof);
  EXPECT_FALSE(transport.cut_off());
}

// One event has reported both, and no other will follow.
TEST_F(TlsTransportTest, ResetAfterAPartialRecordIsDetectedAfterSomeTime) {
  struct Reader : TransportReader {
    void on_readable() override {
      while (transport.readable() && status != Io::Status::failed) {
        char bytes[100];
        status = transport.read(bytes).status;
      }
    }
    explicit Reader(Transport& of) : transport(of) {}
    Transport& transport;
    Io::Status status = Io::Status::blocked;
  } reader(transport);
  transport.set_reader(&reader);
  const int fd = peer->socket().fd();
  ASSERT_EQ(::send(fd, "\x17\x03\x03\x01", 4, 0), 4);
  reset_on_close(fd);
  peer->socket().close();
  turns(2);
  for (int i = 0; i < 3; ++i) advance(500ms);
  EXPECT_EQ(reader.status, Io::Status::failed);
  EXPECT_TRUE(transport.was_reset());
}

// The payload of the records that the peer has read, in order, without its close_notify.
class TlsRecordSizesTest : public TlsTransportTest {
 protected:
  std::vector<size_t> sizes_of(size_t total) {
    std::vector<size_t> sizes;
    SSL_set_msg_callback(
        peer->ssl(), [](int writing, int, int type, const void* header, size_t, SSL*, void* to) {
          constexpr size_t kAround = 17;  // a tag and a type
          const auto* bytes = static_cast<const uint8_t*>(header);
          if (writing == 0 && type == SSL3_RT_HEADER)
            static_cast<std::vector<size_t>*>(to)->push_back(bytes[3] * 256u + bytes[4] - kAround);
        });
    SSL_set_msg_callback_arg(peer->ssl(), &sizes);
    size_t sent = 0, got = 0;
    EXPECT_TRUE(run_until([&] {
      if (sent < total && transport.writable())
        sent += transport.write(pattern(0, total).substr(sent)).bytes;
      got += peer->receive().size();
      return got == total;
    }));
    return sizes;
  }
};

TEST_F(TlsRecordSizesTest, AreSmallAtFirstThenOfMaximumSizeAndSmallAgainAfterAPause) {
  (void)peer->receive();  // the ticket
  EXPECT_EQ(sizes_of(6000), (std::vector<size_t>{4096, 1904}));
  const std::vector<size_t> most(14, 4096);
  std::vector<size_t> rest = sizes_of(65536 - 6000 + 1000);
  ASSERT_GE(rest.size(), most.size());
  EXPECT_EQ(std::vector<size_t>(rest.begin(), rest.begin() + 14), most);
  EXPECT_EQ(sizes_of(40'000), (std::vector<size_t>{16384, 16384, 7232}));
  advance(999ms);
  EXPECT_EQ(sizes_of(5000), (std::vector<size_t>{5000}));
  advance(1s);
  EXPECT_EQ(sizes_of(5000), (std::vector<size_t>{4096, 904}));
}

}  // namespace
}  // namespace weir::test
