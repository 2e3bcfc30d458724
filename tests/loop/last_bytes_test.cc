// A source that ends with an error: weir delivers the bytes received before, and then aborts the
// connection. TLS and plain, all framings, both directions.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using State = TlsPeer::State;
using PeerPtr = std::unique_ptr<TlsPeer>;

constexpr size_t kSize = 100'000;

// How the source ends.
enum class Ending { fin, reset, garbage };

class LastBytesTest : public TlsFixture {
 protected:
  static constexpr const char* kTcp = "protocol: tcp, cluster: c";
  static constexpr const char* kHttp =
      "protocol: http, routes: [{ cluster: c, upgrade: websocket, retry: { attempts: 0 } }]";

  void serve_with(const std::string& listener, bool tls_client, bool tls_backend) {
    const std::string certificate = tls_client ? ", tls: { certificates: [{ cert: '" + here.cert +
                                                     "', key: '" + here.key + "' }] }"
                                               : "";
    apply("listeners: [{ name: l, bind: '127.0.0.1:0', " + listener + certificate +
          " }]\nclusters:\n" +
          cluster_text("c", backend.address(),
                       tls_backend ? "tls: { ca: '" + authority.file() + "' }" : ""));
  }
  PeerPtr tls_client() {
    auto peer = std::make_unique<TlsPeer>(client(), TlsPeer::Wish{});
    EXPECT_EQ(handshake(*peer), State::done) << peer->error();
    turns(2);
    (void)peer->receive();  // the ticket: unread, it would make a reset of the FIN
    return peer;
  }
  PeerPtr tls_server() {
    TlsPeer::Wish wish;
    wish.certificate = here;
    wish.server = true;
    auto peer = std::make_unique<TlsPeer>(accepted(), wish);
    EXPECT_EQ(handshake(*peer), State::done) << peer->error();
    return peer;
  }
  // A client or a backend with small buffers that reads only when the test calls it.
  Socket slow(Socket socket) {
    socket.shrink_buffers();
    return socket;
  }
  bool send(Socket& to, std::string_view bytes) {
    size_t gone = 0;
    return run_until([&] {
      gone += to.send_some(bytes.substr(gone));
      return gone == bytes.size();
    });
  }
  bool send(TlsPeer& to, std::string_view bytes) {
    SSL_set_mode(to.ssl(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    size_t gone = 0;
    return run_until([&] {
      const size_t piece = std::min<size_t>(16384, bytes.size() - gone);
      if (to.send(std::string(bytes.substr(gone, piece)))) gone += piece;
      return gone == bytes.size();
    });
  }
  void end(TlsPeer& peer, Ending how) {
    switch (how) {
      case Ending::fin: return peer.socket().finish();
      case Ending::reset: EXPECT_TRUE(has_left(peer.socket().fd())); return peer.socket().reset();
      case Ending::garbage:  // its decryption fails
        EXPECT_TRUE(
            peer.socket().send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x')));
        return peer.socket().finish();
    }
  }
  // All bytes have left the kernel of the source, where a reset would discard them.
  bool has_left(int fd) {
    return run_until([&] {
      int bytes = 0;
      return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes == 0;
    });
  }
  // Waits until weir has read and written all that it can.
  void settle() { turns(20); }
  // Receives to the end, while the clock advances.
  std::string all_of(Socket& socket) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += socket.receive_all(1ms);
      advance(20ms);
      return socket.end() != Socket::End::open;
    })) << got.size();
    return got;
  }
  std::string all_of(TlsPeer& peer) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += peer.receive();
      advance(20ms);
      return peer.ended() || peer.cut_off();
    })) << got.size();
    return got;
  }
  static std::string bytes_of(size_t size) {
    std::string all;
    while (all.size() < size)
      all += pattern(all.size(), std::min<size_t>(size - all.size(), 65536));
    return all;
  }
  // Describes `got` without 400,000 bytes of output.
  // The content of chunks, of which the last may be truncated.
  static std::string data_of_chunks(std::string_view text) {
    std::string data;
    for (size_t line = 0; (line = text.find("\r\n")) != std::string_view::npos;) {
      const size_t size = std::stoul(std::string(text.substr(0, line)), nullptr, 16);
      data += text.substr(line + 2, size);
      text.remove_prefix(std::min(text.size(), line + 2 + size + 2));
    }
    return data;
  }
  static testing::AssertionResult whole(const std::string& got, const std::string& sent) {
    if (got == sent) return testing::AssertionSuccess();
    return testing::AssertionFailure() << got.size() << " of " << sent.size() << " bytes";
  }

  TestAuthority authority;
  IssuedFiles here = authority.issue({.hosts = {"IP:127.0.0.1", "a.test"}, .common_name = "here"});
  const std::string sent = bytes_of(kSize);
};

