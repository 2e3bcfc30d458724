// IP addresses without ports, networks in CIDR notation, and a list of those that are trusted.
// Values; parsing is for the control path, matching allocates nothing and may run on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir {

// IPv4 is kept as IPv4-mapped IPv6, so that 10.0.0.1 and ::ffff:10.0.0.1 are one address.
class IpAddress {
 public:
  static constexpr size_t kTextSize = 46;

  IpAddress() = default;  // ::
  // "10.0.0.1" or "2001:db8::1", without brackets, port or zone. False: `text` is neither.
  [[nodiscard]] bool parse(std::string_view text);
  // False for a UNIX socket.
  [[nodiscard]] bool assign(const Address& address);

  bool is_ipv4() const;
  // The same as Address::host_hash() of this host.
  uint64_t host_hash(uint64_t seed) const;
  // Without brackets.
  std::string_view text(std::span<char, kTextSize> memory) const;
  std::span<const uint8_t, 16> bytes() const { return bytes_; }

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

class TrustedNetworks {
 public:
  // Each "10.0.0.0/8", "fd00::/8", one address, or "unix:" for every UNIX socket. Bits beyond the
  // prefix must be zero: 10.0.0.1/8 is refused, because either part may be a mistake.
  static Result<TrustedNetworks> parse(std::span<const std::string> texts);

  bool contains(const IpAddress& address) const;
  bool contains(const Address& peer) const;
  bool empty() const { return networks_.empty() && !unix_sockets_; }

 private:
  struct Network {
    IpAddress base;
    unsigned bits = 0;  // of 128
  };
  static Result<Network> parse_network(std::string_view text);

  std::vector<Network> networks_;
  bool unix_sockets_ = false;
};

}  // namespace weir
