#include "preamble/proxy_header.h"

#include <cstring>

#include "base/byte_reader.h"
#include "base/check.h"
#include "preamble/proxy_header_parts.h"

namespace weir {

ProxyRead read_proxy_header(std::string_view input) {
  if (input.empty()) return {};
  return input[0] == proxy_header::kSignature[0] ? proxy_header::read_v2(input)
                                                 : proxy_header::read_v1(input);
}

bool ProxyTlvs::next(ProxyTlv& tlv) {
  while (!left_.empty()) {
    ByteReader reader(left_);
    tlv.type = static_cast<ProxyTlvType>(reader.u8());
    tlv.value = reader.take(reader.u16());
    left_ = reader.rest();
    if (!reader.ok()) return false;
    if (tlv.type != ProxyTlvType::noop) return true;
  }
  return false;
}

std::string_view ProxyTlvs::find(ProxyTlvType type) const {
  ProxyTlvs walk = *this;
  for (ProxyTlv tlv; walk.next(tlv);)
    if (tlv.type == type) return tlv.value;
  return {};
}

bool ProxyTlvs::fit() const {
  ByteReader reader(left_);
  while (reader.more()) {
    reader.u8();
    reader.take(reader.u16());
  }
  return reader.ok();
}

ProxyTls ProxyHeader::tls() const {
  ProxyTls tls;
  tls.alpn = tlvs.find(ProxyTlvType::alpn);
  tls.authority = tlvs.find(ProxyTlvType::authority);
  ByteReader ssl(tlvs.find(ProxyTlvType::ssl));
  const uint8_t client = ssl.u8();
  const uint32_t verify = ssl.u32();
  if (!ssl.ok()) return tls;
  const ProxyTlvs inside(ssl.rest());
  tls.version = inside.find(ProxyTlvType::ssl_version);
  tls.cipher = inside.find(ProxyTlvType::ssl_cipher);
  tls.common_name = inside.find(ProxyTlvType::ssl_cn);
  tls.client_certificate = (client & (0x02 | 0x04)) != 0;
  tls.verified = tls.client_certificate && verify == 0;
  return tls;
}

Address proxy_header::ip_address(std::string_view host, uint16_t port) {
  if (host.size() == sizeof(in_addr)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, host.data(), host.size());
    return Address::from(reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  }
  CHECK(host.size() == sizeof(in6_addr));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, host.data(), host.size());
  return Address::from(reinterpret_cast<const sockaddr*>(&v6), sizeof(v6));
}

}  // namespace weir
