#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/byte_reader.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "preamble/proxy_header_parts.h"

namespace weir::proxy_header {
namespace {

constexpr size_t kFixedPart = 16;
constexpr std::string_view kTooLong = "a PROXY header is longer than 4096 bytes";
constexpr std::string_view kBadTlvs = "the TLVs of a PROXY header do not fit into it";

// The padding zeros of the field are not part of the name, not even of an abstract name.
Address unix_address(std::string_view field) {
  const std::string_view name = field.substr(0, field.find_last_not_of('\0') + 1);
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  CHECK(name.size() <= sizeof(un.sun_path));
  std::memcpy(un.sun_path, name.data(), name.size());
  return Address::from(reinterpret_cast<const sockaddr*>(&un),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
}

// The size of the addresses, by the upper half of the byte with family and transport.
size_t addresses_size(uint8_t family) {
  constexpr std::array<size_t, 4> kSizes{0, 12, 36, 216};
  return kSizes[family >> 4];
}

// The fault in the received bytes of the fixed part; empty: none. The family of a LOCAL header is
// ignored, as the specification requires.
std::string_view fault_of_fixed_part(std::string_view input) {
  const auto byte = [input](size_t i) { return static_cast<uint8_t>(input[i]); };
  if (input.size() <= 12) return {};
  if (byte(12) >> 4 != 2) return "the version of a PROXY header is not 2";
  if ((byte(12) & 15) > 1) return "the command of a PROXY header is neither LOCAL nor PROXY";
  const bool local = (byte(12) & 15) == 0;
  if (input.size() > 13 && !local) {
    const uint8_t family = byte(13) >> 4, transport = byte(13) & 15;
    if (family > 3) return "the address family of a PROXY header is unknown";
    if (transport != 1 && (family != 0 || transport != 0))
      return "a PROXY header is not for a stream";
  }
  if (input.size() > 14 && byte(14) * 256u + kFixedPart > kMaxProxyHeader) return kTooLong;
  if (input.size() <= 15) return {};
  const size_t size = byte(14) * 256u + byte(15);
  if (size + kFixedPart > kMaxProxyHeader) return kTooLong;
  if (!local && size < addresses_size(byte(13)))
    return "a PROXY header is shorter than its addresses";
  return {};
}

void read_addresses(std::string_view addresses, ProxyHeader& header) {
  ByteReader reader(addresses);
  if (addresses.empty()) return;
  if (addresses.size() == addresses_size(0x30)) {
    header.source = unix_address(reader.take(addresses.size() / 2));
    header.destination = unix_address(reader.rest());
    return;
  }
  const size_t host = addresses.size() / 2 - sizeof(uint16_t);
  const std::string_view source = reader.take(host), destination = reader.take(host);
  header.source = ip_address(source, reader.u16());
  header.destination = ip_address(destination, reader.u16());
  DCHECK(reader.done());
}

// The fault in the TLVs of a whole header, which fit into it; empty: none.
std::string_view fault_of_tlvs(std::string_view header, ProxyTlvs tlvs) {
  bool checked = false;
  for (ProxyTlv tlv; tlvs.next(tlv);) {
    // Flags and the result of the verification precede the inner TLVs.
    if (tlv.type == ProxyTlvType::ssl &&
        (tlv.value.size() < 5 || !ProxyTlvs(tlv.value.substr(5)).fit()))
      return kBadTlvs;
    if (tlv.type != ProxyTlvType::crc32c) continue;
    if (checked || tlv.value.size() != 4) return "a PROXY header has no single checksum of 4 bytes";
    checked = true;
    const size_t place = static_cast<size_t>(tlv.value.data() - header.data());
    Crc32c sum;
    sum.add(header.substr(0, place));
    sum.add(std::string_view("\0\0\0\0", 4));
    sum.add(header.substr(place + 4));
    if (sum.value() != ByteReader(tlv.value).u32())
      return "the checksum of a PROXY header is wrong";
  }
  return {};
}

}  // namespace

ProxyRead read_v2(std::string_view input) {
  if (match(input, kSignature) == State::malformed) return malformed(kNoHeader);
  const std::string_view wrong = fault_of_fixed_part(input);
  if (!wrong.empty()) return malformed(wrong);
  ByteReader reader(input);
  reader.take(kSignature.size());
  const bool local = (reader.u8() & 15) == 0;
  const uint8_t family = reader.u8();
  std::string_view content = reader.take(reader.u16());
  if (!reader.ok()) return incomplete();

  ProxyHeader header;
  header.size = kFixedPart + content.size();
  if (local) return complete(std::move(header));  // its content is ignored
  header.command = Command::proxy;
  read_addresses(content.substr(0, addresses_size(family)), header);
  header.tlvs = ProxyTlvs(content.substr(addresses_size(family)));
  if (!header.tlvs.fit()) return malformed(kBadTlvs);
  const std::string_view fault = fault_of_tlvs(input.substr(0, header.size), header.tlvs);
  return fault.empty() ? complete(std::move(header)) : malformed(fault);
}

}  // namespace weir::proxy_header
