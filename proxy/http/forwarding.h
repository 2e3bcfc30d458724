// The identity of the client, and the fields that tell the backend about it: X-Forwarded-*,
// Forwarded (RFC 7239), X-Request-Id. Pure functions; values are views into the head, the hop or
// the caller's memory.
//
// weir drops the claims of untrusted peers, and keeps and extends those of trusted peers. The
// writer replaces the received fields by these (FieldChanges::own).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/network.h"
#include "http/message.h"

namespace weir {

// The connection a request came by.
struct Hop {
  std::string_view client;  // address of the peer without port and brackets; "unknown" for UNIX
  bool trusted = false;     // the peer is in the trusted networks
  std::string_view scheme = "http";  // "http" or "https"
  std::string_view origin{};  // the client's address, where a trusted peer names another; or empty
};

// Texts, one after the other, in memory of the caller.
class TextMemory {
 public:
  explicit TextMemory(std::span<char> memory) : memory_(memory) {}

  void begin() { begin_ = used_; }
  void add(std::string_view text);
  // The text added since begin(); the null view when a text did not fit, now or before.
  std::string_view end() const {
    return full_ ? std::string_view() : std::string_view(memory_.data() + begin_, used_ - begin_);
  }

 private:
  std::span<char> memory_;
  size_t begin_ = 0, used_ = 0;
  bool full_ = false;
};

// The null view means that the value did not fit into `memory`: 431. If a trusted peer names the
// client in Forwarded only, the value lists the client and the peer.
std::string_view x_forwarded_for(const RequestHead& head, const Hop& hop, TextMemory& memory);
std::string_view forwarded(const RequestHead& head, const Hop& hop, TextMemory& memory);
// The value of a trusted peer, if it is the only one and well formed, else weir's own. The host may
// be empty, for HTTP/1.0.
std::string_view x_forwarded_proto(const RequestHead& head, const Hop& hop);
std::string_view x_forwarded_host(const RequestHead& head, const Hop& hop);

// The client's own address. If the peer is trusted: the right-most address in X-Forwarded-For (or,
// without that field, in Forwarded) that is not trusted; the left-most, if all are trusted. Entries
// to the left of an invalid entry are ignored, and so is an element of Forwarded with an
// unterminated quote. Nullopt for a UNIX socket if no entry has the client's address.
std::optional<IpAddress> client_address(const RequestHead& head, const Address& peer,
                                        const TrustedNetworks& trusted);

// The scheme that the client uses: the value of a trusted peer in its only X-Forwarded-Proto or, if
// that is missing or unknown and there is no X-Forwarded-For, in the element of Forwarded about the
// client; else the scheme of the connection.
std::string_view client_scheme(const RequestHead& head, const Hop& hop,
                               const TrustedNetworks& trusted);

inline constexpr size_t kMaxRequestIdSize = 128;
inline constexpr size_t kRequestIdSize = 16;  // of a new one: hexadecimal digits
// The id of a trusted peer, if it is a token of bounded size; else a new id from `random`.
std::string_view request_id(const RequestHead& head, const Hop& hop, uint64_t random,
                            std::span<char, kRequestIdSize> memory);

}  // namespace weir
