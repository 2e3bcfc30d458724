// Networks: their text form, and the addresses in them.
#include "base/network.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TrustedNetworks networks(std::vector<std::string> texts) {
  Result<TrustedNetworks> parsed = TrustedNetworks::parse(texts);
  EXPECT_TRUE(bool(parsed));
  return parsed ? *parsed : TrustedNetworks();
}

bool holds(const TrustedNetworks& trusted, std::string_view text) {
  IpAddress address;
  EXPECT_TRUE(address.parse(text)) << text;
  return trusted.contains(address);
}

TEST(IpAddress, IsReadAndWritten) {
  std::array<char, IpAddress::kTextSize> memory;
  for (const char* text : {"10.0.0.1", "::", "::1", "2001:db8::1", "255.255.255.255"}) {
    IpAddress address;
    ASSERT_TRUE(address.parse(text)) << text;
    EXPECT_EQ(address.text(memory), text);
  }
  for (const char* text :
       {"", "10.0.0", "10.0.0.256", "[::1]", "::1:", "10.0.0.1:80", "a", "fe80::1%eth0",
        " 10.0.0.1", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"})
    EXPECT_FALSE(IpAddress().parse(text)) << text;
  EXPECT_FALSE(IpAddress().parse(std::string_view()));
}

TEST(IpAddress, OfIpv4IsTheSameWhenMapped) {
  IpAddress plain, mapped;
  ASSERT_TRUE(plain.parse("10.1.2.3") && mapped.parse("::ffff:10.1.2.3"));
  EXPECT_EQ(plain, mapped);
  std::array<char, IpAddress::kTextSize> memory;
  EXPECT_EQ(mapped.text(memory), "10.1.2.3");
}

TEST(IpAddress, IsTakenFromASocketAddress) {
  std::array<char, IpAddress::kTextSize> memory;
  IpAddress address;
  ASSERT_TRUE(address.assign(*Address::parse("10.0.0.1:80")));
  EXPECT_EQ(address.text(memory), "10.0.0.1");
  ASSERT_TRUE(address.assign(*Address::parse("[2001:db8::1]:80")));
  EXPECT_EQ(address.text(memory), "2001:db8::1");
  EXPECT_FALSE(address.assign(*Address::parse("unix:/x")));
}

TEST(Address, OfIpv4IsTheSameWhenMapped) {
  const Address mapped = *Address::parse("[::ffff:10.1.2.3]:80");
  EXPECT_EQ(mapped, *Address::parse("10.1.2.3:80"));
  EXPECT_EQ(mapped.text(), "10.1.2.3:80");
  EXPECT_EQ(mapped.family(), Address::Family::ipv4);
  EXPECT_EQ(mapped.host_hash(7), Address::parse("10.1.2.3:81")->host_hash(7));
  EXPECT_EQ(Address::parse("[::10.1.2.3]:80")->family(), Address::Family::ipv6);
  sockaddr_storage storage;
  EXPECT_EQ(mapped.to_sockaddr(storage), sizeof(sockaddr_in));
}

TEST(TrustedNetworks, HoldTheAddressesWithTheirPrefix) {
  const TrustedNetworks trusted =
      networks({"10.0.0.0/8", "192.168.4.0/22", "fd00::/8", "::1", "1.2.3.4"});
  for (const char* in : {"10.0.0.0", "10.255.255.255", "192.168.7.255", "fdff::1", "::1", "1.2.3.4",
                         "::ffff:10.9.9.9"})
    EXPECT_TRUE(holds(trusted, in)) << in;
  for (const char* out :
       {"9.255.255.255", "11.0.0.0", "192.168.8.0", "192.168.3.255", "fc00::1", "::2", "1.2.3.5"})
    EXPECT_FALSE(holds(trusted, out)) << out;
}

TEST(TrustedNetworks, OfEveryAddressAreForOneFamily) {
  EXPECT_TRUE(holds(networks({"0.0.0.0/0"}), "1.2.3.4"));
  EXPECT_FALSE(holds(networks({"0.0.0.0/0"}), "2001:db8::1"));
  EXPECT_TRUE(holds(networks({"::/0"}), "2001:db8::1"));
  EXPECT_FALSE(holds(networks({"::/0"}), "1.2.3.4"));
}

TEST(TrustedNetworks, AreEmptyByDefault) {
  EXPECT_TRUE(TrustedNetworks().empty());
  EXPECT_FALSE(holds(TrustedNetworks(), "127.0.0.1"));
}

TEST(TrustedNetworks, HoldUnixSocketsWhenNamed) {
  const Address peer = *Address::parse("unix:/x");
  EXPECT_TRUE(networks({"unix:"}).contains(peer));
  EXPECT_FALSE(networks({"0.0.0.0/0"}).contains(peer));
  EXPECT_TRUE(networks({"127.0.0.0/8"}).contains(Address::loopback(1)));
}

TEST(TrustedNetworks, RefuseInvalidNetworksWithAHint) {
  for (const char* text : {"", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1",
                           "10.0.0.0/8x", "10.0.0.1/8", "fd00::1/8", "10.0.0.0/8/8", "[::1]"}) {
    const std::vector<std::string> texts{text};
    Result<TrustedNetworks> parsed = TrustedNetworks::parse(texts);
    ASSERT_FALSE(bool(parsed)) << text;
    EXPECT_NE(parsed.error().message.find(text), std::string::npos);
  }
}

}  // namespace
}  // namespace weir
