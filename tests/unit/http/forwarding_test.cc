// The fields that tell backends about clients, and which peers weir trusts.
#include "http/forwarding.h"

#include <gtest/gtest.h>

#include "http/h1_parser.h"
#include "http1_reading.h"

namespace weir {
namespace {

// A request of host "a" with these fields, alive for one expression.
struct Request {
  explicit Request(std::string_view fields) : input(with_fields(fields)) {
    EXPECT_EQ(parser.feed(input), H1RequestParser::State::complete);
  }
  const RequestHead& head() { return parser.head(input); }
  std::string input;
  H1RequestReader parser;
};

constexpr Hop kStranger{.client = "10.0.0.9", .trusted = false, .scheme = "http"};
constexpr Hop kFriend{.client = "10.0.0.9", .trusted = true, .scheme = "http"};

std::string xff(std::string_view fields, const Hop& hop, size_t room = 128) {
  std::vector<char> bytes(room);
  TextMemory memory(bytes);
  return std::string(x_forwarded_for(Request(fields).head(), hop, memory));
}

std::string element(std::string_view fields, const Hop& hop) {
  std::vector<char> bytes(256);
  TextMemory memory(bytes);
  return std::string(forwarded(Request(fields).head(), hop, memory));
}

TEST(XForwardedFor, OfAnUntrustedPeerIsItsAddressOnly) {
  EXPECT_EQ(xff("", kStranger), "10.0.0.9");
  EXPECT_EQ(xff("X-Forwarded-For: 1.1.1.1\r\n", kStranger), "10.0.0.9");
}

TEST(XForwardedFor, IsExtendedForTrustedPeers) {
  EXPECT_EQ(xff("", kFriend), "10.0.0.9");
  EXPECT_EQ(xff("X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For:\r\nx-forwarded-for: ::3\r\n",
                kFriend),
            "1.1.1.1, 2.2.2.2, ::3, 10.0.0.9");
}

TEST(XForwardedFor, BeginsWithTheClientThatATrustedPeerNamesElsewhere) {
  Hop hop = kFriend;
  hop.origin = "1.1.1.1";
  EXPECT_EQ(xff("", hop), "1.1.1.1, 10.0.0.9");
  EXPECT_EQ(xff("", hop, 16), "");
  EXPECT_EQ(xff("X-Forwarded-For: 2.2.2.2\r\n", hop), "2.2.2.2, 10.0.0.9");
}

TEST(XForwardedFor, ThatDoesNotFitIsNotCut) {
  const std::string fields = "X-Forwarded-For: 1.1.1.1\r\n";
  EXPECT_EQ(xff(fields, kFriend, 17), "1.1.1.1, 10.0.0.9");
  EXPECT_EQ(xff(fields, kFriend, 16), "");
}

TEST(XForwardedProtoAndHost, OfAnUntrustedPeerAreReplaced) {
  Request request("X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n");
  EXPECT_EQ(x_forwarded_proto(request.head(), kStranger), "http");
  EXPECT_EQ(x_forwarded_host(request.head(), kStranger), "a");
}

TEST(XForwardedProtoAndHost, OfATrustedPeerAreKeptIfSingleAndValid) {
  Request request("X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop:81\r\n");
  EXPECT_EQ(x_forwarded_proto(request.head(), kFriend), "https");
  EXPECT_EQ(x_forwarded_host(request.head(), kFriend), "shop:81");
  Request twice("X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a b\r\n");
  EXPECT_EQ(x_forwarded_proto(twice.head(), kFriend), "http");
  EXPECT_EQ(x_forwarded_host(twice.head(), kFriend), "a");
}

TEST(Forwarded, DescribesTheHop) {
  EXPECT_EQ(element("", kStranger), "for=10.0.0.9;host=a;proto=http");
}

TEST(Forwarded, QuotesWhatIsNoToken) {
  const Hop v6{.client = "2001:db8::1", .trusted = false, .scheme = "https"};
  EXPECT_EQ(element("", v6), "for=\"[2001:db8::1]\";host=a;proto=https");
  const std::string input = "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n";
  H1RequestReader parser;
  ASSERT_EQ(parser.feed(input), H1RequestParser::State::complete);
  std::array<char, 128> bytes;
  TextMemory memory(bytes);
  EXPECT_EQ(forwarded(parser.head(input), kStranger, memory),
            "for=10.0.0.9;host=\"[::1]:80\";proto=http");
}

TEST(Forwarded, IsExtendedForTrustedPeersAndReplacedForOthers) {
  EXPECT_EQ(element("Forwarded: for=1.1.1.1\r\nForwarded: for=_x\r\n", kFriend),
            "for=1.1.1.1, for=_x, for=10.0.0.9;host=a;proto=http");
  EXPECT_EQ(element("Forwarded: for=1.1.1.1\r\n", kStranger), "for=10.0.0.9;host=a;proto=http");
}

TEST(Forwarded, DropsFieldsWithUnterminatedQuotes) {
  const std::string own = "for=10.0.0.9;host=a;proto=http";
  for (const char* open : {"for=\"", "for=\"a\\\"", "for=a, for=\"b"})
    EXPECT_EQ(element("Forwarded: " + std::string(open) + "\r\n", kFriend), own) << open;
  EXPECT_EQ(element("Forwarded: for=\"a\\\"b\"\r\n", kFriend), "for=\"a\\\"b\", " + own);
}

TEST(TextMemory, StaysFullOnceSomethingDidNotFit) {
  std::array<char, 4> bytes;
  TextMemory memory(bytes);
  memory.begin();
  memory.add("abc");
  EXPECT_EQ(memory.end(), "abc");
  memory.begin();
  memory.add("de");
  EXPECT_EQ(memory.end().data(), nullptr);
  memory.add("f");
  EXPECT_EQ(memory.end().data(), nullptr);
}

std::string client_of(std::string_view fields, const char* peer = "10.0.0.9:1") {
  const std::vector<std::string> texts{"10.0.0.0/8", "fd00::/8", "unix:"};
  const TrustedNetworks trusted = *TrustedNetworks::parse(texts);
  Request request(fields);
  const auto client = client_address(request.head(), *Address::parse(peer), trusted);
  std::array<char, IpAddress::kTextSize> memory;
  return client ? std::string(client->text(memory)) : "none";
}

TEST(ClientAddress, IsThePeerWhenItIsNotTrusted) {
  EXPECT_EQ(client_of("X-Forwarded-For: 1.1.1.1\r\n", "8.8.8.8:1"), "8.8.8.8");
  EXPECT_EQ(client_of("", "10.0.0.9:1"), "10.0.0.9");
}

TEST(ClientAddress, IsTheRightMostThatIsNotTrusted) {
  EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.1.1.1\r\n"), "1.1.1.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6, 1.1.1.1\r\nX-Forwarded-For: fd00::1,10.3.3.3\r\n"),
            "1.1.1.1");
  EXPECT_EQ(client_of("X-Forwarded-For: 2001:db8::7 , ,10.1.1.1,\r\n"), "2001:db8::7");
}

TEST(ClientAddress, IsTheLeftMostWhenAllAreTrusted) {
  EXPECT_EQ(client_of("X-Forwarded-For: 10.2.2.2, 10.1.1.1\r\n"), "10.2.2.2");
}

TEST(ClientAddress, IsReadWithPortsAndBrackets) {
  EXPECT_EQ(client_of("X-Forwarded-For: 1.1.1.1:8080\r\n"), "1.1.1.1");
  EXPECT_EQ(client_of("X-Forwarded-For: [2001:db8::7]:8080\r\n"), "2001:db8::7");
  EXPECT_EQ(client_of("X-Forwarded-For: [2001:db8::7]\r\n"), "2001:db8::7");
}

TEST(ClientAddress, IgnoresEverythingBeforeAnInvalidAddress) {
  for (const char* entry : {"unknown", "1.1.1", "[1.1.1.1]", "1.1.1.1:", "[::1]x", "[::1", "_a"})
    EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6, " + std::string(entry) + ", 10.1.1.1\r\n"),
              "10.1.1.1")
        << entry;
}