TEST_F(LastBytesTest, TcpFromTlsClientIsDeliveredBeforeTheReset) {
  for (const Ending how : {Ending::fin, Ending::reset, Ending::garbage}) {
    serve_with(kTcp, true, false);
    PeerPtr one = tls_client();
    Socket server = slow(accepted());
    ASSERT_TRUE(send(*one, sent));
    end(*one, how);
    settle();
    EXPECT_EQ(worker.active(), 1u) << "it still delivers";
    EXPECT_TRUE(whole(all_of(server), sent)) << static_cast<int>(how);
    EXPECT_EQ(server.end(), Socket::End::reset);
  }
}

TEST_F(LastBytesTest, TcpFromTlsBackendIsDeliveredBeforeTheReset) {
  for (const Ending how : {Ending::fin, Ending::reset, Ending::garbage}) {
    serve_with(kTcp, false, true);
    Socket one = slow(client());
    PeerPtr server = tls_server();
    ASSERT_TRUE(send(*server, sent));
    end(*server, how);
    settle();
    EXPECT_TRUE(whole(all_of(one), sent)) << static_cast<int>(how);
    EXPECT_EQ(one.end(), Socket::End::reset);
  }
  EXPECT_EQ(worker.active(), 0u);
}

TEST_F(LastBytesTest, TcpWithTlsOnBothSidesIsDeliveredBeforeTheReset) {
  for (const bool down : {false, true}) {
    serve_with(kTcp, true, true);
    auto one = std::make_unique<TlsPeer>(slow(client()), TlsPeer::Wish{});
    ASSERT_EQ(handshake(*one), State::done);
    PeerPtr server = tls_server();
    turns(2);
    (void)one->receive();
    server->socket().shrink_buffers();
    TlsPeer& from = down ? *server : *one;
    TlsPeer& to = down ? *one : *server;
    ASSERT_TRUE(send(from, sent));
    end(from, Ending::fin);
    settle();
    EXPECT_TRUE(whole(all_of(to), sent)) << down;
    EXPECT_TRUE(to.cut_off());
    EXPECT_FALSE(to.ended());
  }
}

TEST_F(LastBytesTest, TcpBeforeAResetIsDeliveredInBothDirections) {
  serve_with(kTcp, false, false);
  for (const bool down : {false, true}) {
    Socket one = client();
    Socket server = accepted();
    turns(2);
    Socket& from = down ? server : one;
    Socket& to = down ? one : server;
    to.shrink_buffers();
    ASSERT_TRUE(send(from, sent));
    ASSERT_TRUE(has_left(from.fd()));
    from.reset();
    advance(1100ms);  // a reset directly after bytes is detected with a delay
    settle();
    EXPECT_TRUE(whole(all_of(to), sent)) << down;
    EXPECT_EQ(to.end(), Socket::End::reset);
  }
  EXPECT_EQ(worker.active(), 0u);
  EXPECT_EQ(ended("l", EndReason::client_reset), 1u);
  EXPECT_EQ(ended("l", EndReason::backend_reset), 1u);
}

