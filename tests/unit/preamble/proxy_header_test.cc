// The PROXY protocol: headers that are read, headers that are refused and when, and reading of
// written headers.
#include "preamble/proxy_header.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/crc32c.h"

namespace weir {
namespace {

using HeaderState = ProxyRead::State;
using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kV4 = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x30\x39\x01\xbb"s;

std::string block(int command, int family, const std::string& content) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(content.size() >> 8) + static_cast<char>(content.size() & 0xff) +
         content;
}

std::string tlv(ProxyTlvType type, const std::string& value) {
  return ""s + static_cast<char>(type) + static_cast<char>(value.size() >> 8) +
         static_cast<char>(value.size() & 0xff) + value;
}

std::string text(const ProxyHeader& header) {
  return header.source.text() + " > " + header.destination.text();
}

// The result for the whole input. Also reads it cut at every byte: incomplete up to some byte, and
// then always the same result.
ProxyRead read_header(const std::string& input) {
  const ProxyRead whole = read_proxy_header(input);
  bool decided = false;
  for (size_t size = 0; size <= input.size(); ++size) {
    const std::string part = input.substr(0, size);  // a heap block of its own, for ASan
    const ProxyRead read = read_proxy_header(part);
    if (read.state == HeaderState::incomplete) {
      EXPECT_FALSE(decided) << size;
      continue;
    }
    decided = true;
    EXPECT_EQ(read.state, whole.state) << size;
    EXPECT_EQ(read.reason, whole.reason) << size;
    EXPECT_EQ(read.header.size, whole.header.size) << size;
    EXPECT_EQ(text(read.header), text(whole.header)) << size;
  }
  return whole;
}

std::string addresses(const std::string& input) {
  const ProxyRead got = read_header(input);
  if (got.state != HeaderState::complete) return std::string(got.reason);
  return text(got.header);
}

bool refused(const std::string& input) {
  const ProxyRead got = read_header(input);
  EXPECT_EQ(got.reason.empty(), got.state != HeaderState::malformed);
  return got.state == HeaderState::malformed;
}

bool waits(const std::string& input) {
  return read_header(input).state == HeaderState::incomplete;
}

TEST(ProxyLine, GivesTheAddressesAndEndsWithItsLine) {
  const std::string line = "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
  const ProxyRead got = read_header(line + "GET / HTTP/1.1\r\n\r\n");
  ASSERT_EQ(got.state, HeaderState::complete);
  EXPECT_EQ(got.header.size, line.size());
  EXPECT_EQ(got.header.command, ProxyHeader::Command::proxy);
  EXPECT_EQ(text(got.header), "192.168.0.1:56324 > 192.168.0.11:443");
  EXPECT_EQ(addresses("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), "[2001:db8::1]:0 > [::1]:65535");
  EXPECT_EQ(addresses("PROXY TCP6 ::ffff:1.2.3.4 ABCD::1 1 2\r\n"), "1.2.3.4:1 > [abcd::1]:2");
}

TEST(ProxyLine, OfAnUnknownProtocolHasNoAddressesWithAnyRest) {
  for (const std::string rest : {"", " ", " ffff::1 ffff::2 65535 65535", " \xff\x00 x"}) {
    const ProxyRead got = read_header("PROXY UNKNOWN" + rest + "\r\nGET");
    ASSERT_EQ(got.state, HeaderState::complete) << rest;
    EXPECT_FALSE(got.header.has_addresses());
    EXPECT_EQ(got.header.size, 15 + rest.size());
  }
  EXPECT_TRUE(refused("PROXY UNKNOWNS\r\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN a\nb\r\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN a\rb\r\n"));
}

TEST(ProxyLine, EndsWithin107Bytes) {
  EXPECT_FALSE(refused("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"));
  EXPECT_TRUE(refused("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"));
  EXPECT_TRUE(waits("PROXY UNKNOWN " + std::string(92, 'x')));
  EXPECT_TRUE(refused("PROXY UNKNOWN " + std::string(93, 'x')));
}

TEST(ProxyLine, IsRefusedForAnySyntaxButItsOwn) {
  const std::vector<std::string> wrong = {
      "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1  2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
      "PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
      "PROXY TCP4\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 99999999999\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
      "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
      "PROXY TCP4 ::1 ::1 1 2\r\n",
      "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
      "PROXY TCP6 ::1%lo ::1 1 2\r\n",
      "PROXY TCP6 1::2::3 ::1 1 2\r\n",
      "PROXY TCP6 [::1] ::1 1 2\r\n",
      "PROXY TCP5 ::1 ::1 1 2\r\n",
      "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4\0 1 2\r\n"s,
      "PROXY\r\n",
      " PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP6 11111:11111:11111:11111:11111:11111:11111:11111 ::1 1 2\r\n"};
  for (const std::string& line : wrong) EXPECT_TRUE(refused(line)) << line;
}

TEST(ProxyHeaderStart, IsRefusedWithTheFirstByteThatNoHeaderHas) {
  for (const char* other : {"G", "PO", "PU", "PROXYX", "\x16", "\n", "\r\r", "\r\n\r\nG"})
    EXPECT_TRUE(refused(other)) << other;
  EXPECT_TRUE(waits(""));
  for (const char* start : {"P", "PROXY ", "PROXY T", "PROXY TCP4 1", "PROXY U", "\r\n\r\n"})
    EXPECT_TRUE(waits(start)) << start;
  EXPECT_TRUE(refused("PROXY TCP4 1.2.3.4 1.2.3.4 65536"));
  EXPECT_TRUE(refused("PROXY TCP4 1.2.3.4x"));
  EXPECT_TRUE(refused(kSignature + "\x11"s));
  EXPECT_TRUE(refused(kSignature + "\x22"s));
  EXPECT_TRUE(refused(kSignature + "\x21\x12"s));
  EXPECT_TRUE(refused(kSignature + "\x21\x11\x10"s));
}

TEST(ProxyBlock, GivesTheAddressesOfEachFamily) {
  EXPECT_EQ(addresses(block(0x21, 0x11, kV4) + "GET"), "10.0.0.1:12345 > 10.0.0.2:443");
  const std::string v6 = std::string(15, '\0') + '\1' + std::string(15, '\0') + '\2' + "\0\1\0\2"s;
  EXPECT_EQ(addresses(block(0x21, 0x21, v6)), "[::1]:1 > [::2]:2");
  const std::string path = "/run/a.sock" + std::string(97, '\0');
  const std::string abstract = "\0name"s + std::string(103, '\0');
  EXPECT_EQ(addresses(block(0x21, 0x31, path + abstract)), "unix:/run/a.sock > unix:@name");
  EXPECT_EQ(addresses(block(0x21, 0x31, std::string(216, '\0'))), "unix: > unix:");
  EXPECT_EQ(addresses(block(0x21, 0x31, std::string(216, '/'))),
            "unix:" + std::string(108, '/') + " > unix:" + std::string(108, '/'));
}

TEST(ProxyBlock, WithoutAddressesMeansThoseOfTheConnection) {
  EXPECT_EQ(addresses(block(0x21, 0x00, "")), "- > -");
  EXPECT_EQ(addresses(block(0x20, 0x00, "")), "- > -");
  EXPECT_EQ(addresses(block(0x20, 0x11, kV4)), "- > -");
  EXPECT_EQ(read_header(block(0x20, 0x00, "")).header.command, ProxyHeader::Command::local);
  EXPECT_EQ(read_header(block(0x21, 0x00, "")).header.command, ProxyHeader::Command::proxy);
}

TEST(ProxyBlock, OfTheCommandLocalIsDiscardedWithAnyContent) {
  const ProxyRead got = read_header(block(0x20, 0xff, "anything at all") + "GET");
  ASSERT_EQ(got.state, HeaderState::complete);
  EXPECT_EQ(got.header.size, 16u + 15u);
  EXPECT_FALSE(got.header.has_addresses());
}

TEST(ProxyBlock, IsRefusedForOtherVersionsCommandsFamiliesAndDatagrams) {
  for (const int command : {0x01, 0x11, 0x31, 0x22, 0x2f})
    EXPECT_TRUE(refused(block(command, 0x11, kV4))) << command;
  for (const int family : {0x12, 0x22, 0x32, 0x02, 0x10, 0x13, 0x41, 0xf1})
    EXPECT_TRUE(refused(block(0x21, family, std::string(216, '\0')))) << family;
}

TEST(ProxyBlock, HoldsItsAddressesAndIsNotTooLong) {
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4.substr(1))));
  EXPECT_TRUE(refused(block(0x21, 0x21, std::string(35, 'a'))));
  EXPECT_TRUE(refused(block(0x21, 0x31, std::string(215, 'a'))));
  const std::string filler = tlv(ProxyTlvType::noop, std::string(kMaxProxyHeader - 16 - 3, 'n'));
  EXPECT_FALSE(refused(block(0x21, 0x00, filler)));
  EXPECT_TRUE(refused(block(0x21, 0x00, filler + "\4\0\0"s)));
  EXPECT_TRUE(refused(block(0x20, 0x00, filler + "\4\0\0"s)));
}

