// The budget of a turn: for any endless input of a peer, in pieces of any size, another client of
// the same worker gets its response within a few turns, and a turn reads a bounded amount.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "preamble/proxy_header.h"
#include "support/growth.h"
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::StartsWith;
using State = TlsPeer::State;

constexpr int kTurns = 4;  // to accept a client, to read its request and to answer

// Repeats the same text, as often as the connection accepts it.
class Endless {
 public:
  Endless(Socket& to, const std::string& unit) : to_(to) {
    while (text_.size() < 64 * 1024) text_ += unit;
  }
  void pour() {
    while (const size_t sent = to_.send_some(std::string_view(text_).substr(at_)))
      at_ = (at_ + sent) % text_.size();
  }

 private:
  Socket& to_;
  std::string text_;
  size_t at_ = 0;
};

void drain(Socket& from) {
  std::array<char, 64 * 1024> discarded;
  while (from.receive_some(discarded.data(), discarded.size()) > 0) {
  }
}

class TurnBudgetTest : public TlsFixture {
 protected:
  // Beside `l`, the peer's listener, `o` answers its clients itself.
  void serve_beside(const std::string& listener, const std::string& cluster = "") {
    apply("listeners:\n  - { name: l, bind: '127.0.0.1:0', " + listener +
          " }\n  - { name: o, bind: '127.0.0.1:0', protocol: http, routes: [{ respond: { body: ok "
          "} }] }\nclusters:\n" +
          cluster_text("c", backend.address(), cluster));
  }
  // From now on its bytes are sent one by one.
  static void set_bytewise(Socket& socket) {
    const int on = 1;
    EXPECT_EQ(::setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  }
  Socket bytewise() {
    Socket one = client();
    set_bytewise(one);
    return one;
  }
  uint64_t received() { return cells("l").received_bytes.value; }
  uint64_t sent() { return cells("l").sent_bytes.value; }

  // pour() runs before each turn; moved() grows by at most `most` per turn.
  template <typename Pour, typename Moved>
  void expect_shares(Pour&& pour, Moved&& moved, uint64_t most) {
    pour();
    Socket other = client(1);
    ASSERT_TRUE(other.send(get("/")));
    const uint64_t begun = moved();
    for (int i = 0; i < kTurns; ++i) {
      pour();
      const uint64_t before = moved();
      turns(1);
      EXPECT_LE(moved() - before, most) << "in turn " << i;
    }
    EXPECT_GT(moved(), begun) << "the peer is served, too";
    EXPECT_THAT(other.receive_all(1ms), StartsWith("HTTP/1.1 200 "));
  }
  // Only the answer of the other client counts.
  template <typename Pour>
  void expect_answer_beside(Pour&& pour) {
    uint64_t calls = 0;
    expect_shares(
        pour, [&] { return ++calls; }, 1);
  }
};

constexpr uint64_t kMostOfABody = 1024 * 1024;  // three times 256 KiB, and some

TEST_F(TurnBudgetTest, RequestInChunksOfOneByteYieldsToOthers) {
  serve_beside("protocol: http, cluster: c");
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  Endless chunks(sides.client, "1\r\nx\r\n");
  const auto pour = [&] {
    chunks.pour();
    drain(sides.server);
  };
  expect_shares(
      pour, [&] { return received(); }, kMostOfABody);
}

TEST_F(TurnBudgetTest, ResponseInChunksOfOneByteYieldsToOthers) {
  serve_beside("protocol: http, cluster: c");
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  Endless chunks(sides.server, "1\r\nx\r\n");
  const auto pour = [&] {
    chunks.pour();
    drain(sides.client);
  };
  expect_shares(
      pour, [&] { return sent(); }, kMostOfABody / 6);
}

TEST_F(TurnBudgetTest, InterimResponsesYieldToOthers) {
  serve_beside("protocol: http, cluster: c");
  Sides sides = asked(get("/"));
  Endless hints(sides.server, "HTTP/1.1 103 Early Hints\r\n\r\n");
  const auto pour = [&] {
    hints.pour();
    drain(sides.client);
  };
  expect_shares(
      pour, [&] { return sent(); }, 64 * 1024);
}

TEST_F(TurnBudgetTest, PipelinedRequestsYieldToOthers) {
  serve_beside("protocol: http, routes: [{ respond: { body: ok } }]");
  Socket one = client();
  Endless requests(one, get("/"));
  const auto pour = [&] {
    requests.pour();
    drain(one);
  };
  pour();
  turns(2);
  expect_shares(
      pour, [&] { return sent(); }, 64 * 1024);
}

TEST_F(TurnBudgetTest, BytesAfterARefusedRequestYieldToOthers) {
  serve_beside("protocol: http, cluster: c");
  Socket one = client();
  ASSERT_TRUE(one.send("nonsense\r\n\r\n"));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 400 "));
  Endless bytes(one, "x");
  expect_answer_beside([&] { bytes.pour(); });
}

// The cost of a byte of a head does not depend on the number of bytes before it.
class HeadBytesTest : public TurnBudgetTest {
 protected:
  static constexpr size_t kBytes = 300;