// More than the kernel accepts at once: weir still buffers a part when the reset arrives.
TEST_F(LastBytesTest, TcpBytesBufferedAtAResetAreDelivered) {
  serve_with(kTcp, false, false);
  Socket one = client();
  Socket server = slow(accepted());
  const std::string much = bytes_of(24'000'000);
  size_t gone = 0;
  ASSERT_TRUE(run_until([&] {
    gone += one.send_some(std::string_view(much).substr(gone));
    return worker.survey(0).listeners.begin()->second.waiting[WaitingFor::backend_read] == 1;
  }));
  settle();
  one.reset();
  turns(5);
  advance(1100ms);
  const std::string got = all_of(server);
  EXPECT_GT(got.size(), gone / 2) << "of " << gone;
  EXPECT_TRUE(got == std::string_view(much).substr(0, got.size()));
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1; }));
  EXPECT_EQ(cells("l").received_bytes.value, got.size());
}

TEST_F(LastBytesTest, UploadOfATruncatedTlsClientReachesTheBackend) {
  for (const std::string framing : {"Content-Length: 900000", "Transfer-Encoding: chunked"}) {
    for (const Ending how : {Ending::fin, Ending::garbage}) {
      serve_with(kHttp, true, false);
      PeerPtr one = tls_client();
      const bool chunked = framing.starts_with('T');
      ASSERT_TRUE(send(*one, "POST / HTTP/1.1\r\nHost: a.test\r\n" + framing + "\r\n\r\n" +
                                 (chunked ? "80000\r\n" : "")));
      Socket server = slow(accepted());
      message(server);
      ASSERT_TRUE(server.send("HTTP/1.1 100 Continue\r\n\r\n"));
      ASSERT_TRUE(send(*one, sent));
      end(*one, how);
      settle();
      const std::string got = all_of(server);
      EXPECT_TRUE(whole(chunked ? data_of_chunks(got) : got, sent))
          << framing << static_cast<int>(how);
      EXPECT_EQ(server.end(), Socket::End::reset) << framing;
    }
  }
}