TEST(ProxyTlvsTest, AreFoundAfterFillersAndUnknownOnes) {
  const std::string tlvs = tlv(ProxyTlvType::noop, "xx") + tlv(ProxyTlvType(0xe1), "own") +
                           tlv(ProxyTlvType::authority, "a.test") +
                           tlv(ProxyTlvType::authority, "b.test") + tlv(ProxyTlvType::noop, "");
  const std::string input = block(0x21, 0x11, kV4 + tlvs);
  const ProxyRead got = read_header(input);
  ASSERT_EQ(got.state, HeaderState::complete);
  EXPECT_EQ(got.header.tlvs.find(ProxyTlvType::authority), "a.test");
  EXPECT_EQ(got.header.tlvs.find(ProxyTlvType::alpn), "");
  std::vector<std::string_view> values;
  ProxyTlvs walk = got.header.tlvs;
  for (ProxyTlv one; walk.next(one);) values.push_back(one.value);
  EXPECT_EQ(values, (std::vector<std::string_view>{"own", "a.test", "b.test"}));
}

TEST(ProxyTlvsTest, ThatDoNotFitAreRefused) {
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4 + "\1"s)));
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4 + "\1\0"s)));
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4 + "\1\0\3h2"s)));
  EXPECT_TRUE(refused(block(0x21, 0x00, "\4\xff\xff"s)));
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4 + tlv(ProxyTlvType::ssl, "\1\0\0\0"s))));
  EXPECT_TRUE(refused(block(0x21, 0x11, kV4 + tlv(ProxyTlvType::ssl, "\1\0\0\0\0\x21\0\1"s))));
  EXPECT_FALSE(refused(block(0x21, 0x11, kV4 + tlv(ProxyTlvType::ssl, "\1\0\0\0\0\x21\0\1x"s))));
}

