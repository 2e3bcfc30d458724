// What a TLS ClientHello asks for, to route a connection without terminating its TLS: the server's
// name, the protocols, whether TLS 1.3 is offered. Sans-I/O, strict, bounded, no allocation; any
// thread.
//
// A function of the bytes: pass all bytes received so far, and again when there are more. The hello
// may be spread over records in any way. A hello that OpenSSL refuses is malformed here, so that
// weir routes no hello that the server reads differently:
//   - a second extension of a kind that is read here, a second name, a name of another type than
//     host_name, a name with a zero byte or of more than 255 bytes; also, though OpenSSL lets them
//     pass, an empty name (RFC 6066 3 forbids it), the name ".", and an empty record;
//   - bytes in the last record behind the hello: a client sends nothing more before the server
//   answers.
// One dot at the end of a name is taken off (RFC 6066 forbids it, but some clients send it), and
// its letters are in lower case. Its other bytes are as the client sent them: they may be invalid
// in a host name, or control a terminal. With Encrypted ClientHello it is the name of the public
// outer hello.
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
// Bytes of input after which it is never incomplete: as long a buffer is enough.
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
  bool fit() const;  // none is empty, and they end where the bytes end

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
  std::string_view reason;  // of any but the first two: a sentence for the log, a literal
  // When complete:
  AlpnList alpn;  // part of the input or of the scratch memory
  bool offers_tls13 = false;
  std::string_view server_name() const { return {name.data(), name_size}; }  // empty: not said

  std::array<char, kMaxServerName> name{};
  uint8_t name_size = 0;
};

// The host of a server_name extension (RFC 6066 3), in lower case and without a dot at its end;
// empty: malformed. A view of `memory`.
std::string_view read_server_name(std::string_view extension,
                                  std::span<char, kMaxServerName> memory);
// `scratch` has kMaxClientHello bytes; used only when the hello is spread over records.
ClientHello read_client_hello(std::string_view input, std::span<char> scratch);

}  // namespace weir