TEST_F(LastBytesTest, TruncatedResponseReachesASlowClient) {
  for (const bool tls : {true, false}) {
    for (const std::string head :
         {"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80000\r\n"}) {
      serve_with(kHttp, false, tls);
      Socket one = slow(client());
      ASSERT_TRUE(one.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
      PeerPtr secure;
      Socket plain;
      if (tls) {
        secure = tls_server();
        text(*secure, "\r\n\r\n");
        ASSERT_TRUE(send(*secure, head + sent));
        end(*secure, Ending::fin);
      } else {
        plain = accepted();
        message(plain);
        ASSERT_TRUE(send(plain, head + sent));
        ASSERT_TRUE(has_left(plain.fd()));
        plain.reset();
        advance(1100ms);
      }
      settle();
      EXPECT_EQ(worker.active(), 1u) << "it still delivers";
      const std::string got = all_of(one);
      EXPECT_TRUE(got.ends_with(sent)) << head << got.size();
      EXPECT_EQ(one.end(), Socket::End::reset) << head;
    }
  }
}

// weir discards further bytes of the client; none of them may reach the backend after a gap.
TEST_F(LastBytesTest, UploadDuringDeliveryOfAResponseHasNoGap) {
  serve_with(kHttp, false, false);
  const std::string much = bytes_of(24'000'000);
  Socket one = slow(client());
  ASSERT_TRUE(one.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 24000000\r\n\r\n"));
  Socket server = slow(accepted());
  message(server);
  size_t gone = 0;
  const auto upload = [&] {
    const size_t taken = one.send_some(std::string_view(much).substr(gone));
    gone += taken;
    return taken;
  };
  // Sends until no more bytes are accepted: the backend does not read.
  int blocked = 0;
  ASSERT_TRUE(run_until([&] { return (blocked = upload() == 0 ? blocked + 1 : 0) == 20; }));
  ASSERT_LT(gone, much.size());
  ASSERT_TRUE(send(server, "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + sent));
  server.finish();
  settle();
  ASSERT_EQ(worker.active(), 1u) << "it still delivers";
  for (int i = 0; i < 10; ++i) {
    advance(20ms);
    upload();
  }
  std::string got;
  for (int i = 0; i < 50; ++i) {
    got += server.receive_all(1ms);
    advance(10ms);
  }
  std::string answer;
  EXPECT_TRUE(run_until([&] {
    answer += one.receive_all(1ms);
    got += server.receive_all(1ms);
    advance(20ms);
    return one.end() != Socket::End::open && server.end() != Socket::End::open;
  }));
  EXPECT_NE(answer.find(sent), std::string::npos) << answer.size();
  EXPECT_GT(got.size(), 0u);
  EXPECT_TRUE(got == std::string_view(much).substr(0, got.size())) << got.size() << " bytes";
  EXPECT_EQ(server.end(), Socket::End::reset);
}

// Its own bytes, which weir does not read any more, must not keep it from reading for long.
TEST_F(LastBytesTest, ReceiverThatSendsMuchBeforeItReadsGetsTheLastBytes) {
  serve_with(kTcp, false, false);
  Socket one = slow(client());
  Socket server = accepted();
  turns(2);
  const std::string answer = bytes_of(300'000);  // more than its kernel buffers
  ASSERT_TRUE(send(server, answer));
  ASSERT_TRUE(has_left(server.fd()));
  server.reset();
  advance(1100ms);
  settle();
  ASSERT_EQ(worker.active(), 1u) << "it still delivers";
  const std::string much = bytes_of(24'000'000);
  size_t gone = 0;
  EXPECT_TRUE(run_until(
      [&] {
        advance(5ms);
        gone += one.send_some(std::string_view(much).substr(gone));
        return gone == much.size();
      },
      3000))
      << gone;
  EXPECT_TRUE(whole(all_of(one), answer));
  EXPECT_EQ(one.end(), Socket::End::reset);
}

TEST_F(LastBytesTest, TruncatedTunnelDeliversBothDirections) {
  for (const bool down : {false, true}) {
    serve_with(kHttp, !down, down);
    Socket raw = client();
    PeerPtr secure_client, secure_server;
    Socket server;
    const std::string request =
        "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const std::string answer =
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    if (down) {
      raw = slow(std::move(raw));
      ASSERT_TRUE(raw.send(request));
      secure_server = tls_server();
      text(*secure_server, "\r\n\r\n");
      ASSERT_TRUE(secure_server->send(answer));
      message(raw);
      ASSERT_TRUE(send(*secure_server, sent));
      end(*secure_server, Ending::fin);
      settle();
      EXPECT_TRUE(whole(all_of(raw), sent));
      EXPECT_EQ(raw.end(), Socket::End::reset);
    } else {
      raw.close();
      turns(3);
      secure_client = tls_client();
      ASSERT_TRUE(secure_client->send(request));
      server = slow(accepted());
      message(server);
      ASSERT_TRUE(server.send(answer));
      text(*secure_client, "\r\n\r\n");
      ASSERT_TRUE(send(*secure_client, sent));
      end(*secure_client, Ending::fin);
      settle();
      EXPECT_TRUE(whole(all_of(server), sent));
      EXPECT_EQ(server.end(), Socket::End::reset);
    }
  }
}

// A timeout and a drain bound the delivery; the loss has its own reason.
TEST_F(LastBytesTest, UndeliveredBytesAreDroppedAfterTheTimeoutAndCounted) {
  const std::string much = bytes_of(400'000);
  for (const bool drain : {false, true}) {
    serve_with(std::string(kTcp) + ", timeouts: { half_close: 5s }", true, false);
    const uint64_t before = ended("l", EndReason::half_close_timeout);
    PeerPtr one = tls_client();
    Socket server = slow(accepted());
    ASSERT_TRUE(send(*one, much));
    one->socket().finish();
    settle();
    ASSERT_EQ(worker.active(), 1u);
    auto waiting = worker.survey(0).listeners;
    EXPECT_EQ(waiting.begin()->second.waiting[WaitingFor::backend_read], 1u);
    if (drain) {
      worker.cut_sessions(EndReason::drain_deadline);
      turns(2);
      EXPECT_EQ(ended("l", EndReason::drain_deadline), 1u);
    } else {
      for (int i = 0; i < 60; ++i) advance(100ms);
      EXPECT_EQ(ended("l", EndReason::half_close_timeout), before + 1);
    }
    EXPECT_EQ(worker.active(), 0u);
    EXPECT_LT(all_of(server).size(), much.size());
    EXPECT_EQ(server.end(), Socket::End::reset);
  }
}

}  // namespace
}  // namespace weir::test