TEST(ProxyChecksum, IsTheOneOfRfc3720) {
  Crc32c sum;
  sum.add(std::string(32, '\0'));
  EXPECT_EQ(sum.value(), 0x8a9136aau);
  Crc32c digits;
  digits.add("1234");
  digits.add("56789");
  EXPECT_EQ(digits.value(), 0xe3069283u);
}

TEST(ProxyChecksum, IsVerifiedOverTheWholeHeader) {
  std::string header =
      block(0x21, 0x11,
            kV4 + tlv(ProxyTlvType::crc32c, std::string(4, '\0')) + tlv(ProxyTlvType::alpn, "h2"));
  Crc32c sum;
  sum.add(header);
  const size_t place = 16 + 12 + 3;
  for (size_t i = 0; i < 4; ++i)
    header[place + i] = static_cast<char>(sum.value() >> (24 - 8 * i) & 0xff);
  EXPECT_EQ(addresses(header + "GET"), "10.0.0.1:12345 > 10.0.0.2:443");
  for (const size_t at : {size_t{16}, place, place + 3, header.size() - 1}) {
    std::string changed = header;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    EXPECT_TRUE(refused(changed)) << at;
  }
}

TEST(ProxyChecksum, IsOneAndOfFourBytes) {
  EXPECT_TRUE(refused(block(0x21, 0x00, tlv(ProxyTlvType::crc32c, "123"))));
  const std::string zero = tlv(ProxyTlvType::crc32c, std::string(4, '\0'));
  EXPECT_TRUE(refused(block(0x21, 0x00, zero + zero)));
}

Address address(std::string_view text) {
  return *Address::parse(text);
}

std::string v1(const Address& source, const Address& destination) {
  std::array<char, kMaxWrittenProxyHeader> memory;
  const std::span<const char> used = write_proxy_v1(memory, source, destination);
  return {used.begin(), used.end()};
}

std::string v2(const Address& source, const Address& destination, const ProxyTls& tls = {}) {
  std::array<char, kMaxWrittenProxyHeader> memory;
  const std::span<const char> used = write_proxy_v2(memory, source, destination, tls);
  return {used.begin(), used.end()};
}

