#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/hash.h"
#include "base/network.h"

namespace weir {
namespace {

Result<uint16_t> parse_port(std::string_view text, std::string_view whole) {
  unsigned value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 10);
  const bool digits = error == std::errc() && end == text.data() + text.size();
  if (!digits || value > 65535 || (text.size() > 1 && text[0] == '0'))
    return Error{
        fmt::format("'{}' in '{}' is not a port; write a number from 1 to 65535", text, whole), ""};
  return static_cast<uint16_t>(value);
}

// ::ffff:a.b.c.d, the form of an IPv4 client on a socket of both families, becomes IPv4, so that an
// address has one form in logs, comparisons and headers.
Address unmapped(const sockaddr_in6& v6) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port;
  std::memcpy(&v4.sin_addr, &v6.sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
  return Address::from(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
}

Result<Address> parse_unix(std::string_view path) {
  if (path.empty()) return Error{"'unix:' needs a path: write unix:/run/app.sock", ""};
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return Error{fmt::format("the UNIX socket path '{}' is longer than {} bytes", path,
                             sizeof(sockaddr_un::sun_path) - 1),
                 ""};
  if (path[0] != '/' && path[0] != '@')
    return Error{fmt::format("the UNIX socket path '{}' must be absolute, or start with '@'", path),
                 ""};
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  if (path[0] == '@') un.sun_path[0] = '\0';
  socklen_t length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] != '@'));
  return Address::from(reinterpret_cast<const sockaddr*>(&un), length);
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size())
    return Error{fmt::format("'{}' has no port; write host:port", text), ""};
  std::string_view host = text.substr(0, colon);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']')
      return Error{fmt::format("'{}' has an unclosed '['; write [::1]:80", text), ""};
    host = host.substr(1, host.size() - 2);
    if (host.empty())
      return Error{fmt::format("'{}' has no address between the brackets", text), ""};
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
  if (inet_pton(AF_INET, parts->host.c_str(), address.host_.data()) == 1)
    address.family_ = Family::ipv4;
  else if (inet_pton(AF_INET6, parts->host.c_str(), address.host_.data()) == 1)
    address.family_ = Family::ipv6;
  else
    return Error{fmt::format("'{}' is not an IP address", parts->host), ""};
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);  // a mapped address becomes IPv4 here
  return from(reinterpret_cast<const sockaddr*>(&storage), length).with_port(parts->port);
}

Address Address::from(const sockaddr* address, socklen_t length) {
  Address result;
  if (length >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    result.family_ = Family::ipv4;
    result.port_ = ntohs(v4.sin_port);
    std::memcpy(result.host_.data(), &v4.sin_addr, sizeof(v4.sin_addr));
  } else if (length >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof(v6));
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return unmapped(v6);
    result.family_ = Family::ipv6;
    result.port_ = ntohs(v6.sin6_port);
    result.scope_ = v6.sin6_scope_id;
    std::memcpy(result.host_.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
  } else if (length >= offsetof(sockaddr_un, sun_path) && address->sa_family == AF_UNIX) {
    result.family_ = Family::unix_path;
    const char* path = reinterpret_cast<const char*>(address) + offsetof(sockaddr_un, sun_path);
    const size_t size = length - offsetof(sockaddr_un, sun_path);
    const bool abstract = size > 0 && path[0] == '\0';
    const std::string text =
        abstract ? "@" + std::string(path + 1, size - 1) : std::string(path, strnlen(path, size));
    if (!text.empty()) result.path_ = std::make_shared<const std::string>(text);
  }
  return result;
}

Address Address::any(uint16_t port) {
  Address address;
  address.family_ = Family::ipv6;
  return address.with_port(port);
}

Address Address::loopback(uint16_t port) {
  Address address;
  address.family_ = Family::ipv4;
  address.host_ = {127, 0, 0, 1};
  return address.with_port(port);
}

Address Address::with_port(uint16_t port) const {
  Address copy = *this;
  if (is_ip()) copy.port_ = port;
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

socklen_t Address::to_sockaddr(sockaddr_storage& storage) const {
  std::memset(&storage, 0, sizeof(storage));
  switch (family_) {
    case Family::none: return 0;
    case Family::ipv4: {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port_);
      std::memcpy(&v4.sin_addr, host_.data(), sizeof(v4.sin_addr));
      return std::memcpy(&storage, &v4, sizeof(v4)), sizeof(v4);
    }
    case Family::ipv6: {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port_);
      v6.sin6_scope_id = scope_;
      std::memcpy(&v6.sin6_addr, host_.data(), sizeof(v6.sin6_addr));
      return std::memcpy(&storage, &v6, sizeof(v6)), sizeof(v6);
    }
    case Family::unix_path: break;
  }
  auto* un = reinterpret_cast<sockaddr_un*>(&storage);
  un->sun_family = AF_UNIX;
  const size_t size = std::min(path().size(), sizeof(un->sun_path) - 1);
  std::memcpy(un->sun_path, path().data(), size);
  const bool abstract = size > 0 && path()[0] == '@';
  if (abstract) un->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (abstract ? 0 : 1));
}

std::string_view Address::text(std::span<char, kTextSize> memory) const {
  if (family_ == Family::none) return "-";
  char* at = memory.data();
  char* const end = at + memory.size();
  const auto put = [&](std::string_view text) {
    const size_t size = std::min(text.size(), static_cast<size_t>(end - at));
    at = std::copy_n(text.data(), size, at);
  };
  if (family_ == Family::unix_path) {
    put("unix:");
    put(path());
    return {memory.data(), at};
  }
  IpAddress ip;
  (void)ip.assign(*this);  // the other families have returned
  std::array<char, IpAddress::kTextSize> host;
  const bool brackets = family_ == Family::ipv6;
  if (brackets) put("[");
  put(ip.text(host));
  put(brackets ? "]:" : ":");
  return {memory.data(), std::to_chars(at, end, port_).ptr};
}

std::string Address::text() const {
  std::array<char, kTextSize> memory;
  return std::string(text(memory));
}

uint64_t Address::host_hash(uint64_t seed) const {
  if (family_ == Family::unix_path) return hash_bytes(path(), seed);
  const char* bytes = reinterpret_cast<const char*>(host_.data());
  const size_t size = family_ == Family::ipv6 ? sizeof(in6_addr) : sizeof(in_addr);
  return hash_bytes({bytes, size}, seed);
}

bool operator==(const Address& a, const Address& b) {
  return a.family_ == b.family_ && a.port_ == b.port_ && a.scope_ == b.scope_ &&
         a.host_ == b.host_ && a.path() == b.path();
}

}  // namespace weir