TEST(ClientAddress, IsReadFromForwarded) {
  EXPECT_EQ(client_of("Forwarded: for=6.6.6.6, for=1.1.1.1;proto=https, , for=10.1.1.1\r\n"),
            "1.1.1.1");
  EXPECT_EQ(client_of("Forwarded: for=1.1.1.1\r\nForwarded: for=\"[fd00::1]:80\"\r\n"), "1.1.1.1");
  EXPECT_EQ(client_of("Forwarded: for=1.1.1.1;host=\"a,\\\"b\"\r\n"), "1.1.1.1");
  EXPECT_EQ(client_of("Forwarded: for=10.2.2.2, for=10.1.1.1\r\n"), "10.2.2.2");
}

TEST(ClientAddress, IsThatOfThePeerIfForwardedNamesNoAddress) {
  for (const char* element : {"proto=https", "proto=https;host=a", "by=1.1.1.1", "for="})
    EXPECT_EQ(client_of("Forwarded: " + std::string(element) + "\r\n"), client_of("")) << element;
  EXPECT_EQ(client_of("Forwarded: for=6.6.6.6, proto=https, for=10.1.1.1\r\n"), "10.1.1.1");
}

TEST(ClientAddress, IsTheOneThatTheProxyAppendedAfterUnterminatedQuotes) {
  for (const char* sent : {"for=\"", "\"", "for=6.6.6.6;x=\"", "for=\"a\\\"", "for=\"\\", "\\\"",
                           "for=6.6.6.6, for=\"6.6.6.6", "for=\"a, for=\"b\""}) {
    const std::string field = "Forwarded: " + std::string(sent);
    EXPECT_EQ(client_of(field + ", for=1.1.1.1\r\n"), "1.1.1.1") << sent;
    EXPECT_EQ(client_of(field + ", for=\"[2001:db8::7]:80\";proto=https\r\n"), "2001:db8::7")
        << sent;
    EXPECT_EQ(client_of(field + "\r\nForwarded: for=1.1.1.1\r\n"), "1.1.1.1") << sent;
  }
}