TEST(ProxyWriter, WritesLines) {
  EXPECT_EQ(v1(address("1.2.3.4:5"), address("6.7.8.9:65535")),
            "PROXY TCP4 1.2.3.4 6.7.8.9 5 65535\r\n");
  EXPECT_EQ(v1(address("[2001:db8::1]:5"), address("[::1]:443")),
            "PROXY TCP6 2001:db8::1 ::1 5 443\r\n");
  EXPECT_EQ(v1(address("1.2.3.4:5"), address("[::1]:443")),
            "PROXY TCP6 ::ffff:1.2.3.4 ::1 5 443\r\n");
  EXPECT_EQ(v1(address("unix:/a"), address("unix:/b")), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(v1({}, address("6.7.8.9:80")), "PROXY UNKNOWN\r\n");
}

TEST(ProxyWriter, WritesBlocksThatAreRead) {
  EXPECT_EQ(v2(address("10.0.0.1:12345"), address("10.0.0.2:443")), block(0x21, 0x11, kV4));
  EXPECT_EQ(v2({}, {}), block(0x20, 0x00, ""));
  EXPECT_EQ(v2(address("unix:/a"), address("1.2.3.4:5")), block(0x21, 0x00, ""));
  EXPECT_EQ(addresses(v2(address("[2001:db8::1]:1"), address("[::1]:2"))),
            "[2001:db8::1]:1 > [::1]:2");
  EXPECT_EQ(addresses(v2(address("[2001:db8::1]:1"), address("1.2.3.4:2"))),
            "[2001:db8::1]:1 > 1.2.3.4:2");
  EXPECT_EQ(addresses(v2(address("unix:/run/a"), address("unix:@b"))), "unix:/run/a > unix:@b");
  EXPECT_EQ(addresses(v2(address("unix:@"), address("unix:/b"))), "unix:@ > unix:/b");
}

TEST(ProxyWriter, WritesTheTlsOfTheClient) {
  const ProxyTls tls{.alpn = "h2",
                     .authority = "a.test",
                     .version = "TLSv1.3",
                     .cipher = "TLS_AES_128_GCM_SHA256",
                     .common_name = "client",
                     .client_certificate = true,
                     .verified = true};
  const std::string header = v2(address("1.2.3.4:5"), address("1.2.3.4:6"), tls);
  const ProxyRead got = read_header(header);
  ASSERT_EQ(got.state, HeaderState::complete);
  const ProxyTls said = got.header.tls();
  EXPECT_EQ(said.alpn, "h2");
  EXPECT_EQ(said.authority, "a.test");
  EXPECT_EQ(said.version, "TLSv1.3");
  EXPECT_EQ(said.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(said.common_name, "client");
  EXPECT_TRUE(said.client_certificate && said.verified);
  EXPECT_EQ(got.header.tlvs.find(ProxyTlvType::ssl).substr(0, 5), "\7\0\0\0\0"s);
}

TEST(ProxyWriter, DistinguishesACertificateOfTheConnectionFromOneOfItsSession) {
  for (const bool resumed : {false, true}) {
    const std::string header = v2(
        address("1.2.3.4:5"), address("1.2.3.4:6"),
        {.version = "TLSv1.3", .client_certificate = true, .verified = true, .resumed = resumed});
    const ProxyRead got = read_header(header);
    EXPECT_EQ(got.header.tlvs.find(ProxyTlvType::ssl).substr(0, 5),
              resumed ? "\5\0\0\0\0"s : "\7\0\0\0\0"s);
    EXPECT_TRUE(got.header.tls().client_certificate && got.header.tls().verified);
  }
}

TEST(ProxyWriter, NeverCallsACertificateVerifiedThatWasNotGiven) {
  const std::string header =
      v2(address("1.2.3.4:5"), address("1.2.3.4:6"), {.version = "TLSv1.2", .verified = true});
  const ProxyRead got = read_header(header);
  EXPECT_EQ(got.header.tlvs.find(ProxyTlvType::ssl).substr(0, 5), "\1\0\0\0\1"s);
  EXPECT_FALSE(got.header.tls().verified);
}

TEST(ProxyWriter, LeavesOutWhatIsTooLongAndNeedsNoMoreThanItsMaximum) {
  const std::string longest(kMaxProxyValue, 'x'), longer(kMaxProxyValue + 1, 'x');
  const Address path = address("unix:/" + std::string(100, 'p'));
  const ProxyTls tls{.alpn = longest,
                     .authority = longest,
                     .version = longest,
                     .cipher = longest,
                     .common_name = longest};
  EXPECT_EQ(v2(path, path, tls).size(), kMaxWrittenProxyHeader);
  ProxyTls cut = tls;
  cut.common_name = longer;
  const std::string header = v2(path, path, cut);
  EXPECT_EQ(header.size(), kMaxWrittenProxyHeader - 3 - kMaxProxyValue);
  EXPECT_EQ(read_proxy_header(header).header.tls().common_name, "");
}

TEST(ProxyWriter, WritesNothingIntoMemoryThatIsTooSmall) {
  const Address a = address("1.2.3.4:5");
  const size_t line = v1(a, a).size(), header = v2(a, a, {.alpn = "h2"}).size();
  for (size_t size = 0; size <= 64; ++size) {
    std::vector<char> memory(size);
    EXPECT_EQ(write_proxy_v1(memory, a, a).size(), size < line ? 0 : line);
    EXPECT_EQ(write_proxy_v2(memory, a, a, {.alpn = "h2"}).size(), size < header ? 0 : header);
  }
}

}  // namespace
}  // namespace weir
