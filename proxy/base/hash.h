// 64-bit hash of bytes (XXH3). Seed it per process wherever a client chooses the bytes.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0);

// Mixes an integer; a bijection (splitmix64's finaliser).
constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace weir
