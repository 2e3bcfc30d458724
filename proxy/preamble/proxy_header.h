// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): the client address that
// a proxy in front of weir sends in the first bytes of a connection, and that weir sends to
// backends.
//
// Sans-I/O; no allocation but for the paths of UNIX sockets; any thread. Reading is a function of
// the bytes: pass all bytes received so far, and again when there are more. Only for connections of
// peers that are configured to send the header: weir never guesses whether there is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/address.h"

namespace weir {

inline constexpr size_t kMaxProxyHeader = 4096;  // read; longer is malformed
inline constexpr size_t kMaxProxyLine = 107;     // of version 1, with CRLF
inline constexpr size_t kMaxProxyValue = 255;    // written into one TLV; longer is left out
// Room for every header that is written.
inline constexpr size_t kMaxWrittenProxyHeader = 16 + 216 + 5 * (3 + kMaxProxyValue) + 3 + 5;

enum class ProxyTlvType : uint8_t {
  alpn = 0x01,
  authority = 0x02,
  crc32c = 0x03,
  noop = 0x04,
  unique_id = 0x05,
  ssl = 0x20,
  ssl_version = 0x21,
  ssl_cn = 0x22,
  ssl_cipher = 0x23,
  netns = 0x30,
};

struct ProxyTlv {
  ProxyTlvType type{};  // may be none of the above
  std::string_view value;
};

// The client's TLS connection, as the proxy that terminated it describes it. Empty: not known.
struct ProxyTls {
  std::string_view alpn = {};       // the negotiated protocol: "h2"
  std::string_view authority = {};  // SNI
  // The members from here on are PP2_TYPE_SSL, which is written if there is a version.
  std::string_view version = {};  // "TLSv1.3"
  std::string_view cipher = {};
  std::string_view common_name = {};  // of the client's certificate
  bool client_certificate = false;    // in this connection or the session that it resumes
  bool verified = false;              // and the certificate was valid
  bool resumed = false;               // the client sent it in an earlier connection of the session
};

// TLVs, read in place; those of a header that was read fit into it.
class ProxyTlvs {
 public:
  ProxyTlvs() = default;
  explicit ProxyTlvs(std::string_view bytes) : left_(bytes) {}

  // Removes the first TLV, and fillers (PP2_TYPE_NOOP) before it. False: there is none.
  bool next(ProxyTlv& tlv);
  // The value of the first TLV of this type; empty: there is none.
  std::string_view find(ProxyTlvType type) const;
  bool fit() const;  // the last one ends with the bytes

 private:
  std::string_view left_;
};

struct ProxyHeader {
  enum class Command : uint8_t { local, proxy };

  size_t size = 0;  // in bytes; the bytes after it are the client's
  Command command = Command::local;
  // Of family `none` for LOCAL, UNKNOWN and UNSPEC: then the addresses of the connection itself
  // apply.
  Address source;
  Address destination;
  ProxyTlvs tlvs;  // parts of the input

  bool has_addresses() const { return source.family() != Address::Family::none; }
  ProxyTls tls() const;  // from the TLVs
};

struct [[nodiscard]] ProxyRead {
  enum class State : uint8_t { incomplete, complete, malformed };

  State state = State::incomplete;
  std::string_view reason;  // when malformed: a sentence for the log, a literal
  ProxyHeader header;       // when complete
};

// The first byte that no header can have there makes it malformed, so that weir does not wait for
// more bytes of a client without a header. Addresses of version 1 are checked when they end, TLVs
// when the header is complete.
ProxyRead read_proxy_header(std::string_view input);

// Writes a header and returns the used part of `out`; empty: `out` is too small.
// kMaxWrittenProxyHeader is always enough. Without a source or a destination (a health check)
// version 1 has UNKNOWN and version 2 LOCAL. If only one address is IPv6, the other is written as
// IPv4-mapped IPv6. Addresses without a form in that version are UNKNOWN and UNSPEC.
std::span<const char> write_proxy_v1(std::span<char> out, const Address& source,
                                     const Address& destination);
std::span<const char> write_proxy_v2(std::span<char> out, const Address& source,
                                     const Address& destination, const ProxyTls& tls = {});

}  // namespace weir
