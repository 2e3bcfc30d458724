#include "http/sticky_value.h"

#include <algorithm>

namespace weir {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kBytes = 22;  // 176 of the 180 bits of the text; the others are 0
using Bytes = std::array<uint8_t, kBytes>;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> kDigitValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}();

}  // namespace

std::optional<StickyValue> parse_sticky(std::string_view text) {
  if (text.size() != kStickySize) return std::nullopt;
  Bytes bytes{};
  uint32_t bits = 0, count = 0;  // not in `bytes` yet
  size_t to = 0;
  for (const char c : text) {
    const int digit = kDigitValues[static_cast<unsigned char>(c)];
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0x3fff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes[to++] = static_cast<uint8_t>(bits >> count & 0xff);
  }
  if (bytes[0] != kVersion || (bits & 0xf) != 0) return std::nullopt;
  StickyValue value;
  value.key = bytes[1];
  for (size_t i = 2; i < 6; ++i) value.issued = value.issued << 8 | bytes[i];
  std::copy_n(bytes.begin() + 6, value.tag.size(), value.tag.begin());
  return value;
}

StickyText sticky_text(const StickyValue& value) {
  Bytes bytes{kVersion, value.key};
  for (size_t i = 0; i < 4; ++i) bytes[2 + i] = static_cast<uint8_t>(value.issued >> (24 - 8 * i));
  std::ranges::copy(value.tag, bytes.begin() + 6);
  StickyText text;
  uint32_t bits = 0, count = 0;  // not in `text` yet
  size_t to = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) text[to++] = kDigits[bits >> (count - 6) & 63];
  }
  text[to] = kDigits[bits << (6 - count) & 63];
  return text;
}

}  // namespace weir