TEST(ClientAddress, IsNoElementOfForwardedWhoseQuotesDoNotEnd) {
  for (const char* element : {"for=\"6.6.6.6", "for=6.6.6.6;x=\"", "for=6.6.6.6;x=a\""})
    EXPECT_EQ(client_of("Forwarded: " + std::string(element) + ", for=10.1.1.1\r\n"), "10.1.1.1")
        << element;
}

TEST(ClientAddress, OfAUnixSocketIsReadFromItsFields) {
  EXPECT_EQ(client_of("X-Forwarded-For: 1.1.1.1\r\n", "unix:/x"), "1.1.1.1");
  EXPECT_EQ(client_of("", "unix:/x"), "none");
}

std::string id_of(std::string_view fields, const Hop& hop) {
  std::array<char, kRequestIdSize> memory;
  return std::string(request_id(Request(fields).head(), hop, 0x0123456789abcdef, memory));
}

TEST(RequestId, OfATrustedPeerIsKeptWhenItIsABoundedToken) {
  const std::string longest(kMaxRequestIdSize, 'x');
  EXPECT_EQ(id_of("X-Request-Id: a-1\r\n", kFriend), "a-1");
  EXPECT_EQ(id_of("X-Request-Id: " + longest + "\r\n", kFriend), longest);
}

TEST(RequestId, IsNewOtherwise) {
  const std::string fresh = "0123456789abcdef";
  EXPECT_EQ(id_of("", kFriend), fresh);
  EXPECT_EQ(id_of("X-Request-Id: a-1\r\n", kStranger), fresh);
  for (const std::string& id : {std::string(), std::string("a b"), std::string("a\"b"),
                                std::string(kMaxRequestIdSize + 1, 'x')})
    EXPECT_EQ(id_of("X-Request-Id: " + id + "\r\n", kFriend), fresh) << id;
  EXPECT_EQ(id_of("X-Request-Id: a\r\nX-Request-Id: b\r\n", kFriend), fresh);
}

TEST(ClientScheme, IsTheOneThatATrustedPeerNames) {
  const std::string networks[] = {"10.0.0.0/8"};
  const TrustedNetworks trusted = *TrustedNetworks::parse(networks);
  const auto scheme = [&](std::string_view fields, const Hop& hop) {
    return std::string(client_scheme(Request(fields).head(), hop, trusted));
  };
  EXPECT_EQ(scheme("", kFriend), "http");
  EXPECT_EQ(scheme("X-Forwarded-Proto: HTTPS\r\n", kFriend), "https");
  EXPECT_EQ(scheme("X-Forwarded-Proto: gopher\r\nForwarded: proto=https\r\n", kFriend), "https");
  EXPECT_EQ(scheme("Forwarded: for=\"a,b;c\";proto=https\r\n", kFriend), "https");
  EXPECT_EQ(scheme("Forwarded: proto=https;for=1.1.1.1\r\nForwarded: for=10.0.0.1\r\n", kFriend),
            "https");
  EXPECT_EQ(scheme("Forwarded: proto=https, for=1.1.1.1;proto=http\r\n", kFriend), "http");
  EXPECT_EQ(scheme("Forwarded: for=1.1.1.1;proto=\"https\r\n", kFriend), "http");
  EXPECT_EQ(scheme("X-Forwarded-Proto: https\r\nForwarded: proto=https\r\n", kStranger), "http");
}

TEST(ClientScheme, IsThatOfTheConnectionWhereTheClientMayHaveWrittenAnother) {
  const std::string networks[] = {"10.0.0.0/8"};
  const TrustedNetworks trusted = *TrustedNetworks::parse(networks);
  const auto scheme = [&](const std::string& fields) {
    return std::string(client_scheme(Request(fields).head(), kFriend, trusted));
  };
  const std::string proto = "X-Forwarded-Proto: https\r\n";
  const std::string element = "Forwarded: for=1.1.1.1;proto=https\r\n";
  EXPECT_EQ(scheme(proto + proto), "http");
  EXPECT_EQ(scheme(proto + proto + element), "http");
  EXPECT_EQ(scheme("X-Forwarded-For: 1.1.1.1\r\n" + element), "http");
  EXPECT_EQ(scheme("X-Forwarded-For: 1.1.1.1\r\n" + proto), "https");
  EXPECT_EQ(scheme("Forwarded: for=1.1.1.1;proto=https;x=\", for=1.1.1.1;proto=http\r\n"), "http");
}

}  // namespace
}  // namespace weir
