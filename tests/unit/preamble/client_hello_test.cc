// ClientHellos of OpenSSL in all segmentations, and malformed ones.
#include "preamble/client_hello.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"

namespace weir {
namespace {

using State = ClientHello::State;
using namespace std::string_literals;

struct Asked {
  std::string name = {};
  std::string alpn = {};  // as on the wire: "\2h2"
  bool tls12_only = false;
};

std::string hello_of_openssl(const Asked& asked) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free);
  if (asked.tls12_only) SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  if (!asked.name.empty()) SSL_set_tlsext_host_name(ssl.get(), asked.name.c_str());
  if (!asked.alpn.empty())
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(asked.alpn.data()),
                        static_cast<unsigned>(asked.alpn.size()));
  EXPECT_EQ(SSL_connect(ssl.get()), -1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

std::string u16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

// The message in records of `size` bytes each.
std::string in_records(const std::string& message, size_t size) {
  std::string bytes;
  for (size_t at = 0; at < message.size(); at += size) {
    const std::string part = message.substr(at, size);
    bytes += "\x16\x03\x01" + u16(part.size()) + part;
  }
  return bytes;
}

std::string message_of(const std::string& body) {
  return "\1"s + static_cast<char>(body.size() >> 16) + u16(body.size() & 0xffff) + body;
}

std::string extension(int type, const std::string& content) {
  return u16(static_cast<size_t>(type)) + u16(content.size()) + content;
}

const std::string kHelloStart = "\3\3" + std::string(32, 'r') + "\0"s + "\0\2\x13\1"s + "\1\0"s;

std::string hello_with(const std::string& extensions) {
  return in_records(message_of(kHelloStart + u16(extensions.size()) + extensions), 16384);
}

std::string name_extension(const std::string& name, char type = 0) {
  const std::string entry = type + u16(name.size()) + name;
  return extension(0, u16(entry.size()) + entry);
}

struct Read {
  State state;
  std::string reason, name;
  std::vector<std::string> alpn;
  bool tls13;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read_once(std::string_view input) {
  std::vector<char> scratch(kMaxClientHello);
  const std::string bytes(input);  // a heap block of its own, for ASan
  const ClientHello hello = read_client_hello(bytes, scratch);
  Read read{hello.state,
            std::string(hello.reason),
            std::string(hello.server_name()),
            {},
            hello.offers_tls13};
  AlpnList walk = hello.alpn;
  while (!walk.empty()) read.alpn.emplace_back(walk.next());
  return read;
}

// The result for the whole input. Also reads it cut at every byte: incomplete up to some byte, and
// then always the same result.
Read read(const std::string& input) {
  const Read whole = read_once(input);
  bool decided = false;
  for (size_t size = 0; size < input.size(); ++size) {
    const Read part = read_once(std::string_view(input).substr(0, size));
    if (part.state == State::incomplete) {
      EXPECT_FALSE(decided) << size;
      continue;
    }
    decided = true;
    EXPECT_EQ(part, whole) << size;
  }
  return whole;
}

State state_of(const std::string& input) {
  return read(input).state;
}

std::string name_in(const std::string& extensions) {
  const Read got = read(hello_with(extensions));
  return got.state == State::complete ? got.name : "malformed";
}

TEST(ClientHelloOfOpenssl, HasTheNameTheProtocolsAndTheVersion) {
  const Read got = read(hello_of_openssl({.name = "WWW.Example.test", .alpn = "\2h2\x8http/1.1"}));
  EXPECT_EQ(got.state, State::complete) << got.reason;
  EXPECT_EQ(got.name, "www.example.test");
  EXPECT_EQ(got.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_TRUE(got.tls13);
}

TEST(ClientHelloOfOpenssl, MayBeEmpty) {
  const Read got = read(hello_of_openssl({.tls12_only = true}));
  EXPECT_EQ(got, (Read{State::complete, "", "", {}, false}));
}

TEST(ClientHelloOfOpenssl, IsNeverCompleteBeforeItsLastByte) {
  const std::string hello = hello_of_openssl({.name = "a.test", .alpn = "\2h2"});
  for (size_t size = 0; size < hello.size(); ++size)
    EXPECT_EQ(read_once(std::string_view(hello).substr(0, size)).state, State::incomplete) << size;
  EXPECT_EQ(read(hello + "\x17\3\3\0\1x"s), read_once(hello));  // early data after it
}

TEST(ClientHelloOfOpenssl, MeansTheSameInRecordsOfAnySize) {
  const std::string hello = hello_of_openssl({.name = "a.test", .alpn = "\2h2\3foo"});
  const std::string message = hello.substr(5);
  for (size_t size = (message.size() + 63) / 64; size <= message.size(); ++size)
    EXPECT_EQ(read_once(in_records(message, size)), read_once(hello)) << size;
  EXPECT_EQ(read(in_records(message, 7)), read_once(hello));
  // Its header is spread over records too.
  const std::string ragged =
      in_records(message.substr(0, 3), 1) + in_records(message.substr(3), message.size());
  EXPECT_EQ(read(ragged), read_once(hello));
}

TEST(ClientHelloOfOpenssl, IsParsedSafelyWithAnyBytesChanged) {
  const std::string whole = hello_of_openssl({.name = "a.test", .alpn = "\2h2"});
  const std::string parts = in_records(whole.substr(5), 50);
  Random random(20);
  for (int round = 0; round < 20'000; ++round) {
    std::string changed = round % 2 == 0 ? whole : parts;
    for (uint64_t i = 0; i <= random.below(4); ++i)
      changed[random.below(changed.size())] = static_cast<char>(random.next());
    if (random.below(4) == 0) changed.resize(random.below(changed.size()));
    const Read got = read_once(changed);
    EXPECT_EQ(got.reason.empty(), got.state == State::incomplete || got.state == State::complete);
    const Read half = read_once(std::string_view(changed).substr(0, changed.size() / 2));
    EXPECT_TRUE(half.state == State::incomplete || half == got);
  }
}

TEST(ClientHelloStart, IsRefusedAtTheFirstByteThatIsNotTls) {
  for (const auto& other : {"G"s, "\x80"s, "\x17"s, "\x15\3\3"s, "\x16\2"s, "\0"s})
    EXPECT_EQ(state_of(other), State::not_tls);
  EXPECT_EQ(state_of(""), State::incomplete);
  EXPECT_EQ(state_of("\x16\3"), State::incomplete);
}

TEST(ClientHelloRecords, AreNeitherEmptyNorTooLongNorOfAnotherKind) {
  const std::string start = "\x16\3\1\0\1\1"s;
  EXPECT_EQ(state_of(start), State::incomplete);
  EXPECT_EQ(state_of("\x16\3\1\0\0"s), State::malformed);
  EXPECT_EQ(state_of(start + "\x16\3\1\0\0"s), State::malformed);
  EXPECT_EQ(state_of(start + "\x15"), State::malformed);
  EXPECT_EQ(state_of("\x16\3\1\x40\0\1\0\0\4"s), State::malformed);  // more than the hello
  EXPECT_EQ(state_of("\x16\3\1\x40\1"), State::malformed);
  EXPECT_EQ(state_of("\x16\3\1\x41"), State::malformed);
  EXPECT_EQ(state_of("\x16\3\1\0\1\2"s), State::malformed);  // a ServerHello
}

TEST(ClientHelloRecords, HoldNothingAfterTheHello) {
  const std::string message = message_of(kHelloStart);
  EXPECT_EQ(state_of(in_records(message, 16384)), State::complete);
  EXPECT_EQ(state_of(in_records(message + "x", 16384)), State::malformed);
  EXPECT_EQ(state_of(in_records(message + "x", message.size() - 1)), State::malformed);
}

TEST(ClientHelloSize, IsBounded) {
  const auto padded = [](size_t size) {
    return message_of(kHelloStart + u16(size - 4 - kHelloStart.size() - 2) +
                      extension(21, std::string(size - 4 - kHelloStart.size() - 2 - 4, '\0')));
  };
  EXPECT_EQ(read_once(in_records(padded(kMaxClientHello), 16384)).state, State::complete);
  EXPECT_EQ(read_once(in_records(padded(kMaxClientHello), 256)).state, State::complete);
  EXPECT_EQ(read_once(in_records(padded(kMaxClientHello), 255)).state, State::too_long);
  EXPECT_EQ(read_once(in_records(padded(kMaxClientHello + 1), 16384)).state, State::too_long);
  EXPECT_EQ(state_of("\x16\3\1\2\0\1\1"s), State::too_long);      // 64 KiB and more
  EXPECT_EQ(state_of("\x16\3\1\2\0\1\0\x40"s), State::too_long);  // 16 KiB and more
  // The longest input that may still be incomplete ends before its maximum.
  const std::string most = in_records(padded(kMaxClientHello), 256);
  EXPECT_EQ(most.size(), kMaxClientHelloInput);
}

TEST(ClientHelloBody, IsRefusedWhenALengthIsWrong) {
  const std::string random = "\3\3" + std::string(32, 'r');
  const std::string suites = "\0\2\x13\1"s;
  const auto body = [](const std::string& bytes) {
    return state_of(in_records(message_of(bytes), 16384));
  };
  EXPECT_EQ(body(random + "\0"s + suites + "\1\0"s), State::complete);
  EXPECT_EQ(body(random + "\x20" + std::string(32, 's') + suites + "\1\0"s), State::complete);
  EXPECT_EQ(body(random + "\x21" + std::string(33, 's') + suites + "\1\0"s), State::malformed);
  EXPECT_EQ(body(random + "\0\0\0\1\0"s), State::malformed);
  EXPECT_EQ(body(random + "\0\0\3\x13\1\2\1\0"s), State::malformed);
  EXPECT_EQ(body(random + "\0"s + suites + "\0"s), State::malformed);
  EXPECT_EQ(body(random + "\0"s + suites + "\1\1"s), State::malformed);
  EXPECT_EQ(body(random + "\0"s + suites), State::malformed);
  EXPECT_EQ(body(kHelloStart + "\0"s), State::malformed);
  EXPECT_EQ(body(kHelloStart + "\0\0"s), State::complete);
  EXPECT_EQ(body(kHelloStart + "\0\1"s), State::malformed);
  EXPECT_EQ(body(kHelloStart + "\0\0x"s), State::malformed);
  EXPECT_EQ(body(kHelloStart + u16(4) + "\xff\1\0\1"s), State::malformed);
  EXPECT_EQ(body(""), State::malformed);
}

TEST(ServerName, IsInLowerCaseWithoutItsLastDot) {
  EXPECT_EQ(name_in(name_extension("A-1.Example.TEST.")), "a-1.example.test");
  EXPECT_EQ(name_in(name_extension("a.test..")), "a.test.");
  EXPECT_EQ(name_in(name_extension(std::string(255, 'A'))), std::string(255, 'a'));
  EXPECT_EQ(name_in(""), "");
}

TEST(ServerName, IsRefusedWhereItMayBeReadInTwoWays) {
  const std::string good = name_extension("a.test");
  EXPECT_EQ(name_in(good + extension(23, "")), "a.test");
  for (const std::string& wrong :
       {good + good, name_extension(""), name_extension("."), name_extension("a\0b"s),
        name_extension(std::string(256, 'a')), name_extension("a.test", 1), extension(0, ""),
        extension(0, "\0\0"s), extension(0, "\0\4\0\0\1a"s + "x"), extension(0, "\0\5\0\0\1a"s),
        extension(0, "\0\5\0\0\1ax"s), extension(0, "\0\x8\0\0\1a\0\0\1b"s)})
    EXPECT_EQ(name_in(wrong), "malformed");
}

TEST(Protocols, AreInOrderAndNoneIsEmpty) {
  const Read got = read(hello_with(extension(16, "\0\5\1a\2h2"s)));
  EXPECT_EQ(got.alpn, (std::vector<std::string>{"a", "h2"}));
  AlpnList list("\1a\2h2");
  EXPECT_TRUE(list.offers("h2") && list.offers("a") && !list.offers("h"));
  for (const std::string& wrong :
       {""s, "\0\0"s, "\0\1\0"s, "\0\3\1a\0"s, "\0\3\3h2"s, "\0\2\2h"s, "\0\2\1ax"s, "\0\3\1a"s})
    EXPECT_EQ(state_of(hello_with(extension(16, wrong))), State::malformed);
  const std::string once = extension(16, "\0\2\1a"s);
  EXPECT_EQ(state_of(hello_with(once + once)), State::malformed);
}

TEST(Versions, ArePairsOfBytes) {
  EXPECT_TRUE(read(hello_with(extension(43, "\4\x7a\x7a\3\4"))).tls13);
  EXPECT_FALSE(read(hello_with(extension(43, "\2\3\3"))).tls13);
  for (const std::string& wrong : {""s, "\0"s, "\1\3"s, "\3\3\4\3"s, "\2\3"s, "\2\3\4\3"s})
    EXPECT_EQ(state_of(hello_with(extension(43, wrong))), State::malformed);
}

}  // namespace
}  // namespace weir