  void SetUp() override {
    serve_beside("protocol: http, cluster: c, limits: { max_header_size: 1MiB }");
  }
  // The cost of kBytes after the beginning of a head and `size` bytes more.
  Duration cost_behind(Socket& from, const std::string& beginning, size_t size) {
    EXPECT_TRUE(from.send(beginning));
    const std::string part(16 * 1024, 'x');
    for (size_t at = 0; at < size; at += part.size()) {
      EXPECT_TRUE(from.send(part));
      turns(2);
    }
    return cost_of([&] {
      for (size_t i = 0; i < kBytes; ++i) {
        EXPECT_TRUE(from.send("x"));
        turns(1);
      }
    });
  }
  template <typename Cost>
  static void expect_no_growth(Cost&& cost) {
    const Duration few = least_cost([&] { return cost(16 * 1024); });
    const Duration many = least_cost([&] { return cost(900 * 1024); });
    EXPECT_LT(ratio_of(many, few), 4.0);
  }
};

TEST_F(HeadBytesTest, RequestThatArrivesByteByByteIsParsedOnce) {
  expect_no_growth([&](size_t size) {
    Socket one = bytewise();
    const uint64_t before = received();
    const Duration cost = cost_behind(one, "GET / HTTP/1.1\r\nHost: a\r\nX: ", size);
    EXPECT_GE(received() - before, size + kBytes);
    return cost;
  });
}

TEST_F(HeadBytesTest, ResponseThatArrivesByteByByteIsParsedOnce) {
  expect_no_growth([&](size_t size) {
    Sides sides = asked(get("/"));
    set_bytewise(sides.server);
    const Duration cost = cost_behind(sides.server, "HTTP/1.1 200 OK\r\nX: ", size);
    EXPECT_TRUE(receives_nothing(sides.client));
    return cost;
  });
}

TEST_F(TurnBudgetTest, HeadThatArrivesByteByByteYieldsToOthers) {
  serve_beside("protocol: http, cluster: c");
  Socket one = bytewise();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: a\r\nX: "));
  const auto pour = [&] { ASSERT_TRUE(one.send("x")); };
  expect_shares(
      pour, [&] { return received(); }, 64);
}

TEST_F(TurnBudgetTest, ProxyHeaderOfTinyTlvsYieldsToOthers) {
  using namespace std::string_literals;
  serve_beside("cluster: c, proxy_protocol: { accept: ['127.0.0.0/8'] }");
  constexpr size_t kSize = kMaxProxyHeader - 16;
  std::string header = "\r\n\r\n\0\r\nQUIT\n\x21\x11"s;
  header += static_cast<char>(kSize >> 8);
  header += static_cast<char>(kSize & 255);
  header += "\xc0\x00\x02\x07\x7f\x00\x00\x01\x12\x67\x00\x50"s;  // 192.0.2.7:4711, 127.0.0.1:80
  while (header.size() < kMaxProxyHeader) header += "\xe0\x00\x00"s;
  ASSERT_EQ(header.size(), kMaxProxyHeader);
  Socket one = bytewise();
  size_t at = 0;
  const auto pour = [&] { ASSERT_TRUE(one.send(header.substr(at++, 1))); };
  while (at < header.size()) {
    // Another client must get its response between two of the bytes.
    for (size_t alone = 0; alone < 507; ++alone) {
      pour();
      turns(1);
    }
    expect_answer_beside(pour);
  }
  ASSERT_TRUE(one.send("hello"));
  Socket server = accepted();
  EXPECT_EQ(bytes(server, 5), "hello");
}

class TlsTurnBudgetTest : public TurnBudgetTest {
 protected:
  void SetUp() override {
    const IssuedFiles site = authority_.issue({.hosts = {"a.test"}});
    serve_beside("cluster: c, tls: { certificates: [{ cert: '" + site.cert + "', key: '" +
                 site.key + "' }] }");
  }

