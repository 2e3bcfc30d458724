// Reads a TLS ClientHello, to route a connection without terminating its TLS: the server name, the
// offered protocols, whether TLS 1.3 is offered. Sans-I/O, strict, bounded, no allocation; any
// thread.
//
// A function of the bytes: call it with all bytes received so far, and again when there are more.
// The hello may be spread over records in any way. A hello that OpenSSL refuses is malformed here,
// so that weir routes no hello that the server reads differently:
//   - a second extension of a kind that is read here, a second name, a name of another type than
//     host_name, a name with a zero byte or of more than 255 bytes; also, although OpenSSL accepts
//     them, an empty name (RFC 6066 3 forbids it), the name ".", and an empty record;
//   - bytes after the hello in its last record: a client sends nothing more before the server
//     answers.
// A dot at the end of the server name is removed (RFC 6066 forbids it, but some clients send it),
// and letters are in lower case. Other bytes are unchanged: they may be invalid in a host name, or
// control a terminal. With Encrypted ClientHello it is the name in the public outer hello.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir {

inline constexpr size_t kMaxClientHello = 16 * 1024;  // of the handshake message, with its header
inline constexpr size_t kMaxClientHelloRecords = 64;  // that it may be spread over
inline constexpr size_t kMaxServerName = 255;         // with a dot at its end
// After this many bytes of input the result is never `incomplete`: a buffer of this size is enough.
inline constexpr size_t kMaxClientHelloInput = kMaxClientHello + 5 * kMaxClientHelloRecords;

// The protocols of an ALPN extension, the client's favourite first; iterated in place.
class AlpnList {
 public:
  AlpnList() = default;
  explicit AlpnList(std::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  // Takes the next one off the front; empty: there is none.
  std::string_view next();
  bool offers(std::string_view protocol) const;
  bool fit() const;  // no name is empty, and the last one ends with the bytes

 private:
  std::string_view left_;
};

struct [[nodiscard]] ClientHello {
  enum class State : uint8_t {
    incomplete,
    complete,
    not_tls,  // the first bytes do not begin a record of a TLS handshake
    malformed,
    too_long,  // more than kMaxClientHello bytes or kMaxClientHelloRecords
  };

  State state = State::incomplete;
  std::string_view reason;  // of all states but the first two: a sentence for the log, a literal
  // When complete:
  AlpnList alpn;  // part of the input or of the scratch memory
  bool offers_tls13 = false;
  std::string_view server_name() const { return {name.data(), name_size}; }  // empty: there is none

  std::array<char, kMaxServerName> name{};
  uint8_t name_size = 0;
};

// The host of a server_name extension (RFC 6066 3), in lower case and without a dot at its end;
// empty: malformed. A view of `memory`.
std::string_view read_server_name(std::string_view extension,
                                  std::span<char, kMaxServerName> memory);
// `scratch` has kMaxClientHello bytes; used only if the hello is in several records.
ClientHello read_client_hello(std::string_view input, std::span<char> scratch);

}  // namespace weir
