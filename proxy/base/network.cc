#include "base/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/hash.h"

namespace weir {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kAllBits = 128;
constexpr unsigned kMappedBits = 96;

// Whether the first `bits` of both are the same.
bool same_prefix(std::span<const uint8_t, 16> a, std::span<const uint8_t, 16> b, unsigned bits) {
  if (std::memcmp(a.data(), b.data(), bits / 8) != 0) return false;
  if (bits % 8 == 0) return true;
  const unsigned differs = unsigned(a[bits / 8]) ^ unsigned(b[bits / 8]);
  return differs >> (8 - bits % 8) == 0;
}

bool zero_after(std::span<const uint8_t, 16> bytes, unsigned bits) {
  for (unsigned i = bits; i < kAllBits; ++i) {
    if ((bytes[i / 8] >> (7 - i % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace

bool IpAddress::parse(std::string_view text) {
  char terminated[kTextSize];
  if (text.empty() || text.size() >= sizeof terminated) return false;
  if (text.find('\0') != std::string_view::npos) return false;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated, bytes.data() + kMapped.size()) == 1)
    std::memcpy(bytes.data(), kMapped.data(), kMapped.size());
  else if (inet_pton(AF_INET6, terminated, bytes.data()) != 1)
    return false;
  bytes_ = bytes;
  return true;
}

bool IpAddress::assign(const Address& address) {
  if (!address.is_ip()) return false;
  const std::span<const uint8_t> host = address.host();
  std::memcpy(bytes_.data(), kMapped.data(), kMapped.size());
  std::memcpy(bytes_.data() + bytes_.size() - host.size(), host.data(), host.size());
  return true;
}

uint64_t IpAddress::host_hash(uint64_t seed) const {
  const size_t skipped = is_ipv4() ? 12 : 0;
  return hash_bytes(
      {reinterpret_cast<const char*>(bytes_.data()) + skipped, bytes_.size() - skipped}, seed);
}

bool IpAddress::is_ipv4() const {
  return std::memcmp(bytes_.data(), kMapped.data(), kMapped.size()) == 0;
}

std::string_view IpAddress::text(std::span<char, kTextSize> memory) const {
  const bool v4 = is_ipv4();
  if (v4) {  // for every request; inet_ntop() goes through printf
    char* at = memory.data();
    for (size_t i = kMapped.size(); i < bytes_.size(); ++i) {
      at = std::to_chars(at, memory.data() + memory.size(), bytes_[i]).ptr;
      *at++ = '.';
    }
    return {memory.data(), at - 1};
  }
  const char* text = inet_ntop(AF_INET6, bytes_.data(), memory.data(), kTextSize);
  return text == nullptr ? std::string_view() : std::string_view(text);
}

Result<TrustedNetworks::Network> TrustedNetworks::parse_network(std::string_view text) {
  const size_t slash = text.find('/');
  Network network;
  if (!network.base.parse(text.substr(0, slash)))
    return Error{
        fmt::format("'{}' is not a network; write 10.0.0.0/8, fd00::/8 or an address", text), ""};
  const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned longest = v4 ? kAllBits - kMappedBits : kAllBits;
  unsigned bits = longest;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const char* end = number.data() + number.size();
    const auto parsed = std::from_chars(number.data(), end, bits);
    if (parsed.ec != std::errc() || parsed.ptr != end || bits > longest)
      return Error{fmt::format("the prefix of '{}' is not a number from 0 to {}", text, longest),
                   ""};
  }
  network.bits = v4 ? bits + kMappedBits : bits;
  if (!zero_after(network.base.bytes(), network.bits))
    return Error{
        fmt::format("'{}' has bits beyond its prefix; write the network's first address", text),
        ""};
  return network;
}

Result<TrustedNetworks> TrustedNetworks::parse(std::span<const std::string> texts) {
  TrustedNetworks result;
  for (const std::string& text : texts) {
    if (text == "unix:") {
      result.unix_sockets_ = true;
      continue;
    }
    Result<Network> network = parse_network(text);
    if (!network) return network.error();
    result.networks_.push_back(*network);
  }
  return result;
}

bool TrustedNetworks::contains(const IpAddress& address) const {
  for (const Network& network : networks_) {
    // ::/0 means IPv6: an IPv4 client is not in it.
    if (network.bits < kMappedBits && address.is_ipv4()) continue;
    if (same_prefix(address.bytes(), network.base.bytes(), network.bits)) return true;
  }
  return false;
}

bool TrustedNetworks::contains(const Address& peer) const {
  IpAddress address;
  if (empty()) return false;
  return peer.is_unix() ? unix_sockets_ : address.assign(peer) && contains(address);
}

}  // namespace weir