 private:
  TestAuthority authority_;
};

TEST_F(TlsTurnBudgetTest, ClientHelloInRecordsOfOneByteYieldsToOthers) {
  using namespace std::string_literals;
  Socket one = client();
  std::string records;
  for (const char byte : "\x01\x00\xea\x60"s + std::string(60'000, 'x'))
    records += "\x16\x03\x01\x00\x01"s + byte;
  std::string_view left = records;
  expect_answer_beside([&] { left.remove_prefix(one.send_some(left)); });
  EXPECT_EQ(ended("l", EndReason::tls_handshake_failed), 0u)
      << "all of it has been read already: the test proves nothing";
}

// With a byte of data each: no reason to end the connection. What clients send is in
// tls_listener_test.cc.
TEST_F(TurnBudgetTest, KeyUpdatesOfABackendYieldToOthersAndLoseNoData) {
  constexpr size_t kBytes = 1000;
  TestAuthority authority;
  TlsPeer::Wish wish;
  wish.certificate = authority.issue({.hosts = {"IP:127.0.0.1"}});
  wish.server = true;
  serve_beside("cluster: c", "tls: { ca: '" + authority.file() + "' }");
  Socket one = client();
  TlsPeer server(accepted(), wish);
  ASSERT_EQ(handshake(server), State::done) << server.error();
  turns(3);
  for (size_t i = 0; i < kBytes; ++i) {
    SSL_key_update(server.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    ASSERT_TRUE(server.send("x"));
  }
  expect_shares([] {}, [&] { return sent(); }, 200);
  EXPECT_LT(sent(), kBytes) << "all of it has been read already: the test proves nothing";
  EXPECT_EQ(bytes(one, kBytes), std::string(kBytes, 'x'));
}

// Records of a client after its handshake: OpenSSL sends none without data. For TLS 1.3 with
// TLS_AES_128_GCM_SHA256.
class OwnRecords {
 public:
  explicit OwnRecords(const std::string& secret)
      : key_(expand(secret, "key", 16)), iv_(expand(secret, "iv", 12)) {}

  std::string record(const std::string& data) {
    constexpr size_t kTag = 16;
    const std::string plain = data + '\x17';
    const size_t size = plain.size() + kTag;
    std::string out = "\x17\x03\x03";
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 255);
    std::string nonce = iv_;
    for (size_t i = 0; i < 8; ++i)
      nonce[11 - i] = static_cast<char>(nonce[11 - i] ^ static_cast<char>(sequence_ >> (8 * i)));
    ++sequence_;
    std::string sealed(size, '\0');
    EVP_CIPHER_CTX* const cipher = EVP_CIPHER_CTX_new();
    int n = 0;
    EXPECT_EQ(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), nullptr, in(key_), in(nonce)), 1);
    EXPECT_EQ(EVP_EncryptUpdate(cipher, nullptr, &n, in(out), static_cast<int>(out.size())), 1);
    auto* const to = reinterpret_cast<unsigned char*>(sealed.data());
    EXPECT_EQ(EVP_EncryptUpdate(cipher, to, &n, in(plain), static_cast<int>(plain.size())), 1);
    EXPECT_EQ(EVP_EncryptFinal_ex(cipher, to + n, &n), 1);
    EXPECT_EQ(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, kTag, to + plain.size()), 1);
    EVP_CIPHER_CTX_free(cipher);
    return out + sealed;
  }

 private:
  static const unsigned char* in(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }
  // HKDF-Expand-Label without a context, of at most one hash (RFC 8446 7.1, RFC 5869 2.3).
  static std::string expand(const std::string& secret, const std::string& label, size_t size) {
    const std::string name = "tls13 " + label;
    std::string info{'\0', static_cast<char>(size), static_cast<char>(name.size())};
    info += name;
    info += '\0';
    info += '\x01';
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), in(info), info.size(), hash,
         &length);
    return {reinterpret_cast<const char*>(hash), size};
  }

  std::string key_, iv_;
  uint64_t sequence_ = 0;
};

// The secret of the records of a client after the handshake, once it is complete.
class TrafficSecret {
 public:
  explicit TrafficSecret(TlsPeer& peer) {
    lines().clear();
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(peer.ssl()), [](const SSL*, const char* line) {
      lines() += std::string(line) + '\n';
    });
  }
  std::string value() const {
    const std::string label = "CLIENT_TRAFFIC_SECRET_0 ";
    const size_t at = lines().find(label);
    if (at == std::string::npos) return {};
    const size_t begin = at + label.size() + 65;  // after the random of the client
    std::string secret;
    for (size_t i = begin; lines()[i] != '\n'; i += 2)
      secret += static_cast<char>(std::stoi(lines().substr(i, 2), nullptr, 16));
    return secret;
  }

 private:
  static std::string& lines() {
    static std::string lines;
    return lines;
  }
};

TEST_F(TlsTurnBudgetTest, RecordsWithoutDataYieldToOthersAndLoseNoData) {
  constexpr size_t kBytes = 200;
  TlsPeer one(client(), {.version = TLS1_3_VERSION});
  ASSERT_EQ(SSL_set_ciphersuites(one.ssl(), "TLS_AES_128_GCM_SHA256"), 1);
  const TrafficSecret secret(one);
  ASSERT_EQ(handshake(one), State::done) << one.error();
  ASSERT_EQ(secret.value().size(), 32u);
  OwnRecords own(secret.value());
  Socket server = accepted();
  turns(3);
  std::string records;
  for (size_t i = 0; i < kBytes; ++i) {
    for (int empty = 0; empty < 20; ++empty) records += own.record("");  // OpenSSL allows 32
    records += own.record("x");
  }
  std::string_view left = records;
  const auto pour = [&] { left.remove_prefix(one.socket().send_some(left)); };
  expect_shares(
      pour, [&] { return received(); }, 16);
  EXPECT_LT(received(), kBytes) << "all of it has been read already: the test proves nothing";
  EXPECT_TRUE(run_until([&] {
    pour();
    return received() == kBytes;
  })) << received()
      << " bytes";
  EXPECT_EQ(bytes(server, kBytes), std::string(kBytes, 'x'));
}

}  // namespace
}  // namespace weir::test
