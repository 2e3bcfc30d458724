#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "preamble/proxy_header_parts.h"

namespace weir {
namespace {

// Writes as long as there is room; after that it only notes that the memory is full.
class Out {
 public:
  explicit Out(std::span<char> memory) : memory_(memory) {}

  void add(std::string_view bytes) {
    full_ |= bytes.size() > memory_.size() - used_;
    if (full_) return;
    std::copy(bytes.begin(), bytes.end(), memory_.begin() + static_cast<ptrdiff_t>(used_));
    used_ += bytes.size();
  }
  void add_u8(unsigned value) {
    const char byte = static_cast<char>(value & 0xff);
    add({&byte, 1});
  }
  void add_u16(size_t value) {
    add_u8(static_cast<unsigned>(value >> 8));
    add_u8(static_cast<unsigned>(value));
  }
  void add_number(unsigned value) {
    char digits[10];
    add({digits, std::to_chars(digits, digits + sizeof(digits), value).ptr});
  }
  // Writes the number of bytes after the field into the two bytes at `place`.
  void set_length(size_t place) {
    if (full_) return;
    const size_t length = used_ - place - 2;
    memory_[place] = static_cast<char>(length >> 8);
    memory_[place + 1] = static_cast<char>(length & 0xff);
  }

  size_t used() const { return used_; }
  std::span<const char> written() const { return memory_.first(full_ ? 0 : used_); }

 private:
  std::span<char> memory_;
  size_t used_ = 0;
  bool full_ = false;
};

// Sixteen bytes of any IP address: IPv4 as ::ffff:a.b.c.d.
std::array<uint8_t, 16> as_v6(const Address& address) {
  std::array<uint8_t, 16> bytes{};
  const std::span<const uint8_t> host = address.host();
  if (host.size() == 4) bytes[10] = bytes[11] = 0xff;
  std::copy(host.begin(), host.end(), bytes.end() - static_cast<ptrdiff_t>(host.size()));
  return bytes;
}

bool both_v4(const Address& a, const Address& b) {
  return a.family() == Address::Family::ipv4 && b.family() == Address::Family::ipv4;
}

void add_host(Out& out, const Address& address, bool v4) {
  const std::array<uint8_t, 16> bytes = as_v6(address);
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  out.add(v4 ? std::string_view(begin + 12, 4) : std::string_view(begin, 16));
}

void add_host_text(Out& out, const Address& address, bool v4) {
  const std::array<uint8_t, 16> bytes = as_v6(address);
  char text[INET6_ADDRSTRLEN];
  out.add(inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? 12 : 0), text, sizeof(text)));
}

// A field of 108 bytes, filled up with zeros. Address writes the first zero of an abstract name
// '@'.
void add_path(Out& out, const Address& address) {
  constexpr size_t kSize = 108;
  char field[kSize] = {};
  const std::string_view path = std::string_view(address.path()).substr(0, kSize);
  std::copy(path.begin(), path.end(), field);
  if (path.size() > 1 && path[0] == '@') field[0] = '\0';
  out.add({field, kSize});
}

void add_addresses(Out& out, const Address& source, const Address& destination, bool v4) {
  if (source.is_unix()) {
    add_path(out, source);
    add_path(out, destination);
    return;
  }
  add_host(out, source, v4);
  add_host(out, destination, v4);
  out.add_u16(source.port());
  out.add_u16(destination.port());
}

// A name that is too long is left out, because a truncated name would be another name.
void add_tlv(Out& out, ProxyTlvType type, std::string_view value) {
  if (value.empty() || value.size() > kMaxProxyValue) return;
  out.add_u8(static_cast<unsigned>(type));
  out.add_u16(value.size());
  out.add(value);
}

void add_tls(Out& out, const ProxyTls& tls) {
  add_tlv(out, ProxyTlvType::alpn, tls.alpn);
  add_tlv(out, ProxyTlvType::authority, tls.authority);
  if (tls.version.empty()) return;
  out.add_u8(static_cast<unsigned>(ProxyTlvType::ssl));
  const size_t length = out.used();
  out.add_u16(0);
  // PP2_CLIENT_SSL, _CERT_CONN, _CERT_SESS; then zero for a certificate that was verified.
  out.add_u8(!tls.client_certificate ? 0x01 : tls.resumed ? 0x05 : 0x07);
  out.add_u16(0);
  out.add_u16(tls.client_certificate && tls.verified ? 0 : 1);
  add_tlv(out, ProxyTlvType::ssl_version, tls.version);
  add_tlv(out, ProxyTlvType::ssl_cn, tls.common_name);
  add_tlv(out, ProxyTlvType::ssl_cipher, tls.cipher);
  out.set_length(length);
}

}  // namespace

std::span<const char> write_proxy_v1(std::span<char> memory, const Address& source,
                                     const Address& destination) {
  Out out(memory);
  if (!source.is_ip() || !destination.is_ip()) {
    out.add("PROXY UNKNOWN\r\n");
    return out.written();
  }
  const bool v4 = both_v4(source, destination);
  out.add(v4 ? "PROXY TCP4 " : "PROXY TCP6 ");
  add_host_text(out, source, v4);
  out.add(" ");
  add_host_text(out, destination, v4);
  out.add(" ");
  out.add_number(source.port());
  out.add(" ");
  out.add_number(destination.port());
  out.add("\r\n");
  return out.written();
}

std::span<const char> write_proxy_v2(std::span<char> memory, const Address& source,
                                     const Address& destination, const ProxyTls& tls) {
  using Family = Address::Family;
  const bool local = source.family() == Family::none || destination.family() == Family::none;
  const bool ip = source.is_ip() && destination.is_ip();
  const bool v4 = both_v4(source, destination);
  const bool paths = source.is_unix() && destination.is_unix();

  Out out(memory);
  out.add(proxy_header::kSignature);
  out.add_u8(local ? 0x20 : 0x21);
  out.add_u8(ip ? (v4 ? 0x11 : 0x21) : paths ? 0x31 : 0x00);
  const size_t length = out.used();
  out.add_u16(0);
  if (ip || paths) add_addresses(out, source, destination, v4);
  if (!local) add_tls(out, tls);
  out.set_length(length);
  return out.written();
}

}  // namespace weir
