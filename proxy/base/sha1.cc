#include "base/sha1.h"

#include <bit>

namespace weir {

void Sha1::add(std::string_view text) {
  bytes_ += text.size();
  for (const char c : text) add(static_cast<uint8_t>(c));
}

void Sha1::add(uint8_t byte) {
  block_[filled_++] = byte;
  if (filled_ == kBlock) end_of_block();
}

// RFC 3174 4: the padding ends with the size in bits.
Sha1::Digest Sha1::digest() {
  const uint64_t bits = bytes_ * 8;
  add(uint8_t(0x80));
  while (filled_ != kBlock - 8) add(uint8_t(0));
  for (unsigned shift = 64; shift > 0; shift -= 8) add(static_cast<uint8_t>(bits >> (shift - 8)));
  Digest digest;
  for (size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

// RFC 3174 6.1.
void Sha1::end_of_block() {
  std::array<uint32_t, 80> w;
  for (size_t i = 0; i < 16; ++i) {
    w[i] = uint32_t(block_[4 * i]) << 24 | uint32_t(block_[4 * i + 1]) << 16 |
           uint32_t(block_[4 * i + 2]) << 8 | uint32_t(block_[4 * i + 3]);
  }
  for (size_t i = 16; i < w.size(); ++i)
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state_;
  for (size_t i = 0; i < w.size(); ++i) {
    const uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                       : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                       : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                : (b ^ c ^ d) + 0xca62c1d6;
    const uint32_t next = std::rotl(a, 5) + f + e + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
  filled_ = 0;
}

}  // namespace weir
