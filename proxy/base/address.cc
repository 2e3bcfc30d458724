#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/hash.h"

namespace weir {
namespace {

Result<uint16_t> parse_port(std::string_view text, std::string_view whole) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 10);
  const bool digits = error == std::errc() && end == text.data() + text.size();
  if (!digits || value > 65535 || (text.size() > 1 && text[0] == '0'))
    return Error{fmt::format("'{}' in '{}' is not a port; write a number from 1 to 65535", text, whole), ""};
  return static_cast<uint16_t>(value);
}

Result<Address> parse_unix(std::string_view path) {
  if (path.empty()) return Error{"'unix:' needs a path: write unix:/run/app.sock", ""};
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{fmt::format("the UNIX socket path '{}' is longer than {} bytes", path,
                             sizeof(sockaddr_un::sun_path) - 1),
                 ""};
  if (path[0] != '/' && path[0] != '@')
    return Error{fmt::format("the UNIX socket path '{}' must be absolute, or start with '@'", path), ""};
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  if (path[0] == '@') un.sun_path[0] = '\0';
  socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] != '@'));
  return Address::from(reinterpret_cast<const sockaddr*>(&un), length);
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size())
    return Error{fmt::format("'{}' has no port; write host:port", text), ""};
  std::string_view host = text.substr(0, colon);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']') return Error{fmt::format("'{}' has an unclosed '['; write [::1]:80", text), ""};
    host = host.substr(1, host.size() - 2);
    if (host.empty()) return Error{fmt::format("'{}' has no address between the brackets", text), ""};
  } else if (host.find(':') != std::string_view::npos) {
    return Error{fmt::format("'{}' looks like IPv6; write it in brackets: [::1]:80", text), ""};
  }
  Result<uint16_t> port = parse_port(text.substr(colon + 1), text);
  if (!port) return port.error();
  return HostPort{std::string(host), *port};
}

Result<Address> Address::parse(std::string_view text) {
  if (text.substr(0, 5) == "unix:") return parse_unix(text.substr(5));
  Result<HostPort> parts = split_host_port(text);
  if (!parts) return parts.error();
  if (parts->host.empty()) return any(parts->port);
  Address address;
  if (inet_pton(AF_INET, parts->host.c_str(), &address.ip_.v4.sin_addr) == 1) {
    address.family_ = Family::ipv4;
    address.ip_.v4.sin_family = AF_INET;
  } else if (inet_pton(AF_INET6, parts->host.c_str(), &address.ip_.v6.sin6_addr) == 1) {
    address.family_ = Family::ipv6;
    address.ip_.v6.sin6_family = AF_INET6;
  } else {
    return Error{fmt::format("'{}' is not an IP address", parts->host), ""};
  }
  return address.with_port(parts->port);
}

Address Address::from(const sockaddr* address, socklen_t length) {
  Address result;
  if (length >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
    result.family_ = Family::ipv4;
    std::memcpy(&result.ip_.v4, address, sizeof(sockaddr_in));
  } else if (length >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
    result.family_ = Family::ipv6;
    std::memcpy(&result.ip_.v6, address, sizeof(sockaddr_in6));
  } else if (length >= offsetof(sockaddr_un, sun_path) && address->sa_family == AF_UNIX) {
    result.family_ = Family::unix_path;
    const char* path = reinterpret_cast<const char*>(address) + offsetof(sockaddr_un, sun_path);
    const size_t size = length - offsetof(sockaddr_un, sun_path);
    if (size > 0 && path[0] == '\0') result.path_ = "@" + std::string(path + 1, size - 1);
    else result.path_ = std::string(path, strnlen(path, size));
  }
  return result;
}

Address Address::any(uint16_t port) {
  Address address;
  address.family_ = Family::ipv6;
  address.ip_.v6.sin6_family = AF_INET6;
  return address.with_port(port);
}

Address Address::loopback(uint16_t port) {
  Address address;
  address.family_ = Family::ipv4;
  address.ip_.v4.sin_family = AF_INET;
  address.ip_.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address.with_port(port);
}

Address Address::with_port(uint16_t port) const {
  Address copy = *this;
  if (family_ == Family::ipv4) copy.ip_.v4.sin_port = htons(port);
  if (family_ == Family::ipv6) copy.ip_.v6.sin6_port = htons(port);
  return copy;
}

int Address::socket_family() const {
  switch (family_) {
    case Family::ipv4: return AF_INET;
    case Family::ipv6: return AF_INET6;
    case Family::unix_path: return AF_UNIX;
    case Family::none: return AF_UNSPEC;
  }
  CHECK_UNREACHABLE();
}

uint16_t Address::port() const {
  if (family_ == Family::ipv4) return ntohs(ip_.v4.sin_port);
  if (family_ == Family::ipv6) return ntohs(ip_.v6.sin6_port);
  return 0;
}

socklen_t Address::to_sockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof(storage));
  if (family_ == Family::ipv4) return std::memcpy(&storage, &ip_.v4, sizeof(ip_.v4)), sizeof(ip_.v4);
  if (family_ == Family::ipv6) return std::memcpy(&storage, &ip_.v6, sizeof(ip_.v6)), sizeof(ip_.v6);
  if (family_ == Family::none) return 0;
  auto* un = reinterpret_cast<sockaddr_un*>(&storage);
  un->sun_family = AF_UNIX;
  const size_t size = std::min(path_.size(), sizeof(un->sun_path) - 1);
  std::memcpy(un->sun_path, path_.data(), size);
  const bool abstract = size > 0 && path_[0] == '@';
  if (abstract) un->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (abstract ? 0 : 1));
}

std::string Address::text() const {
  char host[INET6_ADDRSTRLEN];
  switch (family_) {
    case Family::ipv4:
      return fmt::format("{}:{}", inet_ntop(AF_INET, &ip_.v4.sin_addr, host, sizeof(host)), port());
    case Family::ipv6:
      return fmt::format("[{}]:{}", inet_ntop(AF_INET6, &ip_.v6.sin6_addr, host, sizeof(host)), port());
    case Family::unix_path: return "unix:" + path_;
    case Family::none: return "-";
  }
  CHECK_UNREACHABLE();
}

uint64_t Address::host_hash(uint64_t seed) const {
  if (family_ == Family::unix_path) return hash_bytes(path_, seed);
  const char* bytes = reinterpret_cast<const char*>(&ip_.v4.sin_addr);
  size_t size = sizeof(in_addr);
  if (family_ == Family::ipv6) {
    bytes = reinterpret_cast<const char*>(&ip_.v6.sin6_addr);
    size = sizeof(in6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&ip_.v6.sin6_addr)) bytes += 12, size = 4;
  }
  return hash_bytes(std::string_view(bytes, size), seed);
}

bool operator==(const Address& a, const Address& b) {
  sockaddr_storage left, right;
  const socklen_t length = a.to_sockaddr(left);
  return a.family_ == b.family_ && length == b.to_sockaddr(right) && a.path_ == b.path_ &&
         std::memcmp(&left, &right, length) == 0;
}

}  // namespace weir
