// CRC-32C (Castagnoli, RFC 3720 B.4), half a byte a step: for a header a connection, not for bulk.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir {

namespace crc32c_internal {

constexpr std::array<uint32_t, 16> make_table() {
  std::array<uint32_t, 16> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 4; ++bit)
      table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? 0x82f63b78u : 0);
  }
  return table;
}
inline constexpr std::array<uint32_t, 16> kTable = make_table();

}  // namespace crc32c_internal

class Crc32c {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      state_ ^= static_cast<uint8_t>(c);
      state_ = state_ >> 4 ^ crc32c_internal::kTable[state_ & 15];
      state_ = state_ >> 4 ^ crc32c_internal::kTable[state_ & 15];
    }
  }
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = 0xffffffff;
};

}  // namespace weir
