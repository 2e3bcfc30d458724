// A socket address: IPv4, IPv6 or UNIX. A value of 40 bytes, since every session keeps one: an IP
// address inline, the path of a UNIX socket shared on the heap.
//
// Text forms: "10.0.0.1:80", "[::1]:80", ":80" (all addresses of both families), "unix:/path" and
// "unix:@name" (abstract). parse() takes numeric hosts only; names are split by split_host_port()
// and resolved on the control path.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct HostPort {
  std::string host;  // empty for ":80"; without brackets for IPv6
  uint16_t port = 0;
};

class Address {
 public:
  enum class Family : uint8_t { none, ipv4, ipv6, unix_path };

  Address() = default;
  // Numeric address or unix path. ":80" gives [::]:80, which a listener opens for both families.
  static Result<Address> parse(std::string_view text);
  static Address from(const sockaddr* address, socklen_t length);
  static Address any(uint16_t port);       // [::]:port
  static Address loopback(uint16_t port);  // 127.0.0.1:port

  Family family() const { return family_; }
  bool is_unix() const { return family_ == Family::unix_path; }
  bool is_ip() const { return family_ == Family::ipv4 || family_ == Family::ipv6; }
  int socket_family() const;               // AF_INET, AF_INET6, AF_UNIX
  uint16_t port() const { return port_; }  // 0 for UNIX
  const std::string& path() const {
    static const std::string none;
    return path_ ? *path_ : none;
  }
  // The four or sixteen bytes of an IP address, in network order.
  std::span<const uint8_t> host() const {
    return std::span(host_).first(family_ == Family::ipv6 ? 16 : family_ == Family::ipv4 ? 4 : 0);
  }
  Address with_port(uint16_t port) const;

  // Fills `storage`, returns the length for bind() and connect().
  socklen_t to_sockaddr(sockaddr_storage& storage) const;
  static constexpr size_t kTextSize = 128;  // of a UNIX socket path with its prefix, too
  std::string_view text(std::span<char, kTextSize> memory) const;  // in `memory`; no allocation
  std::string text() const;
  // Of the host only: what source_hash balances by. IPv4-mapped IPv6 hashes like its IPv4 address.
  uint64_t host_hash(uint64_t seed) const;

  friend bool operator==(const Address&, const Address&);

 private:
  Family family_ = Family::none;
  uint16_t port_ = 0;
  uint32_t scope_ = 0;              // of a link-local IPv6 address
  std::array<uint8_t, 16> host_{};  // in network order; the first four bytes of it for IPv4
  std::shared_ptr<const std::string> path_;
};

// "host:port", "[v6]:port", ":port"; the host may be a name. The error says what is wrong with
// `text`.
Result<HostPort> split_host_port(std::string_view text);

}  // namespace weir
