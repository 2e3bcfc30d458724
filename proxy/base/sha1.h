// SHA-1, RFC 3174: for the handshake of WebSocket, which needs no secrecy (RFC 6455 10.8). Nothing
// else may use it. Pure, no allocation, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

class Sha1 {
 public:
  using Digest = std::array<uint8_t, 20>;

  void add(std::string_view text);
  Digest digest();  // of all texts added; the last call

 private:
  static constexpr size_t kBlock = 64;

  void add(uint8_t byte);
  void end_of_block();

  std::array<uint32_t, 5> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<uint8_t, kBlock> block_{};
  size_t filled_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace weir
